"""The examples of an epoch on the device: all of them, or a block after another where it cannot hold all."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._draw import draw_order
from jaxlearn._split import Split, count_batches

from ._batches import Batches
from ._run import Run
from ._state import RunState

AHEAD = 2  # blocks that are read while the device works on one


class Block(NamedTuple):
    """Examples for some of the updates of an epoch.

    Attributes:
      examples: on the device.
      order: in which they are taken, a batch after another.
      begin, end: numbers of the first update, and of the first one that is not among these.
    """

    examples: Split
    order: jax.Array
    begin: int
    end: int


def lower_epoch(run: Run, state: RunState, train: Split, batches: Batches) -> dict[str, Any]:
    """The programs of an epoch, lowered: what draws its order, and what works on each size of block.

    Args:
      run: whose epoch it is.
      state: its shapes and dtypes.
      train: the examples.
      batches: how they stand.
    """
    drawing = jax.jit(_draw_order, static_argnums=(3, 4))
    draw = drawing.lower(state.key, state.step, 0, len(train.labels), batches.examples)
    sizes = {end - begin for begin, end in batches.bounds()}
    return {
        "draw": draw,
        "advance": {size: _lower_advance(run, state, train, batches, size) for size in sizes},
    }


def _lower_advance(run: Run, state: RunState, train: Split, batches: Batches, size: int) -> Any:
    """`run.advance` for a block of `size` examples: on full batches, and on what remains, if anything."""
    block = train if batches.length is None else Split(*(part[:size] for part in train))
    full, rest = divmod(size, batches.batch_size)

    def last(state: RunState, examples: Split, order: jax.Array) -> RunState:
        number = batches.updates - 1
        return run.advance(state, examples, order, begin=number, offset=number - full)

    def lower(function: Callable[..., RunState], *scalars: int) -> Any:
        order = np.zeros(size, np.int32)
        return jax.jit(function, donate_argnums=0).lower(state, block, order, *scalars)

    return lower(run.advance, 0, 0, 0), lower(last) if rest else None


def join_advance(compiled: dict[str, Any], batch_size: int) -> Callable[..., RunState]:
    """`advance(state, block, begin, end)`: the updates `begin` to `end - 1` of an epoch, all of one block.

    The memory of `state` goes to the result.
    """

    def advance(state: RunState, block: Block, begin: int, end: int) -> RunState:
        size = len(block.order)
        on_full, on_rest = compiled["advance"][size]
        full = block.begin + size // batch_size
        if begin < full:
            numbers = jax.device_put((begin, min(end, full), block.begin))
            state = on_full(state, block.examples, block.order, *numbers)
        if end > full:
            state = on_rest(state, block.examples, block.order)
        return jax.block_until_ready(state)

    return advance


def join_blocks(
    compiled: dict[str, Any], train: Split, batches: Batches
) -> Callable[[RunState, int], Iterator[Block]]:
    """`blocks(state, done)`: the blocks of an epoch of which so many updates are made already.

    With `batches.length`, a thread reads the next ones, such as out of a `numpy.memmap`, while the device
    works on those before them.
    """

    def blocks(state: RunState, done: int) -> Iterator[Block]:
        size = batches.batch_size
        order = compiled["draw"](state.key, state.step, jax.device_put(done))
        if batches.length is None:
            yield Block(train, order, 0, batches.updates)
            return
        left = [(begin, end) for begin, end in batches.bounds() if done * size < end]
        read = _read_ahead(train, jax.device_get(order), left)
        for (begin, end), (examples, rows) in zip(left, read, strict=True):
            yield Block(examples, rows, begin // size, count_batches(end, size))

    return blocks


def _draw_order(key: jax.Array, step: jax.Array, done: Any, examples: int, used: int) -> jax.Array:
    return draw_order(key, step - jnp.asarray(done, step.dtype), examples)[:used]


def _read_ahead(
    train: Split, order: np.ndarray, bounds: list[tuple[int, int]]
) -> Iterator[tuple[Split, jax.Array]]:
    """The examples of each stretch of the order on the device, one after the other, and their own order."""

    def read(bound: tuple[int, int]) -> tuple[Split, jax.Array]:
        rows = order[slice(*bound)]
        by_place = np.argsort(rows)  # a disk is read from its beginning to its end
        back = np.argsort(by_place).astype(np.int32)
        return jax.device_put((Split(*(array[rows[by_place]] for array in train)), back))

    with ThreadPoolExecutor(1) as reader:
        waiting = [reader.submit(read, bound) for bound in bounds[:AHEAD]]
        for number in range(len(bounds)):
            if number + AHEAD < len(bounds):
                waiting.append(reader.submit(read, bounds[number + AHEAD]))
            yield waiting.pop(0).result()
