"""The engine and the protocol: a run in a grid is the run alone, and the choice is honest."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxlearn import compare, data, losses, nn, optim, training
from jaxlearn.compare import _width
from jaxlearn.compare._arrangement import arrange, make_arrangement
from jaxlearn.compare._finished import FinishedSweeps
from jaxlearn.compare._grid_program import GridProgram, compile_grids
from jaxlearn.compare._sweep import Curves, _forget_beaten
from jaxlearn.compare._task import Task, make_scoring
from jaxlearn.training._state import to_float
from tests.jaxlearn.sample import sample

# no bias before batch norm: it has no gradient but rounding, which Adam makes as large as any other
MODEL = nn.sequential(
    nn.flatten, nn.linear(8, bias=False), nn.batch_norm(), nn.sigmoid, nn.dropout(0.1), nn.linear(3)
)
MLP = nn.sequential(nn.flatten, nn.linear(100), nn.sigmoid, nn.linear(100), nn.sigmoid, nn.linear(10))
SIMPLE = nn.sequential(nn.flatten, nn.linear(3))


def make_split(seed, examples):
    """Three classes that differ in brightness, not without overlap."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, examples).astype(np.int32)
    bright = 60 + 60 * labels[:, None, None, None]
    images = np.clip(bright + 40 * rng.normal(size=(examples, 3, 3, 1)), 0, 255).astype(np.uint8)
    return data.Split(images, labels)


TRAIN, VALIDATION, TEST = make_split(0, 70), make_split(1, 40), make_split(2, 50)
RATES = [0.003, 0.03, 0.3]


def run_all(contenders, **options):
    options = {"seeds": range(2), "epochs": 2, "batch_size": 14, "width": 1} | options
    return compare.compare(contenders, TRAIN, VALIDATION, TEST, **options)


def adam_on(model, rates=RATES, make=optim.adam, name="adam"):
    return compare.Contender(name, make, {"learning_rate": rates}, model)


def alone(optimizer, seed, model=SIMPLE, batch_size=14, **options):
    program = training.compile_run(
        model, optimizer, TRAIN, VALIDATION, TEST, batch_size=batch_size, seed=seed, **options
    )
    reports = list(training.fit(program, 2))
    return [report for _, report in reports], program.test(reports[-1][0])


class Machine:
    """Programs that only take time, on a clock of their own: `each(width)` seconds a run, and some a call."""

    def __init__(self, monkeypatch, each, a_call=0.0):
        self.each, self.a_call, self.now, self.calls = each, a_call, 0.0, []
        monkeypatch.setattr(_width, "compile_grids", self.compile_grids)
        monkeypatch.setattr(_width.time, "perf_counter", lambda: self.now)

    def compile_grids(self, grids, task, start, devices):
        return [self.compile_grid(shape) for _, shape in grids]

    def compile_grid(self, shape):
        def epoch(rows, states, seeds, orders):
            assert len(seeds) == shape.groups
            self.now += self.a_call + self.each(shape.width) * shape.width * shape.groups
            self.calls.append(shape.width)
            return states, None

        return GridProgram(lambda values, seeds: None, epoch, shape, lambda tree: tree, 0, 0.0)

    def measured(self, points=7, seeds=3, devices=2):
        task = Task(TRAIN, VALIDATION, TEST, tuple(range(seeds)), 1, 14)
        contender = adam_on(SIMPLE, compare.log_grid(1e-4, 1, points))
        return _width.measure_width(contender, task, None, range(devices))


@pytest.mark.parametrize(
    ("alone", "between", "together", "width"),
    [(1, 1, 1, 1), (2, 2, 1, 4), (1, 2, 2, 1), (1.05, 1, 1, 1), (1.3, 1.3, 1, 4), (2, 1, 2, 2)],
)
def test_the_width_is_that_with_which_the_grid_takes_less_time(alone, between, together, width, monkeypatch):
    """With a width of 4 three of 24 runs fill up, with 1 one of 22."""
    each = {1: alone / 1000, 2: between / 1000, 4: together / 1000}
    assert Machine(monkeypatch, each.get).measured() == width


def test_what_a_call_costs_by_itself_does_not_choose_the_width(monkeypatch):
    assert Machine(monkeypatch, lambda width: 0.001, a_call=0.01).measured() == 1
    assert Machine(monkeypatch, lambda width: 0.001 if width == 4 else 0.002, a_call=0.01).measured() == 4


def test_widths_are_measured_in_turn_and_slow_models_less_often(monkeypatch):
    for each, repeats in ((1.0, 2), (0.001, 5)):
        machine = Machine(monkeypatch, lambda width, each=each: each)
        machine.measured()
        assert machine.calls == [1, 2, 4] * repeats


def curves(sweep, point, seed):
    return np.stack([sweep.train_loss, sweep.train_accuracy, sweep.val_loss, sweep.val_accuracy], axis=-1)[
        point, seed
    ]


@pytest.mark.parametrize("width", sample(3, [2, 1, 3]))
def test_a_run_in_a_grid_is_the_run_alone(width):
    """With batch norm, dropout, a last smaller batch and two devices."""
    (sweep,) = run_all([adam_on(MODEL)], seeds=range(3), batch_size=16, width=width).sweeps
    assert sweep.arrangement[0] == width
    for point, seed in [(0, 1), (1, 0), (sweep.chosen, 2)]:
        reports, test = alone(optim.adam(RATES[point]), seed, MODEL, batch_size=16)
        wanted = [[r.train_loss, r.train_accuracy, r.val_loss, r.val_accuracy] for r in reports]
        np.testing.assert_allclose(curves(sweep, point, seed), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(sweep.test_loss[2], test.loss, rtol=1e-5)
    assert sweep.confusion[2].tolist() == test.confusion.tolist()


@pytest.mark.slow
def test_six_of_84_runs_on_mnist_are_the_runs_alone(data_folder):
    """Those of `--opt sgd,momentum,rmsprop,adam --epochs 3 --batch-size 128 --lr 1e-4:1:7 --seeds 3`."""
    dataset = data.load("mnist", data_folder("mnist"))
    train, validation = data.hold_out(dataset.train, 1000)
    model, rates = MLP, compare.log_grid(1e-4, 1, 7)
    task = Task(train, validation, dataset.test, (0, 1, 2), 3, 128)
    scoring = make_scoring(model, task)
    sampled = np.random.default_rng(0).choice(84, 6, replace=False).tolist()
    predict = jax.jit(lambda params: jnp.argmax(_logits(model, params, dataset.test.images), axis=1))
    for optimizer, name in enumerate(("sgd", "momentum", "rmsprop", "adam")):
        members = [divmod(i % 21, 3) for i in sampled if i // 21 == optimizer]
        if not members:
            continue
        contender = compare.Contender(name, getattr(optim, name), {"learning_rate": rates}, model)
        shape = make_arrangement(7, 3, 1, 2)
        (programs,) = compile_grids([(contender, shape)], task, scoring.start, jax.devices())
        ((point, seed),) = arrange(7, 3, shape)
        values = {"learning_rate": jnp.asarray(np.array(rates)[point], jnp.float32)}
        values, seeds = programs.place(values), programs.place(seed)
        states, records = programs.init(values, seeds), []
        for epoch in range(3):
            states, (loss, _) = programs.epoch(values, states, seeds, scoring.orders(epoch))
            records.append((states.measured.means(task.used, 128).loss, loss))
        for p, s in members:
            row = int(np.argmax((point[:, 0] == p) & (seed == s)))
            program = training.compile_run(
                model, getattr(optim, name)(learning_rate=rates[p]), train, validation, dataset.test,
                batch_size=128, seed=s,
            )  # fmt: skip
            reports = list(training.fit(program, 3))
            for (train_loss, val_loss), (_, report) in zip(records, reports, strict=True):
                assert train_loss[row, 0] == pytest.approx(report.train_loss, abs=1e-4)
                assert val_loss[row, 0] == pytest.approx(report.val_loss, abs=1e-4)
            same = predict(jax.tree.map(lambda leaf, row=row: leaf[row, 0], states.params)) == predict(
                reports[-1][0].params
            )
            assert same.mean() >= 0.999, (name, rates[p], s)


def _logits(model, params, images):
    return jax.lax.map(lambda x: model.apply(params, {}, to_float(x))[0], images, batch_size=500)


def test_the_same_seed_gives_every_optimizer_the_same_weights_and_batches():
    mine, theirs = adam_on(SIMPLE), adam_on(SIMPLE, make=optax.adam, name="optax")
    with jax.numpy_dtype_promotion("standard"):  # optax needs it
        mine, theirs, idle = run_all([mine, theirs, adam_on(SIMPLE, [0.0], optim.sgd, "idle")]).sweeps
    np.testing.assert_allclose(mine.val_loss, theirs.val_loss, rtol=1e-5)
    assert len(set(mine.start_loss)) == 2
    np.testing.assert_allclose(idle.val_loss, np.tile(mine.start_loss[None, :, None], 2), rtol=1e-6)
    assert not idle.diverged.any()


def test_any_number_can_be_an_axis_and_every_combination_is_tried():
    axes = {"learning_rate": [0.01, 0.1], "b1": [0.5, 0.9]}
    (sweep,) = run_all([compare.Contender("adam", optim.adam, axes, SIMPLE)], seeds=[4]).sweeps
    assert sweep.points == [{"learning_rate": rate, "b1": b1} for rate in (0.01, 0.1) for b1 in (0.5, 0.9)]
    reports, _ = alone(optim.adam(**sweep.points[2]), 4)
    np.testing.assert_allclose(sweep.val_loss[2, 0], [r.val_loss for r in reports], rtol=1e-5)


def test_whole_numbers_are_values_too_and_double_precision_is_kept(x64):
    with jax.numpy_dtype_promotion("standard"):
        (sweep,) = run_all([adam_on(SIMPLE, [1, 2], optim.sgd)], width=None).sweeps
        reports, _ = alone(optim.sgd(2), 1)
    np.testing.assert_allclose(sweep.val_loss[1, 1], [r.val_loss for r in reports], rtol=1e-12)


def test_numbers_as_targets_are_judged_by_the_loss():
    x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    line = data.Split(x, 3 * x[:, 0] + 1)
    model = nn.sequential(nn.linear(1), lambda y: y[0])
    rates = {"learning_rate": [1e-4, 0.1, 1e30]}
    result = compare.compare(
        [compare.Contender("sgd", optim.sgd, rates, model)], line, line, line,
        seeds=range(2), epochs=5, batch_size=8, loss=losses.mse,
    )  # fmt: skip
    (sweep,) = result.sweeps
    assert not sweep.by_accuracy
    assert sweep.chosen == 1
    assert sweep.test_scores.max() < 0.2
    assert sweep.diverged.tolist() == [[False, False], [False, False], [True, True]]
    assert sweep.epochs_to(0.2)[0] in (2, 3, 4, 5)
    assert sweep.epochs_to(1e-30) == [None, None]


def test_a_broken_update_is_worse_and_its_diverged_runs_are_counted():
    def broken(learning_rate):
        return optim.chain(optim.sgd(learning_rate), optim.scale(-1.0))

    contenders = [
        adam_on(SIMPLE, [1.0, 30.0], make, name) for make, name in ((optim.sgd, "sgd"), (broken, "broken"))
    ]
    sgd, bad = run_all(contenders, epochs=4).sweeps
    assert bad.diverged.all()
    assert not sgd.diverged[0].any()
    assert bad.test_scores.mean() < sgd.test_scores.mean() - 0.2
    assert bad.val_loss.shape == sgd.val_loss.shape  # nothing is dropped


def test_only_the_chosen_point_is_scored_on_the_test_examples_and_it_is_the_best_by_mean():
    (sweep,) = run_all([adam_on(SIMPLE)], epochs=3).sweeps
    assert sweep.chosen == np.argmax(sweep.val_accuracy[:, :, -1].mean(axis=1))
    assert sweep.test_scores.shape == (2,)
    assert sweep.confusion.sum(axis=(1, 2)).tolist() == [50, 50]


def test_averaged_parameters_are_what_is_scored():
    def averaging(learning_rate):
        return optim.average_parameters(optim.sgd(learning_rate))

    (sweep,) = run_all([adam_on(SIMPLE, [1.0], averaging)]).sweeps
    reports, test = alone(averaging(1.0), 1)
    assert sweep.val_loss[0, 1, -1] == pytest.approx(reports[-1].val_loss, rel=1e-5)
    assert sweep.test_loss[1] == pytest.approx(float(test.loss), rel=1e-5)


WIDE = nn.sequential(nn.flatten, nn.linear(3000), nn.relu, nn.linear(3))


@cache
def memory_for(most):
    task = Task(TRAIN, VALIDATION, TEST, (0, 1), 2, 14)
    start = make_scoring(WIDE, task).start
    grid = adam_on(WIDE), make_arrangement(3, 2, 1, 2, most)
    return compile_grids([grid], task, start, jax.devices())[0].memory


def test_a_grid_too_big_for_memory_is_trained_in_parts_with_the_same_results():
    limit = (memory_for(1) + memory_for(6)) // 2
    (whole,) = run_all([adam_on(WIDE)]).sweeps
    (parts,) = run_all([adam_on(WIDE)], max_memory=limit).sweeps
    assert whole.arrangement == (1, 6, 2)
    assert parts.arrangement == (1, 2, 2)
    np.testing.assert_allclose(parts.val_loss, whole.val_loss, rtol=1e-5)
    np.testing.assert_allclose(parts.test_loss, whole.test_loss, rtol=1e-5)


def test_one_run_at_a_time_may_be_all_that_fits():
    (sweep,) = run_all([adam_on(WIDE)], max_memory=memory_for(1), width=3).sweeps
    assert sweep.arrangement == (1, 1, 1)


def test_too_little_memory_for_one_run_says_what_one_takes():
    needed = f"{memory_for(1) / 1e6:.1f} MB"
    message = (
        f"max_memory must be at least {needed}, which is what one run of adam on model takes, got 0.1 MB"
    )
    with pytest.raises(ValueError, match=message):
        run_all([adam_on(WIDE)], max_memory=100_000)


class TestFolder:
    def contenders(self, make=optim.adam):
        return [adam_on(SIMPLE), adam_on(SIMPLE, make=make, name="second")]

    def test_going_on_gives_what_an_uninterrupted_comparison_gives(self, tmp_path):
        def stop(progress):
            if progress.finished:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_all(self.contenders(), folder=tmp_path, report=stop)
        first = sorted(path.name for path in tmp_path.iterdir())
        assert first == ["model-adam.safetensors", "plan.safetensors"]
        seen = []
        went_on = run_all(self.contenders(), folder=tmp_path, report=seen.append)
        assert went_on.kept == 1
        assert (seen[0].done, seen[-1].done, seen[-1].total) == (12, 24, 24)
        whole = run_all(self.contenders())
        for a, b in zip(went_on.sweeps, whole.sweeps, strict=True):
            for name in (
                "train_loss",
                "train_accuracy",
                "val_loss",
                "val_accuracy",
                "test_loss",
                "confusion",
            ):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))

    def test_what_is_there_is_not_trained_again(self, tmp_path):
        run_all(self.contenders()[:1], folder=tmp_path)

        def never(learning_rate):
            raise AssertionError

        again = run_all([adam_on(SIMPLE, make=never)], folder=tmp_path)
        assert again.kept == 1

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"epochs": 3}, "has adam on model with other epochs: 2, not 3"),
            ({"seeds": [0, 2]}, r"other seeds: \[0, 1\], not \[0, 2\]"),
        ],
    )
    def test_another_comparison_is_refused(self, tmp_path, options, message):
        (sweep,) = run_all([adam_on(SIMPLE, [0.1])]).sweeps
        sweep = sweep._replace(points=[{"learning_rate": rate} for rate in RATES])
        FinishedSweeps(tmp_path).save(sweep)
        with pytest.raises(ValueError, match=message):
            run_all(self.contenders()[:1], folder=tmp_path, **options)

    @pytest.mark.parametrize("content", ["", "[]", '{"optimizer": "adam"}', '{"a": 1'])
    def test_a_file_that_is_no_sweep_is_named(self, tmp_path, content):
        (tmp_path / "model-adam.safetensors").write_text(content)
        message = r"model-adam\.safetensors is not as it was saved: .*; delete it, and its runs"
        with pytest.raises(ValueError, match=message):
            run_all([adam_on(SIMPLE)], folder=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": []}, "at least one, got 1 and"),
        ({"seeds": [1, 1]}, r"\(1, 1\)"),
        ({"seeds": [-1]}, "seed must be in"),
        ({"epochs": 0}, r"epochs must be in \[1, inf\), got 0"),
        ({"batch_size": 71}, r"batch_size must be in \[1, 70\], got 71"),
        ({"contenders": []}, "at least one, got 0"),
        ({"contenders": [adam_on(SIMPLE)] * 2}, "names of their own, got adam on model twice"),
        ({"contenders": [adam_on(SIMPLE, [])]}, r"learning_rate must be values to try, each once, got \[\]"),
        ({"contenders": [adam_on(SIMPLE, [1, 1])]}, r"each once, got \[1, 1\]"),
        ({"contenders": [adam_on(nn.sequential(nn.flatten, nn.linear(2)))]}, "labels must be from 0 to 1"),
        (
            {"validation": data.Split(VALIDATION.images[:0], VALIDATION.labels[:0])},
            "validation must hold examples",
        ),
    ],
)
def test_wrong_arguments_are_told_in_one_line(options, message):
    options = {"contenders": [adam_on(SIMPLE)], "validation": VALIDATION} | options
    contenders, validation = options.pop("contenders"), options.pop("validation")
    with pytest.raises(ValueError, match=message) as error:
        compare.compare(contenders, TRAIN, validation, TEST, **{"batch_size": 16} | options)
    assert "\n" not in str(error.value)


def test_the_last_smaller_batch_can_be_left_out_of_every_run():
    """Of 70 examples it holds one, for which batch normalisation has no meaning."""
    options = {"batch_size": 23}
    with pytest.raises(ValueError, match="the last batch of an epoch holds 1 example: batch_norm: "):
        run_all([adam_on(MODEL)], **options)
    options |= {"drop_last": True}
    (sweep,) = run_all([adam_on(MODEL)], **options).sweeps
    for point, rate in enumerate(RATES):
        reports, _ = alone(optim.adam(rate), 1, MODEL, **options)
        want = [report.val_loss for report in reports]
        np.testing.assert_allclose(sweep.val_loss[point, 1], want, rtol=1e-5)


def test_runs_that_another_point_has_beaten_are_forgotten():
    """Parameters of a large grid would not fit; those of a point that is not complete may still be wanted."""
    accuracy = np.array([[0.5, 0.6], [0.9, 0.8], [0.99, np.nan]])[..., None]
    curves = Curves(accuracy, accuracy, 1 - accuracy, accuracy)
    finished = dict.fromkeys([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)])
    left = _forget_beaten(finished, np.array([[True, True], [True, True], [True, False]]), curves)
    assert list(left) == [(1, 0), (1, 1), (2, 0)]
