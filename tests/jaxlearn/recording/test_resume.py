"""A run that is saved, and gone on with, ends as if it had never stopped: to the last bit."""

import json
from itertools import pairwise

import numpy as np
import pytest

from jaxlearn import nn, optim, recording, schedules, training
from jaxlearn._checkpoint import copy_tree
from tests.jaxlearn.sample import sample
from tests.jaxlearn.training import small
from tests.jaxlearn.training.small import BATCH, UPDATES, compile_small, run_to, same, same_state, save


def chain():
    rate = schedules.parse("one_cycle", 0.01, steps_per_epoch=UPDATES, epochs=2)
    return optim.chain(optim.clip_by_global_norm(0.1), optim.adam(rate))


def with_a_bad_image():
    """Of which the loss of its batch is NaN."""
    train = small.make_split(small.EXAMPLES, dtype=np.float32)
    train.images[5] = np.nan
    return train


def random_layers():
    layers = nn.linear(5, bias=False), nn.batch_norm(), nn.dropout(0.5), nn.linear(3)
    return nn.sequential(nn.flatten, *layers)


RUNS = {
    "dropout and batch norm": lambda: {"model": random_layers()},
    "schedule and clipping": lambda: {"optimizer": chain()},
    "no validation": lambda: {"held_out": 0},
    "skipped updates": lambda: {"optimizer": optim.skip_nonfinite(chain()), "train": with_a_bad_image()},
    "no state at all": lambda: {"optimizer": optim.sgd(0.1)},
    "averages": lambda: {"optimizer": optim.average_parameters(optim.adam(1e-2), decay=0.9)},
    "updates out of several batches": lambda: {"optimizer": optim.accumulate(optim.adam(1e-2), 5)},
    "some examples at a time": lambda: {"at_a_time": 3 * BATCH},
}


@pytest.mark.parametrize("name", sample(6, list(RUNS)))
def test_a_saved_run_goes_on_bit_for_bit(name, tmp_path):
    steps = (1, 7, UPDATES - 1, UPDATES, UPDATES + 1, 2 * UPDATES)
    small.resumes_bit_for_bit(compile_small(**RUNS[name]()), tmp_path, steps)


@pytest.fixture(scope="module")
def program():
    return compile_small()


def test_in_another_process_the_run_is_compiled_again_and_the_same(program, tmp_path):
    save(tmp_path, program, run_to(program, every=7, step=7))
    again = compile_small(seed=1)  # the seed is saved, too
    same(run_to(program), run_to(again, start=recording.restore(tmp_path, again)[0]))


@pytest.mark.parametrize("at_a_time", sample(2, [None, 3 * BATCH]))
def test_wherever_parts_end_the_numbers_are_those_of_fit(at_a_time):
    program = compile_small(model=random_layers(), at_a_time=at_a_time)
    reports = []
    for whole, report in training.fit(small.fresh(program), 2):
        last, reports = copy_tree(whole), [*reports, report]
    for length in (1, 5, None):
        ended = run_to(program, every=length)
        same_state(last, ended.state)
        assert small.without_seconds(reports) == small.without_seconds(ended.reports)


def test_a_part_ends_after_each_multiple_and_no_update_is_made_twice(program):
    start = run_to(program, every=3, step=9)
    ends = [int(p.state.step) for p in training.run_parts(program, start, 3, every=5)]
    assert {10, 12, 15, 20, 24, 25, 30, 35, 36} <= set(ends)
    assert all(before < after for before, after in pairwise([9, *ends]))


def test_more_epochs_go_on_where_fewer_have_ended(program, tmp_path):
    save(tmp_path, program, run_to(program, epochs=1))
    same(run_to(program, epochs=3), run_to(program, epochs=3, start=recording.restore(tmp_path, program)[0]))


def test_a_finished_run_has_nothing_left_to_do(program):
    ended = run_to(program)
    assert list(training.run_parts(program, ended, 2)) == []


def record(program, folder, epochs, **options):
    identity = {"dataset": "none", "model": "linear", "optimizer": "adam", "seed": 0}
    _, summary = recording.record_run(
        program, folder, epochs, config={"model": "linear"}, about=identity, **options
    )
    return {name: value for name, value in summary.items() if "seconds" not in name}


def test_a_record_that_goes_on_is_that_of_one_run(program, tmp_path):
    saving = recording.Saving(7, "steps")
    whole = record(small.fresh(program), tmp_path / "whole", 3, saving=saving)
    record(small.fresh(program), tmp_path / "run", 1, saving=saving)
    start, _ = recording.restore(tmp_path / "run" / "checkpoints", program)
    assert record(program, tmp_path / "run", 3, saving=saving, start=start) == whole
    there, here = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("whole", "run")
    )
    assert [line | {"seconds": 0} for line in there] == [line | {"seconds": 0} for line in here]
    kept = {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()}
    assert kept == {path.name for path in (tmp_path / "whole" / "checkpoints").iterdir()}
