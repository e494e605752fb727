"""Optimizers as pairs of pure functions, `init(params)` and `update(grads, state, params)`.

Named optimizers (`sgd`, `momentum`, `adam`, `rmsprop`) are short chains of the primitives beside
them. The rules and default values are PyTorch's; where optax differs, the docstring says how.
"""

from ._adam import AdamState, adam, scale_by_adam
from ._clip import clip_by_global_norm, global_norm
from ._decay import add_decayed_weights
from ._learning_rate import LearningRateState, current_learning_rate, scale, scale_by_learning_rate
from ._momentum import momentum
from ._rmsprop import RmsState, rmsprop, scale_by_rms
from ._schedule import Schedule, ScheduledState
from ._sgd import sgd
from ._trace import TraceState, trace
from ._transform import EmptyState, Transform, apply_updates, chain, leafwise, stateless

__all__ = [
    "AdamState",
    "EmptyState",
    "LearningRateState",
    "RmsState",
    "Schedule",
    "ScheduledState",
    "TraceState",
    "Transform",
    "adam",
    "add_decayed_weights",
    "apply_updates",
    "chain",
    "clip_by_global_norm",
    "current_learning_rate",
    "global_norm",
    "leafwise",
    "momentum",
    "rmsprop",
    "scale",
    "scale_by_adam",
    "scale_by_learning_rate",
    "scale_by_rms",
    "sgd",
    "stateless",
    "trace",
]
