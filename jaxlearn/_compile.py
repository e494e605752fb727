"""Compiling several programs at the same time."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax

from ._system import cores


def compile_all(lowered: Any) -> Any:
    """Compiles every `jax.stages.Lowered` of a pytree, a core each: XLA lets other threads go on meanwhile.

    Tracing stays with the caller, whose thread alone has its settings, such as `jax.enable_x64`.

    >>> programs = {n: jax.jit(lambda x, n=n: n * x).lower(1.0) for n in (2, 3)}
    >>> {n: float(program(5.0)) for n, program in compile_all(programs).items()}
    {2: 10.0, 3: 15.0}
    """
    with ThreadPoolExecutor(cores()) as pool:
        waiting = jax.tree.map(lambda program: pool.submit(program.compile), lowered)
        return jax.tree.map(lambda program: program.result(), waiting)
