"""The files of a report, what is printed, and the pictures."""

import csv
import html
import io
import json
import re
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pytest
from PIL import Image

from jaxlearn.report import _figures
from jaxlearn.report._report import print_report, results_csv, write_report
from jaxlearn.report._style import DARK, LIGHT
from jaxlearn.report._tables import ranking
from tests.jaxlearn.report.planted import by_loss, comparison, sweep

GOOD, BAD = [0.900, 0.906, 0.903], [0.800, 0.804, 0.803]
ADAM, SGD = sweep("adam", GOOD), sweep("sgd", BAD, diverged=[(2, 1)])
HOSTILE = ["<script>alert(1)</script>", "\"&'", "a|b\\", "$x$_{y", "[red]:smile:", "`c` [d](e)"]
ABOUT = {
    "title": "<b>digits</b>",
    "command": 'train.py --opt "<i>" | tee',
    "device": "<cpu>",
    "precision": "<highest>",
    "versions": {"<jax>": "1&2"},
    "facts": {name: {"pros": f"{name} is\nfast", "<cons>": "a|b"} for name in HOSTILE},
}
FILES = {"results.csv", "summary.json", "report.md", "report.html"}
PICTURES = {"curves.png", "sensitivity.png", "time_to_target.png", "classes.png"}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The folder of a report on optimizers and models with names that mean something to a browser."""
    folder = tmp_path_factory.mktemp("report") / "deep"
    sweeps = [sweep(name, np.array(GOOD) - i / 10, model=HOSTILE[0]) for i, name in enumerate(HOSTILE)]
    edge = sweep("adam", GOOD, model=HOSTILE[2], val=[BAD, BAD, GOOD])
    write_report(folder, comparison(*sweeps, edge), ABOUT)
    return folder


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in order."""

    VOID = ("meta", "img", "source")

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.links, self.tables, self.text = [], [], [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        self.links += [value for name, value in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


def test_the_page_needs_nothing_and_takes_names_for_text(hostile):
    text = (hostile / "report.html").read_text()
    page = Page(text)
    assert not {"script", "b", "i", "cpu", "cons", "jax", "link", "iframe"} & set(page.found)
    assert page.found.count("img") == page.found.count("source") == 4
    assert len(page.links) == 8
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert not re.search(r"""(src|href|srcset)\s*=\s*["']?\s*(https?:)?//|url\(|@import""", text)
    assert '<meta name="viewport" content="width=device-width' in text
    assert "prefers-color-scheme: dark" in text
    assert "Beware: adam on a|b\\: the chosen learning rate 0.1 is the largest" in page.text
    for part in [*HOSTILE, "Optimizers compared on <b>digits</b>", 'train.py --opt "<i>" | tee', "<jax> 1&2"]:
        assert part in page.text


def test_every_table_stands_in_markdown_as_on_the_page(hostile):
    page = Page((hostile / "report.html").read_text())
    lines = (hostile / "report.md").read_text().splitlines()
    rows = [re.split(r"(?<!\\)(?:\\\\)*\|", line)[1:-1] for line in lines if line.startswith("|")]
    read = [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in row] for row in rows]
    expected = []
    for head, *body in page.tables:
        expected += [head, None, *([" ".join(cell.split()) for cell in row] for row in body)]
    assert len(read) == len(expected)
    for row, other in zip(read, expected, strict=True):
        assert set(map(str.strip, row)) <= {"---", "---:"} if other is None else row == other
    sizes = [len(table[0]) for table in page.tables]
    assert sizes == [11, 11, 6, 7]  # two rankings, the pairs of the one with pairs, what is said of them
    assert all(len(row) == len(table[0]) for table in page.tables for row in table)


def test_the_report_is_in_order_and_whole(hostile):
    assert {path.name for path in hostile.iterdir()} == FILES | PICTURES
    titles = re.findall("<h2>(.*)</h2>", (hostile / "report.html").read_text())
    assert titles == [
        "Verdict",
        "Ranking",
        "Validation accuracy over the epochs",
        "Sensitivity to the learning rate",
        "Time to the target",
        "Errors of each class",
        "Differences between every two",
        "What is said of them, beside what they reached",
        "How it was measured",
        "Repeat it",
    ]
    marked = (hostile / "report.md").read_text()
    assert re.findall("^## (.*)$", marked, re.M) == [html.unescape(title) for title in titles]
    assert set(re.findall(r"^!\[.*\]\((.*)\)$", marked, re.M)) == PICTURES
    assert "- **Beware:** adam on" in marked
    for part in (
        "seeds 0, 1 and 2",
        "9,000 examples",
        "4,000 test examples",
        "batches of 64",
        "Holm",
        "twice",
    ):
        assert part in marked


def test_a_long_table_is_folded(tmp_path):
    sweeps = [sweep(f"a{i}", GOOD) for i in range(10)]
    write_report(tmp_path, comparison(*sweeps), {})
    page = Page((tmp_path / "report.html").read_text())
    assert page.found.count("details") == 1
    assert [len(table) for table in page.tables] == [11, 46]


def test_results_hold_every_run_and_epoch():
    other = by_loss(sweep("lion", [0.9], model="a,b", axes=["b1"], val=[[0.9]]))
    rows = list(csv.DictReader(io.StringIO(results_csv(comparison(SGD, other)))))
    assert list(rows[0]) == [
        *("model", "optimizer", "learning_rate", "b1", "seed", "epoch"),
        *("train_loss", "train_accuracy", "val_loss", "val_accuracy", "diverged"),
    ]
    assert len(rows) == 3 * 3 * 5 + 5
    for i, row in enumerate(rows[:-5]):
        point, seed, epoch = np.unravel_index(i, SGD.val_loss.shape)
        assert row["learning_rate"] == repr(SGD.points[point]["learning_rate"])
        assert (row["b1"], row["seed"], row["epoch"]) == ("", str(seed), str(epoch + 1))
        assert float(row["val_accuracy"]) == SGD.val_accuracy[point, seed, epoch]
        lost = (point, seed) == (2, 1)
        assert row["diverged"] == ("true" if lost else "false")
        assert row["train_loss"] == ("nan" if lost else repr(float(SGD.train_loss[point, seed, epoch])))
    assert rows[-1] | {"val_loss": ""} == {
        **{
            "model": "a,b",
            "optimizer": "lion",
            "learning_rate": "",
            "b1": "0.001",
            "seed": "0",
            "epoch": "5",
        },
        **{"train_loss": rows[-1]["val_loss"], "train_accuracy": "", "val_loss": "", "val_accuracy": ""},
        "diverged": "false",
    }


def test_results_are_the_same_whatever_time_they_took():
    slow = [s._replace(seconds=99.0, compile_seconds=9.0, arrangement=(1, 1, 1)) for s in (ADAM, SGD)]
    assert results_csv(comparison(ADAM, SGD)) == results_csv(comparison(*slow, seconds=1e6, kept=1))
    other = SGD._replace(val_loss=np.nextafter(SGD.val_loss, 1))
    assert results_csv(comparison(ADAM, SGD)) != results_csv(comparison(ADAM, other))


def test_the_summary_is_json_for_every_reader(tmp_path):
    failed = by_loss(sweep("sgd", BAD, diverged=np.s_[:, :]))._replace(
        test_loss=np.array([np.nan, 1.0, np.inf])
    )
    write_report(
        tmp_path, comparison(by_loss(ADAM), failed), {"target": 0.1, "path": tmp_path, "n": np.arange(2)}
    )

    def refuse(constant):
        raise AssertionError(constant)

    summary = json.loads((tmp_path / "summary.json").read_text(), parse_constant=refuse)
    assert summary["about"] == {"target": 0.1, "path": str(tmp_path), "n": [0, 1]}
    assert (summary["seconds"], summary["test"], summary["kept"]) == (10.0, 4000, 0)
    model = summary["models"]["mlp"]
    assert model["target"] == 0.1
    adam, sgd = model["ranking"]
    assert (adam["optimizer"], adam["chosen"], adam["runs"]) == ("adam", {"learning_rate": 0.01}, 9)
    assert adam["test_scores"] == pytest.approx({"0": 0.1, "1": 0.094, "2": 0.097})
    assert adam["test_loss"]["mean"] == pytest.approx(0.097)
    assert adam["arrangement"] == {"width": 3, "groups": 3, "devices": 1}
    assert (sgd["diverged"], sgd["test_scores"]) == (9, {"0": None, "1": 1.0, "2": None})
    (pair,) = model["pairs"]
    assert (pair["first"], pair["second"], pair["first_is"]) == ("adam", "sgd", "not comparable")
    assert {path.name for path in tmp_path.iterdir()} == FILES | PICTURES - {"classes.png"}


@pytest.mark.parametrize("width", [80, 120])
def test_what_is_printed_fits_and_numbers_stay_whole(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    print_report(comparison(ADAM, SGD, sweep("schedule_free_adamw", GOOD), sweep(HOSTILE[4], BAD)), {})
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= width
    for part in ("schedule_free_adamw", "[red]:smile:", "0.8955 to 0.9105", "1/9", "cannot be told apart"):
        assert part in out
    heads = next(line for line in out.splitlines() if line.startswith("optimizer"))
    assert ("sd" in heads.split()) == (width == 120)


def test_one_optimizer_and_one_seed_are_printed(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    print_report(comparison(sweep("adam", [0.9], axes=[], val=[[0.9]])), {"target": 0.95})
    out = capsys.readouterr().out
    assert "adam reaches test accuracy 0.9000 (n = 1, no interval); nothing is compared with it." in out
    assert "Nothing was searched" in out
    assert "first" not in out


def draw(file, *sweeps, target=None):
    """The axes of a picture."""
    rankings = ranking(comparison(*sweeps), target)
    looks = LIGHT.looks(sorted({s.optimizer for s in sweeps}))
    with matplotlib.rc_context(LIGHT.settings):
        return getattr(_figures, file)(rankings, looks, LIGHT).axes


def lines(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


@pytest.mark.parametrize("judged", [lambda planted: planted, by_loss])
def test_sensitivity_marks_what_was_chosen_and_what_diverged(judged):
    (axes,) = draw("_sensitivity", judged(ADAM), judged(SGD))
    adam, sgd = lines(axes, "o")
    assert adam.get_xdata().tolist() == sgd.get_xdata().tolist() == [0.01]
    np.testing.assert_allclose(adam.get_ydata(), 1 - np.mean(GOOD))
    assert [line.get_xdata().tolist() for line in lines(axes, "x")] == [[], [0.1]]
    assert [len(line.get_xdata()) for line in lines(axes, ".")] == [9, 8]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.yaxis_inverted() == judged(ADAM).by_accuracy  # the better, the higher or the lower as usual


def test_sensitivity_holds_other_hyperparameters_as_chosen():
    grid = [(1e-3, 0.9), (1e-3, 0.8), (1e-2, 0.9), (1e-2, 0.8)]
    two = sweep("adam", [0.9], axes=["learning_rate", "b1"], values=grid, val=[[0.5], [0.6], [0.7], [0.9]])
    (axes,) = draw("_sensitivity", two, sweep("none", [0.9], axes=[], val=[[0.9]]))
    line = axes.lines[0]
    np.testing.assert_allclose(line.get_xdata(), [1e-3, 1e-2])
    np.testing.assert_allclose(line.get_ydata(), [0.4, 0.1])


def test_curves_show_the_chosen_point():
    (axes,) = draw("_curves", ADAM)
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 1 - ADAM.val_accuracy[1].mean(axis=0))
    assert axes.yaxis.get_major_formatter()(0.02) == "0.98"


def test_misses_of_the_target_are_words():
    late = sweep("late", [0.9, 0.8, 0.9])
    epochs, seconds = draw("_time_to_target", ADAM, late, sweep("sgd", BAD), target=0.89)
    for axes in (epochs, seconds):
        assert [text.get_text() for text in axes.texts] == ["1 of 3 never", "never"]
    assert [bar.get_width() for bar in epochs.patches] == [5, 5, 0]
    np.testing.assert_allclose([bar.get_width() for bar in seconds.patches], [1 / 3, 1 / 3, 0])


def test_errors_of_classes():
    confusion = np.array([[[8, 2], [0, 0]], [[6, 4], [0, 0]]])
    planted = sweep("adam", GOOD[:2], confusion=confusion)
    np.testing.assert_allclose(_figures.class_errors(planted), [0.3, np.nan])
    (axes,) = draw("_classes", planted)
    assert [text.get_text() for text in axes.texts] == ["30.0", "-"]


@pytest.mark.parametrize("sweeps", [1, 34])
def test_pictures_are_drawn_for_few_and_many_on_light_and_dark(sweeps):
    planted = [sweep(f"a{i}", GOOD, diverged=[(i % 3, 0)]) for i in range(sweeps)]
    rankings = ranking(comparison(*planted))
    for style in (LIGHT, DARK):
        drawn = _figures.draw(rankings, style)
        assert set(drawn) == PICTURES
        for picture in drawn.values():
            image = Image.open(io.BytesIO(picture)).convert("RGB")
            assert image.width == 1100
            assert "#{:02x}{:02x}{:02x}".format(*image.getpixel((2, 2))) == style.paper


def test_an_optimizer_has_one_color_and_many_differ():
    looks = LIGHT.looks([f"a{i}" for i in range(34)])
    assert len({str(look) for look in looks.values()}) == 34
    assert matplotlib.rcParams["text.parse_math"] is True
