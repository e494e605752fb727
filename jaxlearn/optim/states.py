"""States of the transforms: what `init` makes and `update` takes and gives, NamedTuples of arrays.

>>> import jax.numpy as jnp
>>> from jaxlearn import optim
>>> isinstance(optim.trace(0.9).init(jnp.ones(2)), TraceState)
True
"""

from ._accumulate import AccumulateState
from ._adabelief import AdabeliefState
from ._adadelta import AdadeltaState
from ._adafactor import AdafactorState
from ._adagrad import AdagradState
from ._adam import AdamState
from ._adamax import AdamaxState
from ._adan import AdanState
from ._ademamix import AdemamixState
from ._adopt import AdoptState
from ._asgd import AsgdState
from ._average import AverageParametersState, AverageState, EmaState
from ._dadapt_adamw import DAdaptAdamwState
from ._lbfgs import LbfgsState
from ._learning_rate import LearningRateState
from ._lion import LionState
from ._lookahead import LookaheadState
from ._madgrad import MadgradState
from ._muon import MuonState
from ._nadam import NadamState
from ._noise import NoiseState
from ._novograd import NovogradState
from ._plateau import PlateauState
from ._precision import MasterState
from ._prodigy import ProdigyState
from ._radam import RadamState
from ._rmsprop import RmsState
from ._rprop import RpropState
from ._schedule import ScheduledState
from ._schedule_free import ScheduleFreeState
from ._shampoo import ShampooState
from ._sign_sgd import SignState
from ._skip import SkipState
from ._soap import SoapState
from ._sophia import SophiaState
from ._trace import TraceState
from ._transform import EmptyState
from ._yogi import YogiState

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
    "MasterState",
    "MuonState",
    "NadamState",
    "NoiseState",
    "NovogradState",
    "PlateauState",
    "ProdigyState",
    "RadamState",
    "RmsState",
    "RpropState",
    "ScheduleFreeState",
    "ScheduledState",
    "ShampooState",
    "SignState",
    "SkipState",
    "SoapState",
    "SophiaState",
    "TraceState",
    "YogiState",
]
