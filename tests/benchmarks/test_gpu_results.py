"""The results for GPUs: printed as they come, written at the end, and told by the exit status."""

import sys
from contextlib import nullcontext
from pathlib import Path

import jax
import pytest

from benchmarks import gpu, gpu_results, run, tables
from benchmarks.gpu import Section
from benchmarks.measured import Failed
from jaxlearn.cli import _process


def sections(**rows):
    """Sections with these rows; one that is an error is raised, and ends its section."""

    def make(name):
        def generate():
            for row in rows[name]:
                if isinstance(row, Exception):
                    raise row
                yield row

        return lambda work: Section(f"Title {name}", f"n = {work.repeats}", ("model", "torch"), generate())

    return {name: make(name) for name in rows}


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Runs the benchmark with given sections on a CPU; what it wrote, in `tmp_path`."""
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    monkeypatch.setattr(_process, "pick_devices", lambda kind: jax.devices("cpu"))
    monkeypatch.setattr(gpu_results, "written_problems", nullcontext)
    monkeypatch.setattr(gpu_results, "missing_torch", lambda device: "")
    monkeypatch.setattr(gpu_results, "RESULTS", tmp_path / "RESULTS-gpu.md")
    monkeypatch.setattr(gpu_results, "readme_lines", lambda about, done: [about, *done])
    monkeypatch.setattr(tables, "README", tmp_path / "README.md")
    tables.README.write_text("\n".join(tables.marks("gpu benchmarks")))

    def bench(given, rows=None, **options):
        monkeypatch.setattr(gpu_results, "SECTIONS", given)
        gpu_results.main(tmp_path, rows, 9, **options)

    return bench


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


def test_each_row_is_printed_before_the_next_is_measured(monkeypatch, capsys):
    printed = []

    def rows():
        for number in "12":
            printed.append(capsys.readouterr().out.splitlines())
            yield number, "x"

    section = Section("Title", "about", ("a", "b"), rows())
    monkeypatch.setitem(gpu_results.SECTIONS, "grid", lambda work: section)
    done = gpu_results.measure_section("grid", gpu.Work(Path()))
    assert printed == [["## Title", "", "about", "", "| a | b |", "|--:|--:|"], ["| 1 | x |"]]
    assert capsys.readouterr().out.splitlines()[0] == "| 2 | x |"
    assert done.rows == [("1", "x"), ("2", "x")]
    assert done.complete


def test_results_name_the_device_and_what_was_measured(bench, capsys):
    given = sections(a=[("1", "2")], b=[("3", Failed("did not start"))])
    with pytest.raises(SystemExit, match="argument --rows: 'c' is unknown; known are a, b"):
        bench(given, "a,c")
    bench(given, "b")
    out = capsys.readouterr().out
    assert "## Title b\n\nn = 9\n\n| model | torch |\n|--:|--:|\n| 3 | did not start |\n\nMeasured in " in out
    assert not gpu_results.RESULTS.exists()
    bench(given)
    text = gpu_results.RESULTS.read_text(encoding="utf-8")
    assert text.index("| 1 | 2 |") < text.index("## Title b") < text.index("| 3 | did not start |")
    known = (jax.devices()[0].device_kind, "driver", f"jax {jax.__version__}", "torch ", "n = 9", "`default`")
    assert all(word in text for word in known)
    _, about, *names, _ = tables.README.read_text().splitlines()
    assert about.startswith(f"One {jax.devices()[0].device_kind}, jax {jax.__version__}, torch ")
    assert names == ["a", "b"]


def test_a_readme_without_marks_is_told(bench, capsys):
    tables.README.write_text("nothing")
    bench(sections(a=[("1", "2")]))
    assert capsys.readouterr().err == "benchmarks.run: README.md has no marks for the table of a GPU\n"
    assert tables.README.read_text() == "nothing"


def test_a_section_that_fails_is_told_and_the_others_are_measured(bench, capsys):
    failing = [("1", "2"), ValueError("no\nway")]
    with pytest.raises(SystemExit) as end:
        bench(sections(a=failing, b=[("3", "4")]))
    assert end.value.code == 1
    assert capsys.readouterr().err.endswith("\nbenchmarks.run: the section a failed: ValueError: no way\n")
    text = gpu_results.RESULTS.read_text(encoding="utf-8")
    assert "| 1 | 2 |\n\nThe section a failed: ValueError: no way\n" in text
    assert "| 3 | 4 |" in text


def test_a_section_may_fail_before_it_has_a_title(bench):
    with pytest.raises(SystemExit) as end:
        bench({"a": lambda work: 1 / 0})
    assert end.value.code == 1
    assert "The section a failed: ZeroDivisionError: " in gpu_results.RESULTS.read_text(encoding="utf-8")


@pytest.mark.parametrize(("row", "status"), [
    (("1", Failed("out of memory")), None), ((Failed("out of memory"), "2"), 1),
])  # fmt: skip
def test_only_a_missing_number_of_jaxlearn_fails_the_benchmark(row, status, bench):
    if status is None:
        bench(sections(a=[row]))
        return
    with pytest.raises(SystemExit) as end:
        bench(sections(a=[row, ("3", "4")]))
    assert end.value.code == status
    assert "| 3 | 4 |" in gpu_results.RESULTS.read_text(encoding="utf-8")


def test_a_rehearsal_measures_little_and_writes_nothing(bench):
    works = []
    section = Section("Title", "about", ("a",), iter([]))
    bench({"a": lambda work: works.append(work) or section}, rehearse=True)
    assert (works[0].device, works[0].repeats, works[0].models) == ("cpu", 9, ("mlp",))
    assert not gpu_results.RESULTS.exists()


def readme(examples=(), adam=(), grid=()):
    def done(header, rows):
        return gpu_results.Done([], header, rows, True)

    return gpu_results.readme_lines("One GPU:", {
        "examples": done((), examples), "adam": done((), adam), "grid": done(("256 runs",), grid),
    })[4:]  # fmt: skip


def test_the_readme_gets_the_medians_of_a_few_rows():
    gone = Failed("did not start")
    row = ("cnn", "64", "9,000 (8,000 to 9,500)", "3,000 (2,000 to 3,500)", "0.33", gone, "", "0.1", "0.0")
    adam = ("100,000,000", "4,000 (1 to 2)", "3,900 (1 to 2)", "0.97", "3,950", "0.98", "3,500 (1 to 2)", "1")
    assert readme(examples=[row], adam=[adam], grid=[("2.00 s", "1.00 s", "8.80", "29.1")]) == [
        "| cnn, batch 64, images a second | 9,000 | 3,000 | did not start |",
        "| Adam, 100,000,000 parameters, GB/s | 3,900 | 3,500 |  |",
        "| MLP, 256 runs as one program, times as long as one run | 8.80 |  |  |",
    ]


def test_the_readme_gets_what_was_measured_before_a_section_failed():
    assert readme() == []


@pytest.mark.parametrize("name", ["examples", "adam", "grid"])
def test_the_rows_of_the_sections_are_those_that_the_readme_takes(name, monkeypatch):
    monkeypatch.setattr(gpu, "measure", lambda peers, *_: dict.fromkeys(peers, Failed("gone")))
    section = gpu.SECTIONS[name](gpu.Work(Path()))
    assert readme(**{name: list(section.rows)})
    columns = {"examples": [2, 3, 5], "adam": [2, 6], "grid": [2]}[name]
    titles = {"examples": ["jaxlearn", "torch", "torch.compile"], "adam": ["jaxlearn, a call each", "torch"],
              "grid": ["times as long"]}[name]  # fmt: skip
    assert [section.header[column] for column in columns] == titles
