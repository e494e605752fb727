"""Epochs over examples that do not fit into the memory of the device."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from jaxlearn.data import Split

from ._run import Means, Run, RunState, draw_order

AHEAD = 2  # blocks that are read while the device works on one


def compile_stream(
    run: Run, state: RunState, train: Split, batch_size: int, length: int
) -> Callable[[RunState], tuple[RunState, Means]]:
    """`run.epoch` for examples of which the device holds `length` at a time, a multiple of the batch size.

    The batches are those of `run.epoch`. A thread reads the next examples, such as out of a `numpy.memmap`,
    while the device works on those before them.
    """
    examples = len(train.labels)
    starts = list(range(0, examples, length))
    if len(starts) > 1 and examples - starts[-1] < batch_size:
        starts.pop()  # less than a batch goes with the examples before it
    bounds = list(pairwise([*starts, examples]))
    programs = {size: _compile_part(run, state, train, size) for size in {b - a for a, b in bounds}}
    draw = jax.jit(draw_order, static_argnums=2).lower(state.key, state.step, examples).compile()

    def epoch(state: RunState) -> tuple[RunState, Means]:
        parts, sizes = [], []
        order = np.asarray(draw(state.key, state.step))
        for images, labels in read_ahead(train, [order[a:b] for a, b in bounds]):
            size = len(labels)
            state, means = programs[size](state, images, labels, np.arange(size))
            parts.append(jax.device_get(means))
            sizes.append(size)
        return state, jax.tree.map(lambda *means: np.average(means, weights=sizes), *parts)

    return epoch


def _compile_part(run: Run, state: RunState, train: Split, size: int) -> Any:
    first = Split(*(part[:size] for part in train))
    return jax.jit(run.epoch, donate_argnums=0).lower(state, *first, np.arange(size)).compile()


def read_ahead(train: Split, parts: list[np.ndarray]) -> Iterator[Split]:
    """The examples of these numbers on the device, one part after the other."""

    def read(rows: np.ndarray) -> Split:
        by_place = np.argsort(rows)  # a disk is read from its beginning to its end
        back = np.argsort(by_place)
        return jax.device_put(Split(*(array[rows[by_place]][back] for array in train)))

    with ThreadPoolExecutor(1) as reader:
        waiting = [reader.submit(read, rows) for rows in parts[:AHEAD]]
        for number in range(len(parts)):
            if number + AHEAD < len(parts):
                waiting.append(reader.submit(read, parts[number + AHEAD]))
            yield waiting.pop(0).result()
