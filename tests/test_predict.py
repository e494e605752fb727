"""`--eval --predict`: what a saved model makes of image files, as a table, as JSON and as a picture."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxlearn
import train
from jaxlearn import data

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def saved(empty_folder):
    """A trained model in the folder `run`, and pictures of the first test digits, with their labels."""
    assert train.main("--dataset digits --model softmax --epochs 5 --out run".split()) == 0
    test = data.load("digits").test
    folder = Path("a_folder_with_a_long_name", "and_another_one_within_it")
    folder.mkdir(parents=True)
    paths = [folder / f"number_{i}.png" for i in range(5)]
    for path, image in zip(paths, test.images, strict=False):
        Image.fromarray(image[..., 0]).save(path)
    return [str(path) for path in paths], test.labels[:5].tolist()


def predict(capsys, *arguments):
    capsys.readouterr()
    assert train.main(["--eval", "run", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", ["60", "80", "300"])
def test_the_table_has_whole_paths_at_any_width(columns, saved, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    paths, labels = saved
    out = predict(capsys, "--predict", *paths)
    rows = [line.split() for line in out.splitlines() if ".png " in line]
    assert [row[0] for row in rows] == paths
    assert np.mean([int(row[1]) == label for row, label in zip(rows, labels, strict=True)]) >= 0.8
    assert out.endswith("\nwhat the model saw in run/seen.png\n".replace("/", str(Path("/"))))
    with Image.open("run/seen.png") as seen:
        assert seen.format == "PNG"


def test_json_is_one_document_with_every_probability(saved, capsys):
    paths, labels = saved
    document = json.loads(predict(capsys, "--predict", *paths, "--format", "json", "--out", "elsewhere"))
    assert Path(document["seen"]) == Path("elsewhere", "seen.png")
    assert Path(document["seen"]).is_file()
    assert not Path("run/seen.png").exists()
    answers = document["answers"]
    assert [answer["file"] for answer in answers] == paths
    for answer in answers:
        assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert answer["class"] == np.argmax(answer["probabilities"])
        assert answer["probability"] == max(answer["probabilities"])
        assert answer["inverted"] is False
    assert np.mean([a["class"] == label for a, label in zip(answers, labels, strict=True)]) >= 0.8


def test_one_blank_page_is_named_and_nothing_is_written(saved, capsys):
    Image.new("L", (30, 30), "white").save("blank.png")
    capsys.readouterr()
    assert train.main(["--eval", "run", "--predict", *saved[0], "blank.png"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "train.py: blank.png shows nothing: no ink stands out from its paper\n"
    assert captured.out == ""
    assert not Path("run/seen.png").exists()


def test_a_format_without_pictures_is_refused(capsys):
    assert train.main(["--format", "json"]) == 2
    assert capsys.readouterr().err == "train.py: argument --format: json needs --predict FILE\n"


def test_a_model_that_is_not_here_is_named_by_eval(saved, capsys):
    model = jaxlearn.load("run")
    jaxlearn.save("theirs.safetensors", model.params, model.model_state, model.config | {"model": "softmix"})
    capsys.readouterr()
    assert train.main(["--eval", "theirs.safetensors"]) == 2
    told = "train.py: argument --eval: 'softmix' is unknown; did you mean softmax?\n"
    assert capsys.readouterr().err == told
