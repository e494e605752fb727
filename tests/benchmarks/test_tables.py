"""What the benchmarks write of what was measured on a CPU."""

import math
import sys
from pathlib import Path

import jax
import pytest

from benchmarks import growth, run, tables
from benchmarks.measured import Failed, Measured, show_difference
from benchmarks.rows import make_rows


def results():
    rows = make_rows("mnist")
    found = {
        "mlp": {"jaxlearn": Measured([0.2, 0.4, 0.3], [1.0, 2.0, 3.0])}
        | {peer: Measured([0.6, 0.9, 0.9], [1.0, 2.0, 3.5]) for peer in rows["mlp"].peers},
        "cnn-64": {"jaxlearn": Measured([2.0], [1.0]), "torch": Measured([1.0], [1.0])}
        | {"torch.compile": Failed("did not start")},
    }
    return found, rows


def test_a_ratio_is_that_of_the_medians_and_bold_where_it_reaches_its_bar():
    lines = run.ratio_lines(*results())
    assert lines[2].startswith(
        "| MLP, batch 64, Adam, one epoch | 300 ms (200 ms to 400 ms) | torch | 900 ms"
    )
    assert lines[2].endswith("| **3.00** | 2.2 | 4 |")
    (below,) = (line for line in lines if "report's CNN" in line)
    assert below.endswith("| torch | 1.00 s (1.00 s to 1.00 s) | 0.50 | 1.4 | 2 |")


def test_a_peer_that_failed_is_told_in_its_cell():
    found, rows = results()
    assert run.ratio_lines(found, rows)[-1] == "|  |  | torch.compile | did not start |  |  |  |"
    assert run.loss_lines(found)[-1] == "| cnn-64 | torch.compile | did not start |  |  |"
    ours = {"cnn-64": found["cnn-64"] | {"jaxlearn": Failed("out of memory")}}
    assert "| out of memory | torch | 1.00 s" in run.ratio_lines(ours, rows)[2]
    assert run.tried_lines(ours, rows) == []
    assert (
        run.readme_lines(ours, rows)[2] == "| report's CNN, batch 64, 12,800 images | torch | not measured |"
    )


def test_what_is_below_its_bar_is_listed():
    (line,) = run.tried_lines(*results())
    assert line.startswith("- **report's CNN, batch 64")
    assert "(0.50 of 1.4)" in line


def test_losses_are_compared_seed_by_seed():
    lines = run.loss_lines(results()[0])
    assert lines[2] == "| mlp | jaxlearn | 2.00000 | 1.00000 | 0.0e+00 |"
    assert lines[3] == "| mlp | torch | 2.16667 | 1.25831 | 5.0e-01 |"


def test_the_largest_difference_is_that_of_the_peer_that_is_farthest_off():
    ours, near, far = (Measured([1.0, 1.0], [1.0, second]) for second in (2.0, 2.25, 1.5))
    assert show_difference(ours, near, Failed("did not start"), far) == "5.0e-01"
    assert show_difference(ours, Failed("did not start")) == show_difference(Failed("gone"), near) == ""


@pytest.fixture
def readme(tmp_path, monkeypatch):
    path = tmp_path / "README.md"
    monkeypatch.setattr(tables, "README", path)
    return path


def test_the_readme_gets_the_first_peer_of_each_row(readme):
    begin, end = tables.marks("benchmarks")
    readme.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    for _ in range(2):  # the second finds what the first has written
        assert tables.write_readme("benchmarks", run.readme_lines(*results()))
        assert readme.read_text().splitlines() == [
            "before", begin, "| work | against | times as fast |", "|---|---|--:|",
            "| MLP, batch 64, Adam, one epoch | torch | 3.00 |",
            "| report's CNN, batch 64, 12,800 images | torch | 0.50 |", end, "after",
        ]  # fmt: skip


def test_each_table_of_the_readme_has_marks_of_its_own_which_may_hold_nothing(readme):
    begin, end = tables.marks("gpu benchmarks")
    cpu = "\n".join(["<!-- benchmarks -->", "cpu", "<!-- end of benchmarks -->"])
    readme.write_text(f"{cpu}\n\n± {begin}{end} after\n", encoding="utf-8")
    assert tables.write_readme("gpu benchmarks", ["| 1 |"])
    assert readme.read_text(encoding="utf-8") == f"{cpu}\n\n± {begin}\n| 1 |\n{end} after\n"


@pytest.mark.parametrize("text", ["nothing", "<!-- gpu benchmarks -->", "<!-- end of gpu benchmarks -->"])
def test_a_readme_without_both_marks_stays_as_it_is(text, readme):
    readme.write_text(text)
    assert not tables.write_readme("gpu benchmarks", ["| 1 |"])
    assert readme.read_text() == text


def test_the_readme_of_the_project_has_its_place_for_the_table():
    text = tables.README.read_text(encoding="utf-8")
    for mark in tables.marks("benchmarks"):
        assert text.count(mark) == 1


def test_growth_says_where_memory_is_unknown(monkeypatch, capsys):
    monkeypatch.setattr(growth, "measure", lambda work, options: (2.0, options["memory"]))
    memory = {16: 3.0 * 2**20, 64: math.nan}
    lines = growth.table("Title", "unit", memory, lambda n: ("epoch", {"memory": memory[n]}), lambda n: 0.5)
    assert lines[4:6] == [
        "| 16 | 2.00 s | 500 ms | 4.0 | 3 MiB |",
        "| 64 | 2.00 s | 500 ms | 4.0 | unknown |",
    ]


@pytest.mark.parametrize(("flags", "rehearse"), [(["--device", "gpu"], False), (["--rehearse"], True)])
def test_a_gpu_has_results_of_its_own(flags, rehearse, monkeypatch):
    called = []
    monkeypatch.setattr(run.gpu_results, "main", lambda *arguments: called.append(arguments[1:]))
    monkeypatch.setattr(sys, "argv", ["run", "mnist", "--repeats", "3", *flags])
    run.main()
    assert called == [(None, 3, rehearse)]


def test_convolutions_are_measured_on_the_newest_jax_where_that_is_installed(tmp_path):
    assert not [name for name in make_rows("mnist", tmp_path / "python") if "newest" in name]
    rows = make_rows("mnist", Path(sys.executable))
    there = rows["cnn-64-newest"]
    assert there.title == f"report's CNN, batch 64, 12,800 images, JAX {jax.__version__}"
    assert there.python == sys.executable
    assert [rows[name].at_least for name in rows if name.endswith("-newest")] == [1.4, 1, 1, 0.8, 1.5, 1.4]
