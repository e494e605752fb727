"""An epoch in parts: to look up in between, and for examples that the device cannot hold all at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn.data import Split

from ._run import Means, Run, RunState, draw_order, last_batch

AHEAD = 2  # blocks of examples that are read while the device works on one

# parts(state, measured, done, until): after each part what there is then and the updates made in this epoch.
# `done` of them are made already; `until(done)` is where the next part ends at the latest
Parts: TypeAlias = Callable[
    [RunState, Means, int, Callable[[int], int]], Iterator[tuple[RunState, Means, int]]
]


def lower_parts(
    run: Run, state: RunState, measured: Means, train: Split, used: int, batch_size: int, length: int | None
) -> dict[str, Any]:
    """The programs of an epoch, lowered: what draws its order, and what works on each size of block.

    Args:
      run: whose epoch it is.
      state, measured: their shapes and dtypes.
      train, used, batch_size, length: as of `join_parts`.
    """
    sizes = {end - begin for begin, end in _bounds(used, batch_size, length or used)}
    drawing = jax.jit(_draw_order, static_argnums=(3, 4))
    draw = drawing.lower(state.key, state.step, 0, len(train.labels), used)
    blocks = {size: train if length is None else Split(*(part[:size] for part in train)) for size in sizes}
    programs = {size: _lower_block(run, state, measured, blocks[size], size, batch_size) for size in sizes}
    return {"draw": draw, "blocks": programs}


def join_parts(
    compiled: dict[str, Any], train: Split, used: int, batch_size: int, length: int | None
) -> Parts:
    """An epoch whose batches are those of `run.epoch`, wherever its parts end.

    With `length`, a multiple of the batch size, the device holds that many examples at a time. A thread reads
    the next ones, such as out of a `numpy.memmap`, while the device works on those before them.

    Args:
      compiled: what `lower_parts` gave, compiled.
      train: the examples; on the device, unless `length` says how many of them.
      used: how many of them an epoch works on: the first ones of its order.
      batch_size: examples in an update.
      length: examples on the device at a time; None for all.
    """
    bounds = _bounds(used, batch_size, length or used)
    draw, programs = compiled["draw"], compiled["blocks"]
    resident = train if length is None else None

    def parts(
        state: RunState, measured: Means, done: int, until: Callable[[int], int]
    ) -> Iterator[tuple[RunState, Means, int]]:
        order = draw(state.key, state.step, jax.device_put(done))
        left = [(a, b) for a, b in bounds if done * batch_size < b]
        blocks = iter([(resident, order)]) if resident else _read_ahead(train, jax.device_get(order), left)
        for (first, end), (block, local) in zip(left, blocks, strict=True):
            work, last = programs[end - first]
            offset = first // batch_size
            full = end // batch_size
            while done < full:
                begin, done = done, min(max(until(done), done + 1), full)
                scalars = jax.device_put((begin, done, offset))
                state, measured = work(state, measured, *block, local, *scalars)
                yield *jax.block_until_ready((state, measured)), done
            if last:
                state, measured = last(state, measured, *block, local)
                done += 1
                yield *jax.block_until_ready((state, measured)), done

    return parts


def _bounds(examples: int, batch_size: int, length: int) -> list[tuple[int, int]]:
    starts = list(range(0, examples, length))
    if len(starts) > 1 and examples - starts[-1] < batch_size:
        starts.pop()  # less than a batch goes with the examples before it
    return list(pairwise([*starts, examples]))


def _draw_order(key: jax.Array, step: jax.Array, done: Any, examples: int, used: int) -> jax.Array:
    return draw_order(key, step - jnp.asarray(done, step.dtype), examples)[:used]


def _lower_block(run: Run, state: RunState, measured: Means, block: Split, size: int, batch_size: int) -> Any:
    """What makes the updates on full batches, and, if less than a batch remains, what makes the last one.

    The updates are on `size` examples of the block.
    """
    order = np.zeros(size, np.int32)

    def last(state: RunState, measured: Means, images: Any, labels: Any, order: Any) -> Any:
        batch = order[size // batch_size * batch_size :]
        with last_batch(len(batch)):
            state, means = run.step(state, images[batch], labels[batch])
        return state, jax.tree.map(lambda all, one: all.at[-1].set(one), measured, means)

    def lower(function: Any, *scalars: int) -> Any:
        return jax.jit(function, donate_argnums=(0, 1)).lower(state, measured, *block, order, *scalars)

    return lower(run.steps, 0, 0, 0), lower(last) if size % batch_size else None


def _read_ahead(
    train: Split, order: np.ndarray, bounds: list[tuple[int, int]]
) -> Iterator[tuple[Split, np.ndarray]]:
    """The examples of each stretch of the order on the device, one after the other, and their own order."""

    def read(bound: tuple[int, int]) -> tuple[Split, np.ndarray]:
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
