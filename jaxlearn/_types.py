"""Types that several packages speak of."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax

PyTree: TypeAlias = Any
Loss: TypeAlias = Callable[[jax.Array, jax.Array], jax.Array]  # of the outputs and targets of a batch
