"""Optimizers as pairs of pure functions, `init(params)` and `update(grads, state, params)`.

Named optimizers (`sgd`, `adamw`, `lion` ...) are short chains of the primitives beside them
(`trace`, `scale_by_adam`, `add_decayed_weights`, `scale_by_learning_rate` ...). Rules and default
values are PyTorch's where it has the optimizer, and else the paper's; where PyTorch, optax or the
paper differ, the docstring says how. Wherever a hyperparameter is a real number it may be a schedule.
One outside the interval in its docstring is a ValueError that names it, one that is no number a TypeError.
"""

from jaxlearn._check import check

from . import states
from ._accumulate import accumulate
from ._adabelief import adabelief, scale_by_adabelief
from ._adadelta import adadelta, scale_by_adadelta
from ._adafactor import adafactor
from ._adagrad import adagrad, scale_by_adagrad
from ._adam import adam, bias_correction, scale_by_adam
from ._adamax import adamax, scale_by_adamax
from ._adamw import adamw, nadamw
from ._adan import adan, scale_by_adan
from ._ademamix import ademamix, scale_by_ademamix
from ._adopt import adopt, scale_by_adopt
from ._asgd import asgd
from ._average import average_parameters, averaged_parameters, ema
from ._centralize import centralize
from ._clip import adaptive_clip, clip, clip_by_global_norm, clip_by_norm, global_norm
from ._dadapt_adamw import dadapt_adamw
from ._decay import add_decayed_weights
from ._evaluation import evaluation_parameters, is_averaging
from ._lbfgs import lbfgs
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import current_learning_rate, scale, scale_by_learning_rate
from ._lion import lion, scale_by_lion
from ._lookahead import lookahead
from ._madgrad import madgrad
from ._mask import Mask, freeze, label, masked, match, partition
from ._momentum import momentum
from ._muon import muon, orthogonalize, scale_by_muon
from ._nadam import nadam, scale_by_nadam
from ._noise import add_noise
from ._novograd import novograd, scale_by_novograd
from ._plateau import reduce_on_plateau
from ._precision import master_weights, state_dtype
from ._prodigy import prodigy
from ._radam import radam, scale_by_radam
from ._rmsprop import rmsprop, scale_by_rms
from ._rprop import rprop
from ._sam import sam
from ._schedule import Schedule, schedulable
from ._schedule_free import schedule_free, schedule_free_adamw, schedule_free_parameters, schedule_free_sgd
from ._sgd import sgd
from ._shampoo import scale_by_shampoo, shampoo
from ._sign_sgd import scale_by_sign, sign_sgd
from ._skip import skip_nonfinite
from ._soap import scale_by_soap, soap
from ._sophia import hutchinson, scale_by_sophia, sophia
from ._trace import trace
from ._transform import (
    Transform,
    apply_updates,
    chain,
    from_rule,
    hyperparameters,
    named_chain,
    stateless,
    with_extra_args_support,
)
from ._trust_ratio import lamb, lars, scale_by_lars, scale_by_trust_ratio
from ._wrapper import find_states
from ._yogi import scale_by_yogi, yogi

__all__ = [
    "Mask",
    "PyTree",
    "Scalar",
    "Schedule",
    "Transform",
    "accumulate",
    "adabelief",
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "adan",
    "adaptive_clip",
    "add_decayed_weights",
    "add_noise",
    "ademamix",
    "adopt",
    "apply_updates",
    "asgd",
    "average_parameters",
    "averaged_parameters",
    "bias_correction",
    "centralize",
    "chain",
    "check",
    "clip",
    "clip_by_global_norm",
    "clip_by_norm",
    "current_learning_rate",
    "dadapt_adamw",
    "ema",
    "evaluation_parameters",
    "find_states",
    "freeze",
    "from_rule",
    "global_norm",
    "hutchinson",
    "hyperparameters",
    "is_averaging",
    "label",
    "lamb",
    "lars",
    "lbfgs",
    "leafwise",
    "lion",
    "lookahead",
    "madgrad",
    "masked",
    "master_weights",
    "match",
    "momentum",
    "muon",
    "nadam",
    "nadamw",
    "named_chain",
    "novograd",
    "orthogonalize",
    "partition",
    "prodigy",
    "radam",
    "reduce_on_plateau",
    "rmsprop",
    "rprop",
    "sam",
    "scale",
    "scale_by_adabelief",
    "scale_by_adadelta",
    "scale_by_adagrad",
    "scale_by_adam",
    "scale_by_adamax",
    "scale_by_adan",
    "scale_by_ademamix",
    "scale_by_adopt",
    "scale_by_lars",
    "scale_by_learning_rate",
    "scale_by_lion",
    "scale_by_muon",
    "scale_by_nadam",
    "scale_by_novograd",
    "scale_by_radam",
    "scale_by_rms",
    "scale_by_shampoo",
    "scale_by_sign",
    "scale_by_soap",
    "scale_by_sophia",
    "scale_by_trust_ratio",
    "scale_by_yogi",
    "schedulable",
    "schedule_free",
    "schedule_free_adamw",
    "schedule_free_parameters",
    "schedule_free_sgd",
    "sgd",
    "shampoo",
    "sign_sgd",
    "skip_nonfinite",
    "soap",
    "sophia",
    "state_dtype",
    "stateless",
    "states",
    "trace",
    "with_extra_args_support",
    "yogi",
]
