"""Which parameters to evaluate."""

from ._average import AverageState, averaged_parameters
from ._leafwise import PyTree, leafwise
from ._schedule_free import ScheduleFreeState, schedule_free_parameters
from ._wrapper import find_states


def is_averaging(state: PyTree) -> bool:
    """Whether the parameters to evaluate are others than those that are trained.

    >>> from jaxlearn import optim
    >>> [is_averaging(opt.init({"w": 1.0})) for opt in (optim.adam(), optim.asgd())]
    [False, True]
    """
    return bool(find_states(state, ScheduleFreeState) or find_states(state, AverageState))


def evaluation_parameters(state: PyTree, params: PyTree) -> PyTree:
    """The parameters to evaluate and to keep: an average where the optimizer makes one, else `params`.

    That is `averaged_parameters(state)` for `average_parameters` and `asgd`, and
    `schedule_free_parameters(state, params)` for schedule-free optimizers, in the dtypes of `params`.

    Args:
      state: state of any optimizer, jaxlearn's or optax's.
      params: the parameters that are trained.

    Raises:
      ValueError: the state holds more than one average.

    >>> from jaxlearn import optim
    >>> opt = optim.average_parameters(optim.sgd(1.0))
    >>> params, state = 0.0, opt.init(0.0)
    >>> for _ in range(3):
    ...     updates, state = opt.update(-1.0, state, params)
    ...     params = optim.apply_updates(params, updates)
    >>> print(evaluation_parameters(state, params), evaluation_parameters((), params))
    2.0 3.0
    """
    if find_states(state, ScheduleFreeState):
        return schedule_free_parameters(state, params)
    if find_states(state, AverageState):
        return leafwise(lambda p, mean: (mean, None), params, averaged_parameters(state))[0]
    return params
