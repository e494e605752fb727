"""The parts of the benchmarks that need no peers, what they write; and those for GPUs, tiny and on a CPU."""

import importlib
import sys
from contextlib import nullcontext
from functools import partial
from itertools import count
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import gpu, run
from benchmarks.peers import gpu_runs, ours, updates
from benchmarks.problem import SEEDS, draw_leaves
from benchmarks.rows import make_rows
from benchmarks.run import Measured
from jaxlearn import cli, optim
from models import MODELS


def results():
    rows = make_rows("mnist")
    found = {
        "mlp": {"jaxlearn": Measured([0.2, 0.4, 0.3], [1.0, 2.0, 3.0])}
        | {peer: Measured([0.6, 0.9, 0.9], [1.0, 2.0, 3.5]) for peer in rows["mlp"].peers},
        "cnn-64": {"jaxlearn": Measured([2.0], [1.0]), "torch": Measured([1.0], [1.0])}
        | {"torch.compile": Measured([4.0], [1.0])},
    }
    return found, rows


def test_a_ratio_is_that_of_the_medians_and_bold_where_it_reaches_its_bar():
    lines = run.ratio_lines(*results())
    assert lines[2].startswith(
        "| MLP, batch 64, Adam, one epoch | 300 ms (200 ms to 400 ms) | torch | 900 ms"
    )
    assert lines[2].endswith("| **3.00** | 2.2 | 4 |")
    (below,) = (line for line in lines if "report's CNN" in line)
    assert below.endswith("| torch | 1.00 s (1.00 s to 1.00 s) | 0.50 | 1.0 | 2 |")


def test_what_is_below_its_bar_is_listed():
    (line,) = run.tried_lines(*results())
    assert line.startswith("- **report's CNN, batch 64")
    assert "(0.50 of 1.0)" in line


def test_losses_are_compared_seed_by_seed():
    lines = run.loss_lines(results()[0])
    assert lines[2] == "| mlp | jaxlearn | 2.00000 | 1.00000 | 0.0e+00 |"
    assert lines[3] == "| mlp | torch | 2.16667 | 1.25831 | 5.0e-01 |"


def test_the_readme_gets_the_first_peer_of_each_row(tmp_path, monkeypatch):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{run.BEGIN}\nold\n{run.END}\nafter\n")
    monkeypatch.setattr(run, "README", readme)
    for _ in range(2):  # the second finds what the first has written
        run.write_readme("\n".join(run.ratio_lines(*results())))
        assert readme.read_text().splitlines() == [
            "before", run.BEGIN, "| work | against | times as fast |", "|---|---|--:|",
            "| MLP, batch 64, Adam, one epoch | torch | 3.00 |",
            "| report's CNN, batch 64, 12,800 images | torch | 0.50 |", run.END, "after",
        ]  # fmt: skip


def test_the_readme_of_the_project_has_its_place_for_the_table():
    assert run.README.read_text().count(run.BEGIN) == run.README.read_text().count(run.END) == 1


class Alternating:
    """A peer that tells when it is asked."""

    def __init__(self, name, asked):
        self.name, self.asked = name, asked

    def measure(self, seed):
        self.asked.append(f"{self.name}{seed}")
        return [float(seed), 0.0, 0.0]

    def close(self):
        self.asked.append("end")


def test_peers_measure_in_turn_some_of_them_fewer_times():
    asked = []
    found = run.measure_in_turn({name: Alternating(name, asked) for name in "ab"}, 3, {"b": 1})
    assert asked == ["a0", "b0", "a1", "a2", "end", "end"]
    assert found["a"].seconds == [0.0, 1.0, 2.0]
    assert found["b"].seconds == [0.0]


class Local:
    """A peer in this process, which cannot compile what torch.compile compiles."""

    def __init__(self, module, work, options):
        if options.get("compiled"):
            raise RuntimeError("no compiler")
        options = options | {"folder": Path(options["folder"])}
        self.work = getattr(importlib.import_module(f"benchmarks.peers.{module}"), work)(**options)
        self.work(0)

    def measure(self, seed):
        return [*self.work(seed), 0.0]

    def close(self):
        pass


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Work for a CPU, with 96 training examples of noise."""
    monkeypatch.setattr(gpu, "Peer", Local)
    draw = np.random.default_rng(0).integers
    images = {
        f"{part}images": draw(0, 256, (n, 28, 28, 1), np.uint8) for part, n in (("", 96), ("test_", 20))
    }
    labels = {f"{part}labels": draw(0, 10, n, np.int32) for part, n in (("", 96), ("test_", 20))}
    np.savez(tmp_path / "mnist.npz", **images, **labels)
    sizes = enumerate([(100, 784), (100, 100), (10, 100)])
    layers = {f"weight{i}": np.ones(shape, np.float32) for i, shape in sizes} | {
        f"bias{i}": np.zeros(n, np.float32) for i, n in enumerate((100, 100, 10))
    }
    for seed in range(SEEDS):
        np.savez(tmp_path / f"mlp-{seed}.npz", order=np.arange(96), **layers)
    return gpu.Work(
        tmp_path, device="cpu", repeats=2, seeds=3, examples=96, models=("mlp",), batches=(32,), rates=2,
        grid_seeds=2, parameters=(1000,), updates=3, precise=("mlp",),
    )  # fmt: skip


def cells(lines):
    """Those of every table: titles, row, row ..."""
    rows = (line for line in lines if line.startswith("| "))
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]


@pytest.mark.parametrize(("section", "options"), [
    ("accuracy", [("cnn-bn", 256, 1, "float32"), ("cnn-bn", 256, 3, "float32")] * 2),
    ("grid", [("mlp", 64, 4, "float32"), ("mlp", 64, 1, "float32")]),
    ("bfloat16", [("mlp", 256, 1, "float32"), ("mlp", 256, 1, "bfloat16")]),
])  # fmt: skip
def test_tables_of_whole_runs_measure_what_they_say(section, options, tiny, monkeypatch):
    compiled = []

    def compile_runs(folder, model, batch, examples, rates, seeds, make, dtype="float32"):
        make(jnp.float32(rates[0]))
        compiled.append((model, batch, len(rates) * seeds, dtype))
        return gpu_runs.Runs(lambda seed: 0, lambda states: 0, lambda states: np.ones(seeds), 2.0)

    monkeypatch.setattr(gpu_runs, "compile_runs", compile_runs)
    titles, *rows = cells(gpu.SECTIONS[section](tiny))
    assert compiled == options
    assert {len(row) for row in rows} == {len(titles)}


def test_adam_is_measured_beside_a_copy_and_torch(tiny):
    titles, row = cells(gpu.adam_bandwidth(tiny))
    assert len(row) == len(titles)
    assert all(float(share) > 0 for share in row[3:6:2])
    missing = gpu.missing_torch("cpu")
    assert row[6] == missing if missing else float(row[7]) > 0


def test_examples_per_second_are_measured_beside_torch_where_it_is_there(tiny, monkeypatch):
    monkeypatch.setattr(ours, "epoch", lambda folder, model, batch, examples: lambda seed: (0.5, 2.0))
    titles, row, _, *losses = cells(gpu.examples_per_second(tiny))
    missing = gpu.missing_torch("cpu")
    assert len(row) == len(titles)
    assert row[:3] == ["mlp", "32", "192 (192 to 192)"]
    assert row[3] == missing if missing else float(row[4]) > 0
    assert row[5:] == [missing or "did not start", ""]
    assert [line[1] for line in losses] == (["jaxlearn"] if missing else ["jaxlearn", "torch"])


@pytest.mark.parametrize(
    ("version", "why"), [(None, "torch is not installed"), ("9.9+cpu", "torch 9.9+cpu finds no GPU")]
)
def test_tables_say_why_there_is_no_torch(version, why, monkeypatch):
    cuda = type("Cuda", (), {"is_available": staticmethod(lambda: False)})
    torch = type("Torch", (), {"__version__": version, "cuda": cuda})
    monkeypatch.setitem(sys.modules, "torch", torch if version else None)
    monkeypatch.setattr(gpu, "Peer", lambda module, work, options: Alternating(module, []))
    peers = {"jaxlearn": ("ours", "epoch", {}), "torch": ("pytorch", "epoch", {})}
    found = gpu.measure(peers, gpu.Work(Path()), 2)
    assert found == {"jaxlearn": Measured([0.0, 1.0], [0.0, 0.0]), "torch": why}
    assert gpu.rate(found["torch"], 1.0) == why
    assert gpu.ratio(found["torch"], found["jaxlearn"]) == ""


def test_what_cannot_start_is_an_error_of_jaxlearn_alone(monkeypatch):
    def fail(module, work, options):
        raise RuntimeError(f"{module} has ended")

    monkeypatch.setattr(gpu, "Peer", fail)
    monkeypatch.setattr(gpu, "missing_torch", lambda device: "")
    assert gpu.measure({"torch": ("pytorch", "epoch", {})}, gpu.Work(Path()), 2) == {"torch": "did not start"}
    with pytest.raises(RuntimeError, match="ours has ended"):
        gpu.measure({"jaxlearn": ("ours", "epoch", {})}, gpu.Work(Path()), 2)


def written(section, found, monkeypatch, **sizes):
    monkeypatch.setattr(gpu, "measure", lambda peers, *_: {name: found[name] for name in peers})
    return cells(gpu.SECTIONS[section](gpu.Work(Path(), **sizes)))[1:]


def test_runs_that_missed_the_accuracy_are_counted_and_left_out_of_the_seconds(monkeypatch):
    one, many = "3 one after another", "3 at once by vmap"
    found = {
        one: Measured([1.0, 9.0, 2.0], [0.0, 1.0, 0.0]), many: Measured([4.0, 5.0], [3.0, 3.0]),
        f"compiling {one}": Measured([6.0], [0.0]), f"compiling {many}": Measured([7.0], [0.0]),
    }  # fmt: skip
    assert written("accuracy", found, monkeypatch, seeds=3) == [
        [one, "1.50 s (1.00 s to 2.00 s)", "3", "1 of 3", "6.00 s"], [many, "never", "2", "6 of 6", "7.00 s"],
    ]  # fmt: skip


def test_a_grid_is_told_in_runs_for_the_price_of_one(monkeypatch):
    found = {"many": Measured([2.0], [0.9]), "one": Measured([0.25], [0.9])}
    ((*_, longer, runs),) = written("grid", found, monkeypatch, rates=16, grid_seeds=2)
    assert (longer, runs) == ("8.00", "4.0")


def test_bandwidth_is_28_bytes_a_parameter_beside_a_copy(monkeypatch):
    found = {
        "copy": Measured([1e-12], [0.0]), "jaxlearn, a call each": Measured([0.056], [1.0]),
        "jaxlearn, all in a call": Measured([0.035], [1.0]), "torch": "torch is not installed",
    }  # fmt: skip
    ((_, *row),) = written("adam", found, monkeypatch, parameters=(10**9,))
    assert row[0] == "1,000 (1,000 to 1,000)"
    assert row[1:5:2] == ["500 (500 to 500)", "800 (800 to 800)"]
    assert row[2:7:2] == ["0.50", "0.80", ""]
    assert row[5] == "torch is not installed"


def test_rates_are_examples_over_seconds_and_above_1_where_bfloat16_is_faster(monkeypatch):
    found = {"float32": Measured([2.0, 4.0], [0.9, 0.8]), "bfloat16": Measured([1.0, 1.0], [0.5, 0.5])}
    (row,) = written("bfloat16", found, monkeypatch, precise=("mlp",), examples=600, epochs=2)
    assert row == [
        "mlp",
        "400 (300 to 600)",
        "1,200 (1,200 to 1,200)",
        "3.00",
        "0.8500 ± 0.0707",
        "0.5000 ± 0.0000",
    ]


def test_runs_at_once_are_the_runs_one_by_one(tiny):
    def train(rates, seeds, measurement):
        runs = gpu_runs.compile_runs(tiny.folder, "softmax", 32, 96, rates, seeds, optim.adam)
        states = runs.epoch(runs.init(measurement))
        return states.params, runs.score(states)

    many = train([1e-3, 1e-2], 2, 1)  # the second measurement has the seeds 2 and 3
    alone = train([1e-3], 1, 3)
    third, first = (jax.tree.map(itemgetter(n), runs) for n, runs in ((2, many), (0, alone)))
    chex.assert_trees_all_close(third, first, rtol=1e-4, atol=1e-6)


def test_training_to_an_accuracy_ends_when_every_run_has_been_there_or_with_the_epochs(monkeypatch):
    scores = np.array([[0.5, 0.9], [0.9, 0.8], [0.0, 0.0]])
    fake = gpu_runs.Runs(lambda seed: 0, lambda states: states + 1, lambda states: done.append(states) or
                         scores[states - 1], 5.0)  # fmt: skip
    monkeypatch.setattr(gpu_runs, "compile_runs", lambda *_: fake)
    for target, missed, epochs in ((0.9, 0.0, 2), (0.95, 2.0, 3), (0.5, 0.0, 1)):
        done = []
        measure = gpu_runs.to_accuracy(Path(), "cnn-bn", 256, 4e-3, 3, target, seeds=2)
        assert measure(0)[1] == missed
        assert done == list(range(1, epochs + 1))
    assert gpu_runs.to_accuracy(Path(), "cnn-bn", 256, 4e-3, 3, 0.9, compiling=True)(0) == (5.0, 0.0)


def test_a_model_computes_in_bfloat16_and_keeps_its_parameters_in_float32():
    model = gpu_runs.computes_in("bfloat16", MODELS["cnn-large"](10))
    params, _ = jax.eval_shape(lambda key: model.init(key, (28, 28, 1)), jax.random.key(0))

    def loss(params, images):
        outputs = jax.vmap(lambda x: model.apply(params, {}, x, train=True)[0])(images)
        assert outputs.dtype == jnp.float32
        return outputs.sum()

    program = jax.make_jaxpr(jax.grad(loss))(params, jax.ShapeDtypeStruct((2, 28, 28, 1), jnp.float32))
    assert {aval.dtype for aval in (*program.in_avals, *program.out_avals)} == {jnp.dtype("float32")}
    products = [
        line for line in str(program).splitlines() if " dot_general[" in line or " conv_general" in line
    ]
    assert len(products) > 8  # of the layers, with their gradients
    assert all(":bf16[" in line.partition("=")[0] for line in products)


def test_nothing_of_an_update_is_computed_before_the_loop_of_updates():
    adam, params = optim.adam(1e-3), jnp.ones(1000)

    def step(params, state, grads):
        updates, state = adam.update(grads, state, params)
        return optim.apply_updates(params, updates), state

    program = jax.jit(updates.repeat(step, 50)).lower(params, adam.init(params), params).compile().as_text()
    (loop,) = (line for line in program.splitlines() if " while(" in line)
    assert loop.partition(" while(")[0].count("f32[1000]") == 4  # parameters, gradient and two moments


def test_updates_in_a_call_are_counted_one_by_one(monkeypatch):
    monkeypatch.setattr(updates, "time", SimpleNamespace(perf_counter=count(0.0, 6.0).__next__))
    measure = updates.measure_updates(optim.sgd(0.1), optim.apply_updates, 8, 2, repeats=2, in_a_call=3)
    seconds, size = measure(0)
    assert seconds == 1.0
    start, grads = map(np.concatenate, draw_leaves(8, 2))
    moved = start - 0.1 * 9 * grads  # three calls, one of them before the clock starts
    assert size == pytest.approx(np.sqrt(np.mean(moved**2)), rel=1e-5)


def test_without_a_gpu_the_benchmark_ends_before_it_does_anything(monkeypatch):
    def devices(kind=None, find=jax.devices):
        if kind == "gpu":
            raise RuntimeError("Unknown backend")
        return find(kind)

    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    monkeypatch.setattr(jax, "devices", devices)
    monkeypatch.setattr(sys, "argv", ["run", "nowhere", "--device", "gpu"])
    with pytest.raises(SystemExit) as end:
        run.main()
    assert end.value.code == "benchmarks.run: --device gpu: there is none here; JAX finds cpu"


def test_results_for_gpus_name_the_device_and_what_was_measured(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    monkeypatch.setattr(cli, "pick_devices", lambda kind: jax.devices("cpu"))
    monkeypatch.setattr(gpu, "written_problems", nullcontext)
    monkeypatch.setattr(gpu, "RESULTS", tmp_path / "RESULTS-gpu.md")
    monkeypatch.setattr(
        gpu, "SECTIONS", {n: partial(lambda n, work: [f"{n} x {work.repeats}"], n) for n in "ab"}
    )
    with pytest.raises(SystemExit, match="argument --rows: 'c' is unknown; known are a, b"):
        gpu.main(tmp_path, "a,c", 9)
    gpu.main(tmp_path, "b", 9)
    assert capsys.readouterr().out == "b x 9\n"
    assert not gpu.RESULTS.exists()
    gpu.main(tmp_path, None, 9)
    text = gpu.RESULTS.read_text()
    assert text.endswith("\n\na x 9\n\nb x 9\n")
    assert all(
        word in text for word in (jax.devices()[0].device_kind, "driver", f"jax {jax.__version__}", "n = 9")
    )


def test_a_package_that_is_missing_is_told_among_the_versions(monkeypatch):
    monkeypatch.setattr(run, "PACKAGES", ("jax", "no-such-package"))
    assert run.machine().endswith(f"jax {jax.__version__}, no-such-package not installed.")
