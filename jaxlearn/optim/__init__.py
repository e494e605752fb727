"""Optimizers as pairs of pure functions, `init(params)` and `update(grads, state, params)`.

Named optimizers (`sgd`, `adamw`, `lion` ...) are short chains of the primitives beside them
(`trace`, `scale_by_adam`, `add_decayed_weights`, `scale_by_learning_rate` ...). Rules and default
values are PyTorch's where it has the optimizer, and else the paper's; where PyTorch, optax or the
paper differ, the docstring says how. Wherever a hyperparameter is a real number it may be a schedule.
"""

from jaxlearn._check import check

from ._accumulate import AccumulateState, accumulate
from ._adabelief import AdabeliefState, adabelief, scale_by_adabelief
from ._adadelta import AdadeltaState, adadelta, scale_by_adadelta
from ._adafactor import AdafactorState, adafactor
from ._adagrad import AdagradState, adagrad, scale_by_adagrad
from ._adam import AdamState, adam, bias_correction, scale_by_adam
from ._adamax import AdamaxState, adamax, scale_by_adamax
from ._adamw import adamw, nadamw
from ._adan import AdanState, adan, scale_by_adan
from ._ademamix import AdemamixState, ademamix, scale_by_ademamix
from ._adopt import AdoptState, adopt, scale_by_adopt
from ._asgd import AsgdState, asgd
from ._average import (
    AverageParametersState,
    AverageState,
    EmaState,
    average_parameters,
    averaged_parameters,
    ema,
)
from ._centralize import centralize
from ._clip import adaptive_clip, clip, clip_by_global_norm, clip_by_norm, global_norm
from ._dadapt_adamw import DAdaptAdamwState, dadapt_adamw
from ._decay import add_decayed_weights
from ._evaluation import evaluation_parameters
from ._lbfgs import LbfgsState, lbfgs
from ._leafwise import PyTree, Scalar, leafwise
from ._learning_rate import LearningRateState, current_learning_rate, scale, scale_by_learning_rate
from ._lion import LionState, lion, scale_by_lion
from ._lookahead import LookaheadState, lookahead
from ._madgrad import MadgradState, madgrad
from ._mask import Mask, freeze, label, masked, match, partition
from ._momentum import momentum
from ._muon import MuonState, muon, orthogonalize, scale_by_muon
from ._nadam import NadamState, nadam, scale_by_nadam
from ._noise import NoiseState, add_noise
from ._novograd import NovogradState, novograd, scale_by_novograd
from ._plateau import PlateauState, reduce_on_plateau
from ._precision import MasterState, master_weights, state_dtype
from ._prodigy import ProdigyState, prodigy
from ._radam import RadamState, radam, scale_by_radam
from ._rmsprop import RmsState, rmsprop, scale_by_rms
from ._rprop import RpropState, rprop
from ._sam import sam
from ._schedule import Schedule, ScheduledState, schedulable
from ._schedule_free import (
    ScheduleFreeState,
    schedule_free,
    schedule_free_adamw,
    schedule_free_parameters,
    schedule_free_sgd,
)
from ._sgd import sgd
from ._shampoo import ShampooState, scale_by_shampoo, shampoo
from ._sign_sgd import SignState, scale_by_sign, sign_sgd
from ._skip import SkipState, skip_nonfinite
from ._soap import SoapState, scale_by_soap, soap
from ._sophia import SophiaState, hutchinson, scale_by_sophia, sophia
from ._trace import TraceState, trace
from ._transform import EmptyState, Transform, apply_updates, chain, from_rule, named_chain, stateless
from ._trust_ratio import lamb, lars, scale_by_lars, scale_by_trust_ratio
from ._yogi import YogiState, scale_by_yogi, yogi

__all__ = [
    "AccumulateState",
    "AdabeliefState",
    "AdadeltaState",
    "AdafactorState",
    "AdagradState",
    "AdamState",
    "AdamaxState",
    "AdanState",
    "AdemamixState",
    "AdoptState",
    "AsgdState",
    "AverageParametersState",
    "AverageState",
    "DAdaptAdamwState",
    "EmaState",
    "EmptyState",
    "LbfgsState",
    "LearningRateState",
    "LionState",
    "LookaheadState",
    "MadgradState",
    "Mask",
    "MasterState",
    "MuonState",
    "NadamState",
    "NoiseState",
    "NovogradState",
    "PlateauState",
    "ProdigyState",
    "PyTree",
    "RadamState",
    "RmsState",
    "RpropState",
    "Scalar",
    "Schedule",
    "ScheduleFreeState",
    "ScheduledState",
    "ShampooState",
    "SignState",
    "SkipState",
    "SoapState",
    "SophiaState",
    "TraceState",
    "Transform",
    "YogiState",
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
    "freeze",
    "from_rule",
    "global_norm",
    "hutchinson",
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
    "trace",
    "yogi",
]
