"""A loop of the user's own: what it yields stays good, it goes on, and it stops early."""

import jax.numpy as jnp
import pytest

from jaxlearn import optim, recording, training
from jaxlearn.training import EpochReport
from tests.jaxlearn.training.small import UPDATES, compile_small, run_to, same_state, save, without_seconds


@pytest.fixture(scope="module")
def program():
    return compile_small(optim.adam(0.05))


def test_every_state_that_was_yielded_stays_good(program):
    kept = list(training.fit(program, 3))
    assert [int(state.step) for state, _ in kept] == [UPDATES, 2 * UPDATES, 3 * UPDATES]
    for epochs, (state, _) in enumerate(kept, start=1):
        same_state(state, run_to(program, epochs).state)


def test_a_cell_that_is_run_twice_gives_the_same(program):
    there, here = (list(training.fit(program, 2)) for _ in range(2))
    same_state(there[-1][0], here[-1][0])
    assert without_seconds([report for _, report in there]) == without_seconds([report for _, report in here])


def test_it_goes_on_from_a_saved_position(program, tmp_path):
    save(tmp_path, program, run_to(program, epochs=2, every=5, step=UPDATES + 3))
    start, _ = recording.restore(tmp_path, program)
    went_on = list(training.fit(program, 3, start=start))
    assert [report.epoch for _, report in went_on] == [2, 3]
    same_state(went_on[-1][0], list(training.fit(program, 3))[-1][0])
    same_state(start.state, recording.restore(tmp_path, program)[0].state)  # and is still there


def at(reports):
    return training.Position(None, reports=tuple(reports))


def report(epoch, accuracy, loss=0.5):
    return EpochReport(epoch, 0.1, 0.9, loss, accuracy, 0.1, 1.0)


@pytest.mark.parametrize(
    ("accuracies", "stops"),
    [
        ([0.5, 0.6, 0.7, 0.8], None),
        ([0.5, 0.4, 0.4, 0.9], 3),
        ([0.5, 0.4, 0.6, 0.5, 0.5], 5),
        ([0.5, 0.5, 0.5], 3),  # as good is no better
        ([float("nan")] * 3, 2),
    ],
)
def test_patience_counts_epochs_that_were_no_better(accuracies, stops):
    losses = [float("nan") if accuracy != accuracy else 0.5 for accuracy in accuracies]
    reports = [report(*row) for row in zip(range(1, 9), accuracies, losses, strict=False)]
    ended = [n for n in range(1, len(reports) + 1) if at(reports[:n]).is_out_of_patience(2)]
    assert (ended[0] if ended else None) == stops
    assert not at(reports).is_out_of_patience(None)


def test_a_run_without_improvement_is_stopped_and_its_best_epoch_is_kept(tmp_path):
    program = compile_small(
        optim.sgd(lambda step: jnp.where(step < UPDATES, 0.5, 0.0))
    )  # after an epoch nothing changes
    (best, first), *others = training.fit(program, 20, patience=3)
    assert [after.epoch for _, after in others] == [2, 3, 4]
    assert max([(best, first), *others], key=lambda after: after[1].val_accuracy)[1] is first
    identity = dict.fromkeys(["dataset", "model", "optimizer", "seed"], "")
    _, summary = recording.record_run(program, tmp_path / "run", 20, about=identity, patience=3)
    assert (summary["epochs"], summary["best_epoch"]) == (4, 1)
    assert summary["params_digest"] == recording.params_digest(best.params)
    start, _ = recording.restore(tmp_path / "run" / "checkpoints", program)
    assert len(start.reports) == 4
    assert list(training.fit(program, 20, start=start, patience=3)) == []


def test_the_parameters_that_are_kept_are_those_of_the_best_epoch(tmp_path):
    worse_and_worse = lambda step: jnp.where(step < UPDATES, 0.05, 30.0)
    program = compile_small(optim.sgd(worse_and_worse), seed=1)
    states = list(training.fit(program, 20, patience=3))
    best, report = max(states, key=lambda after: after[1].val_accuracy)
    assert report.epoch == len(states) - 3
    identity = dict.fromkeys(["dataset", "model", "optimizer", "seed"], "")
    _, summary = recording.record_run(program, tmp_path / "run", 20, about=identity, patience=3)
    assert summary["best_epoch"] == report.epoch
    digests = [recording.params_digest(state.params) for state, _ in (states[-1], (best, report))]
    assert summary["params_digest"] == digests[1] != digests[0]


def test_patience_needs_validation_examples_and_a_number():
    with pytest.raises(ValueError, match="patience needs validation examples, got patience=3 without"):
        training.fit(compile_small(held_out=0), 5, patience=3)
    with pytest.raises(ValueError, match=r"patience must be in \[1, inf\), got 0"):
        training.fit(compile_small(), 5, patience=0)


def test_it_goes_on_from_a_state_in_a_file(program, tmp_path):
    """The reports say which epochs they are of, though those before are not known."""
    *_, (second, _) = training.fit(program, 2)
    training.save_checkpoint(tmp_path / "second", second)
    loaded = training.load_checkpoint(tmp_path / "second", program.state)
    ((third, report),) = training.fit(program, 3, start=loaded)
    whole = list(training.fit(program, 3))
    same_state(third, whole[-1][0])
    assert without_seconds([report]) == without_seconds([whole[-1][1]])
    middle = run_to(program, epochs=2, every=5, step=UPDATES + 3).state
    ends = list(training.fit(program, 3, start=middle))
    assert [report.epoch for _, report in ends] == [2, 3]
    same_state(ends[-1][0], whole[-1][0])
    assert without_seconds([r for _, r in ends]) == without_seconds([r for _, r in whole[1:]])


def test_patience_counts_from_a_state(program):
    *_, (second, _) = training.fit(program, 2)
    still = compile_small(optim.sgd(0.0))
    still = still._replace(state=still.state._replace(params=second.params, step=second.step))
    assert [report.epoch for _, report in training.fit(still, 20, patience=3)] == [3, 4, 5, 6]
