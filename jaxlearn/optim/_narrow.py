"""Warnings where a state is in a dtype that cannot hold what its rule needs."""

import inspect
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ._leafwise import PyTree
from ._transform import Transform


class Need(NamedTuple):
    """What a rule needs of the dtype of its state.

    Attributes:
      smallest: the smallest number above 0 is below this.
      eps: the step from 1 to the next number is below this.
      loss: what happens in other dtypes, with `{least}` for the root of their smallest number.
    """

    smallest: float
    eps: float
    loss: str


SQUARES = Need(1e-30, 1.0, "the square of a gradient below {least:.0e} is 0")
FIRST_STEPS = Need(1e-30, 1e-4, "its first steps are too small to be seen")


def warn_where_narrow(need: Need, who: str, transform: Transform) -> Transform:
    """The transform, warning when its state is made of parameters whose dtype is not what it needs.

    >>> opt = warn_where_narrow(SQUARES, "adam", Transform(lambda params: (), lambda *_: None))
    >>> with warnings.catch_warnings(record=True, action="always") as told:
    ...     state = opt.init(jnp.float16(1))
    >>> print(str(told[0].message).split(": ")[0])
    adam keeps its state in float16, where the square of a gradient below 2e-04 is 0
    """

    def init(params: PyTree) -> PyTree:
        for dtype in {jnp.result_type(leaf): None for leaf in jax.tree.leaves(params)}:
            if not _holds(need, dtype):
                least = float(jnp.finfo(dtype).smallest_subnormal) ** 0.5
                warnings.warn(
                    f"{who} keeps its state in {dtype}, where {need.loss.format(least=least)}: "
                    "optim.state_dtype(..., jnp.float32) or optim.master_weights(...) keeps it in float32",
                    stacklevel=_outside(),
                )
                break
        return transform.init(params)

    return Transform(init, transform.update)


def _outside() -> int:
    """The `stacklevel` at which whoever called the library is."""
    inside = tuple(str(folder) + os.sep for folder in (Path(__file__).parents[1], Path(jax.__file__).parent))
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_code.co_filename.startswith(inside):
        frame, level = frame.f_back, level + 1
    return level


def _holds(need: Need, dtype: Any) -> bool:
    if not jnp.issubdtype(dtype, jnp.inexact):
        return True
    info = jnp.finfo(dtype)
    return bool(info.smallest_subnormal < need.smallest and info.eps < need.eps)
