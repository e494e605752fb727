"""The parts of the benchmarks that need no peers: what they write."""

from benchmarks import run
from benchmarks.rows import make_rows
from benchmarks.run import Measured


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
