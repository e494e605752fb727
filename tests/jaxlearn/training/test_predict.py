"""What a model answers, and the picture of its mistakes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxlearn import nn, training
from jaxlearn.report import _answers, plot_answers, plot_mistakes
from jaxlearn.training import predict

MODEL = nn.sequential(nn.flatten, nn.batch_norm(), nn.dropout(0.5), nn.linear(5))


@pytest.fixture(scope="module")
def trained():
    """Parameters and a state that is not that of the beginning."""
    params, state = MODEL.init(jax.random.key(0), (6, 6, 2))
    return params, jax.tree.map(lambda a: a + jnp.linspace(0.1, 0.4, a.size).reshape(a.shape), state)


def images(number):
    return np.random.default_rng(0).integers(0, 256, (number, 6, 6, 2), np.uint8)


@pytest.mark.parametrize("number", [0, 1, 7, 8, 9, 21])
def test_every_image_gets_the_softmax_of_what_the_model_says_of_it(number, trained):
    got = predict(MODEL, *trained, images(number), batch_size=8)
    assert isinstance(got, np.ndarray)
    assert got.shape == (number, 5)
    for image, row in zip(images(number), got, strict=True):
        outputs = np.asarray(MODEL.apply(*trained, jnp.asarray(image / 255, jnp.float32))[0], np.float64)
        want = np.exp(outputs) / np.exp(outputs).sum()
        np.testing.assert_allclose(row, want, rtol=1e-5)


def test_the_answers_are_those_that_evaluate_counts(trained):
    labels = np.arange(300, dtype=np.int32) % 5
    result = training.evaluate(MODEL, *trained, images(300), labels)
    answers = predict(MODEL, *trained, images(300)).argmax(axis=1)
    want = np.zeros((5, 5), int)
    np.add.at(want, (labels, answers), 1)
    assert np.array_equal(result.confusion, want)
    assert len(set(answers)) > 1


def test_any_number_of_images_compiles_once(trained):
    traced = []
    model = nn.sequential(nn.flatten, lambda x: (traced.append(1), x[:3])[1])
    for number in (5, 1, 20, 8):
        predict(model, {}, {}, images(number), batch_size=8)
    assert len(traced) == 1
    predict(model, {}, {}, images(5), batch_size=4)
    assert len(traced) == 2


def test_half_precision_is_no_reason_for_rough_probabilities():
    model = nn.sequential(nn.flatten, lambda x: x[:3].astype(jnp.bfloat16))
    got = predict(model, {}, {}, images(4))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got.sum(axis=1), 1, atol=1e-6)


def test_wrong_arguments_are_told(trained):
    with pytest.raises(ValueError, match=r"batch_size must be in \[1, inf\), got 0"):
        predict(MODEL, *trained, images(3), batch_size=0)
    with pytest.raises(ValueError, match=r"the input must have shape .*, got \(36,\)"):
        predict(MODEL, *trained, images(3)[..., :1])
    with pytest.raises(ValueError, match=r"an output for each class, its outputs are \(6, 6, 2\)"):
        predict(nn.sequential(nn.relu), {}, {}, images(3))


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """`drawn(images, labels, probabilities)` is the figure that is written as a PNG."""
    figures = []
    write = _answers.write_png
    monkeypatch.setattr(_answers, "write_png", lambda *args: (figures.append(args[1]), write(*args)))

    def draw(images, labels, probabilities, title="a run"):
        path = tmp_path / "mistakes.png"
        plot_mistakes(path, images, np.array(labels), np.array(probabilities, np.float32), title)
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert np.asarray(picture).min() < 100
        return figures[-1]

    return draw


def captions(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_the_surest_mistakes_come_first_with_their_images(drawn):
    pixels = images(5)[..., :1]
    chances = [[0.7, 0.2, 0.1], [0.9, 0.1, 0.0], [0.3, 0.3, 0.4], [0.0, 0.001, 0.999], [0.2, 0.8, 0.0]]
    figure = drawn(pixels, [1, 0, 1, 1, 2], chances)
    assert captions(figure) == ["1 → 2\n99.9%", "2 → 1\n80.0%", "1 → 0\n70.0%", "1 → 2\n40.0%"]
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert all(map(np.array_equal, shown, pixels[[3, 4, 0, 2], ..., 0]))
    assert figure.axes[0].images[0].get_clim() == (0, 255)
    title, summary = figure.get_suptitle().split("\n")
    assert title == "a run"
    assert summary == "mistakes: 4 of 5 examples; class → answer, probability of the answer"


def test_there_are_at_most_forty(drawn):
    chances = np.full((1003, 2), 0.25)
    chances[:, 0] = np.linspace(0.3, 0.75, 1003)
    figure = drawn(images(1003)[..., :1], [1] * 1003, chances)
    assert captions(figure)[:2] == ["1 → 0\n75.0%"] * 2
    assert len(captions(figure)) == 40
    assert "mistakes: 1,003 of 1,003 examples; the 40 it was surest of: class" in figure.get_suptitle()


def test_no_mistakes_are_told(drawn):
    figure = drawn(images(2)[..., :1], [0, 1], np.eye(2), title="$no{ _mathematics$")
    assert figure.get_suptitle() == "$no{ _mathematics$\nno mistakes in 2 examples"
    assert not figure.axes


def test_colours_and_other_channels_are_shown(drawn):
    colour = np.concatenate([images(1)] * 2, axis=3)[..., :3]
    (axes, *_) = drawn(colour, [1], [[0.6, 0.4]]).axes
    assert np.array_equal(axes.images[0].get_array(), colour[0])
    (axes, *_) = drawn(images(1), [1], [[0.6, 0.4]]).axes
    assert np.array_equal(axes.images[0].get_array(), images(1)[0, ..., 0])


def test_a_run_that_diverged_has_a_picture_too(drawn):
    figure = drawn(images(3)[..., :1], [0, 1, 2], np.full((3, 3), np.nan))
    assert captions(figure) == ["1 → 0\nnan%", "2 → 0\nnan%"]


def test_nothing_overlaps(drawn):
    """Neither images nor captions, although there are thousands of classes."""
    chances = np.zeros((17, 9999))
    chances[:, -1] = 1
    figure = drawn(images(17)[..., :1], np.full(17, 8888), chances, "tfds:some_data, cnn-large, adam, seed 1")
    figure.draw_without_rendering()
    boxes = [figure._suptitle.get_window_extent()]
    for axes in figure.axes[:17]:
        boxes += [axes.title.get_window_extent(), axes.images[0].get_window_extent()]
    assert len(boxes) == 1 + 2 * 17
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert not any(box.overlaps(other) for other in boxes[:i])


@pytest.fixture
def answered(tmp_path, monkeypatch):
    """`answered(images, names, probabilities)` is the figure that is written as a PNG."""
    figures = []
    write = _answers.write_png
    monkeypatch.setattr(_answers, "write_png", lambda *args: (figures.append(args[1]), write(*args)))

    def draw(images, names, probabilities):
        plot_answers(tmp_path / "seen.png", images, names, np.array(probabilities, np.float32), "a run")
        with Image.open(tmp_path / "seen.png") as picture:
            assert picture.format == "PNG"
        return figures[-1]

    return draw


def test_what_the_model_saw_stands_beside_names_and_answers(answered):
    pixels = images(3)[..., :1]
    figure = answered(pixels, ["a.png", "b $x{$.png", "c.png"], [[0.7, 0.3], [0.1, 0.9], [0.5, 0.5]])
    assert captions(figure) == ["a.png\n0, 70.0%", "b $x{$.png\n1, 90.0%", "c.png\n0, 50.0%"]
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert all(map(np.array_equal, shown, pixels[..., 0]))
    assert figure.get_suptitle() == "a run\nanswer, its probability"


def test_names_in_any_script_are_drawn_and_long_ones_cut(answered):
    names = ["輸出.png", "\udcff\n.png", "n" * 200]
    first, second, third = captions(answered(images(3)[..., :1], names, np.eye(3)))
    assert first.startswith("輸出.png\n")
    assert second.startswith("\\udcff\\n.png\n")
    assert len(third.split("\n")) == 4


def test_four_hundred_answers_are_drawn_at_most(answered, monkeypatch):
    monkeypatch.setattr(_answers, "ANSWERS", 10)
    figure = answered(images(1003)[..., :1], ["a.png"] * 1003, np.full((1003, 2), 0.5))
    assert len(captions(figure)) == 10
    assert figure.get_suptitle().endswith("\nthe first 10 of 1,003 examples: answer, its probability")


def test_long_names_do_not_overlap(answered):
    figure = answered(images(17)[..., :1], ["n" * 200] * 17, np.eye(17))
    figure.draw_without_rendering()
    boxes = []
    for axes in figure.axes[:17]:
        boxes += [axes.title.get_window_extent(), axes.images[0].get_window_extent()]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
