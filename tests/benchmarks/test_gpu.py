"""The sections for GPUs, tiny and on a CPU; and their tables, from numbers that are given."""

import importlib
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import gpu, measured
from benchmarks.measured import Failed, Measured
from benchmarks.peer import PeerError
from benchmarks.peers import gpu_runs, ours


class Local:
    """A peer in this process, which cannot compile what torch.compile compiles."""

    def __init__(self, module, work, options):
        self.name, self.module, self.function, self.options = "local", module, work, options

    def start(self):
        if self.options.get("compiled"):
            raise PeerError("no compiler")
        options = self.options | {"folder": Path(self.options["folder"])}
        module = importlib.import_module(f"benchmarks.peers.{self.module}")
        self.work = getattr(module, self.function)(**options)
        self.work(0)
        return 2.0

    def measure(self, seed):
        return [*self.work(seed), 0.0]

    def close(self):
        pass


@pytest.fixture
def tiny(problems, monkeypatch):
    monkeypatch.setattr(gpu, "Peer", Local)
    return gpu.Work(
        problems, device="cpu", repeats=2, seeds=3, examples=96, models=("mlp",), batches=(32,), rates=2,
        grid_seeds=2, parameters=(1000,), updates=3, precise=("mlp",),
    )  # fmt: skip


@pytest.mark.parametrize(("name", "options"), [
    ("accuracy", [("cnn-bn", 256, 1, "float32"), ("cnn-bn", 256, 3, "float32")]),
    ("grid", [("mlp", 64, 4, "float32"), ("mlp", 64, 1, "float32")]),
    ("bfloat16", [("mlp", 256, 1, "float32"), ("mlp", 256, 1, "bfloat16")]),
])  # fmt: skip
def test_tables_of_whole_runs_measure_what_they_say(name, options, tiny, monkeypatch):
    compiled = []

    def compile_runs(folder, model, batch, examples, rates, seeds, make, dtype="float32"):
        make(jnp.float32(rates[0]))
        compiled.append((model, batch, len(rates) * seeds, dtype))
        return gpu_runs.Runs(lambda seed: 0, lambda states: 0, lambda states: np.ones(seeds))

    monkeypatch.setattr(gpu_runs, "compile_runs", compile_runs)
    section = gpu.SECTIONS[name](tiny)
    assert compiled == []  # the first row is measured when it is asked for
    rows = list(section.rows)
    assert compiled == options
    assert {len(row) for row in rows} == {len(section.header)}


def test_adam_is_measured_beside_a_copy_and_torch(tiny):
    section = gpu.adam_bandwidth(tiny)
    (row,) = section.rows
    assert len(row) == len(section.header)
    assert all(float(share) > 0 for share in row[3:6:2])
    missing = gpu.missing_torch("cpu")
    assert row[6] == Failed(missing) if missing else float(row[7]) > 0


def test_examples_per_second_are_measured_beside_torch_where_it_is_there(tiny, monkeypatch):
    monkeypatch.setattr(ours, "epoch", lambda folder, model, batch, examples: lambda seed: (0.5, 2.0))
    section = gpu.examples_per_second(tiny)
    (row,) = section.rows
    missing = gpu.missing_torch("cpu")
    assert len(row) == len(section.header)
    assert row[:3] == ("mlp", "32", "192 (192 to 192)")
    assert row[3] == Failed(missing) if missing else float(row[4]) > 0
    assert row[5:8] == (Failed(missing or "did not start"), "", "2.00000")
    assert row[8] == "" if missing else float(row[8]) > 0


def test_a_row_is_there_before_the_next_is_measured(monkeypatch):
    asked = []

    def measure(peers, work, repeats):
        asked.append(peers["torch"][2]["parameters"])
        return {name: Measured([1e-9], [0.0]) for name in peers}

    monkeypatch.setattr(gpu, "measure", measure)
    rows = gpu.adam_bandwidth(gpu.Work(Path(), parameters=(10, 20))).rows
    assert asked == []
    assert [(next(rows)[0], list(asked)) for _ in range(2)] == [("10", [10]), ("20", [10, 20])]


@pytest.mark.parametrize(
    ("version", "why"), [(None, "torch is not installed"), ("9.9+cpu", "torch 9.9+cpu finds no GPU")]
)
def test_tables_say_why_there_is_no_torch(version, why, monkeypatch):
    cuda = type("Cuda", (), {"is_available": staticmethod(lambda: False)})
    torch = type("Torch", (), {"__version__": version, "cuda": cuda})
    monkeypatch.setitem(sys.modules, "torch", torch if version else None)
    started = []
    monkeypatch.setattr(gpu, "Peer", lambda module, *_: started.append(module) or module)
    monkeypatch.setattr(gpu, "measure_in_turn", lambda peers, _: dict.fromkeys(peers, Measured([1.0], [0.0])))
    peers = {"torch": ("pytorch", "epoch", {}), "jaxlearn": ("ours", "epoch", {})}
    found = gpu.measure(peers, gpu.Work(Path()), 2)
    assert list(found.items()) == [("torch", Failed(why)), ("jaxlearn", Measured([1.0], [0.0]))]
    assert started == ["ours"]
    assert measured.rate(found["torch"], 1.0) == Failed(why)
    assert measured.show_ratio(found["torch"], found["jaxlearn"]) == ""


@pytest.mark.parametrize("name", gpu.SECTIONS)
def test_a_table_has_a_cell_for_every_failure(name, monkeypatch):
    gone = Failed("did not start")
    monkeypatch.setattr(gpu, "measure", lambda peers, *_: dict.fromkeys(peers, gone))
    section = gpu.SECTIONS[name](gpu.Work(Path()))
    for row in section.rows:
        assert len(row) == len(section.header)
        assert gone in row
        assert all(cell in ("", gone) for cell in row[2:])


def written(section, found, monkeypatch, **sizes):
    monkeypatch.setattr(gpu, "measure", lambda peers, *_: {name: found[name] for name in peers})
    return list(gpu.SECTIONS[section](gpu.Work(Path(), **sizes)).rows)


def test_runs_that_missed_the_accuracy_are_counted_and_left_out_of_the_seconds(monkeypatch):
    one, many = "3 one after another", "3 at once by vmap"
    found = {
        one: Measured([1.0, 9.0, 2.0], [0.0, 1.0, 0.0], 6.0),
        many: Measured([4.0, 5.0], [3.0, 3.0], 7.0),
    }
    assert written("accuracy", found, monkeypatch, seeds=3) == [
        (one, "1.50 s (1.00 s to 2.00 s)", "3", "1 of 3", "6.00 s"), (many, "never", "2", "6 of 6", "7.00 s"),
    ]  # fmt: skip


def test_a_grid_is_told_in_runs_for_the_price_of_one(monkeypatch):
    found = {"many": Measured([2.0], [0.9]), "one": Measured([0.25], [0.9])}
    ((*_, longer, runs),) = written("grid", found, monkeypatch, rates=16, grid_seeds=2)
    assert (longer, runs) == ("8.00", "4.0")


def test_bandwidth_is_28_bytes_a_parameter_beside_a_copy(monkeypatch):
    found = {
        "copy": Measured([1e-12], [0.0]), "jaxlearn, a call each": Measured([0.056], [1.0]),
        "jaxlearn, all in a call": Measured([0.035], [1.0]), "torch": Failed("torch is not installed"),
    }  # fmt: skip
    ((_, *row),) = written("adam", found, monkeypatch, parameters=(10**9,))
    assert row[0] == "1,000 (1,000 to 1,000)"
    assert row[1:5:2] == ["500 (500 to 500)", "800 (800 to 800)"]
    assert row[2:7:2] == ["0.50", "0.80", ""]
    assert row[5] == Failed("torch is not installed")


def test_rates_are_examples_over_seconds_and_above_1_where_bfloat16_is_faster(monkeypatch):
    found = {"float32": Measured([2.0, 4.0], [0.9, 0.8]), "bfloat16": Measured([1.0, 1.0], [0.5, 0.5])}
    (row,) = written("bfloat16", found, monkeypatch, precise=("mlp",), examples=600, epochs=2)
    assert row == (
        "mlp", "400 (300 to 600)", "1,200 (1,200 to 1,200)", "3.00", "0.8500 ± 0.0707", "0.5000 ± 0.0000"
    )  # fmt: skip


def test_one_measurement_has_no_spread():
    assert gpu.accuracy(Measured([1.0], [0.5])) == "0.5000"
