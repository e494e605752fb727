"""Data that do not belong together are refused in one line; data from elsewhere give the same numbers."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import compare, data, nn, optim, training

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 3, 3, 1)).astype(np.uint8)
LABELS = RANDOM.integers(0, 3, 40).astype(np.int32)
GOOD = (IMAGES, LABELS)
MODEL = nn.sequential(nn.flatten, nn.linear(3))


def with_label(label, dtype=np.int32):
    labels = LABELS.astype(dtype)
    labels[5] = label
    return labels


def compile_run(train, validation, test):
    return training.compile_run(MODEL, optim.sgd(0.1), train, validation, test, batch_size=8, seed=0)


def compare_all(train, validation, test):
    rates = {"learning_rate": [0.1, 0.2]}
    contender = compare.Contender("sgd", optim.sgd, rates, MODEL)
    return compare.compare([contender], train, validation, test, seeds=[0], epochs=1, batch_size=8)


USES = pytest.mark.parametrize("use", [compile_run, compare_all])
ALONE = [  # wrong by themselves
    (IMAGES[:20], LABELS[:30], ValueError, "must be as many, got 20 images and 30 labels"),
    (IMAGES, LABELS[:, None], ValueError, r"labels must have shape \(examples,\), got \(40, 1\)"),
    (IMAGES, np.eye(3, dtype=int)[LABELS], ValueError, r"got \(40, 3\); integers are classes"),
    (IMAGES, with_label(np.nan, np.float32), ValueError, "labels must be numbers, got nan"),
    (IMAGES, np.array(["a"] * 40), TypeError, "labels must be an array of numbers, got ndarray of dtype <U1"),
    (IMAGES, [[1], [1, 2]] * 20, TypeError, "labels must be an array of numbers, got list: .*inhomogeneous"),
    (None, LABELS, TypeError, "images must be an array of numbers, got NoneType of dtype object"),
    (IMAGES, np.int32(3), ValueError, r"an axis of examples, got shapes \(40, 3, 3, 1\) and \(\)"),
]
TOGETHER = [  # wrong beside good ones
    (IMAGES, with_label(-1), "labels must be from 0 to 2, as the model has 3 outputs, got -1 in validation"),
    (IMAGES, with_label(3), "labels must be from 0 to 2, .*, got 3 in validation"),
    (IMAGES, with_label(2**32 + 1, np.int64), "got 4294967297 in validation"),
    (IMAGES, with_label(255, np.uint8), "got 255 in validation"),
    (IMAGES, LABELS.astype(np.float32), "labels of validation must be int32 as those of train, got float32"),
    (
        IMAGES.astype(np.int32),
        LABELS,
        "images of validation must be uint8 .* got int32: only bytes",
    ),
    (IMAGES.astype(np.float32), LABELS, "images of validation must be uint8 .* got float32: only bytes"),
    (IMAGES[:, :2], LABELS, r"images of validation must be of shape \(3, 3, 1\) .*, got \(2, 3, 1\)"),
]


@pytest.mark.parametrize(("images", "labels", "error", "message"), ALONE)
def test_a_split_is_checked_when_it_is_made(images, labels, error, message):
    with pytest.raises(error, match=message) as told:
        data.Split(images, labels)
    assert "\n" not in str(told.value)


@USES
@pytest.mark.parametrize(("images", "labels", "error", "message"), ALONE)
def test_and_where_it_is_used(use, images, labels, error, message):
    with pytest.raises(error, match=f"validation: .*{message}"):
        use(GOOD, data.Split._make((images, labels)), GOOD)


@USES
@pytest.mark.parametrize(("images", "labels", "message"), TOGETHER)
def test_splits_are_checked_together(use, images, labels, message):
    with pytest.raises(ValueError, match=message) as told:
        use(data.Split(*GOOD), data.Split(images, labels), data.Split(*GOOD))
    assert "\n" not in str(told.value)


@USES
@pytest.mark.parametrize("wrong", [None, IMAGES, (IMAGES,), "mnist"])
def test_what_is_no_split_is_told(use, wrong):
    with pytest.raises(TypeError, match="validation must be a Split of images and labels, got "):
        use(GOOD, wrong, GOOD)


@pytest.mark.parametrize(("dtype", "other"), [(np.int32, np.float32), (np.float32, np.int64)])
def test_numbers_of_another_kind_are_told(dtype, other):
    with pytest.raises(ValueError, match=r"images of test must be \w+ as those of train, got \w+$"):
        compile_run((IMAGES.astype(dtype), LABELS), GOOD_FLOAT[dtype], (IMAGES.astype(other), LABELS))


GOOD_FLOAT = {dtype: (IMAGES.astype(dtype), LABELS) for dtype in (np.int32, np.float32)}


def dataset(train=GOOD, test=GOOD, classes=3):
    return data.Dataset("mine", data.Split(*train), data.Split(*test), classes, "here")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"test": (IMAGES, with_label(-1))}, ValueError, "labels must be from 0 to 2, got -1 in test"),
        ({"train": (IMAGES, with_label(-100))}, ValueError, "labels must be from 0 to 2, got -100 in train"),
        ({"classes": 2}, ValueError, "labels must be from 0 to 1, got 2 in train"),
        ({"classes": 0}, ValueError, "classes must be in"),
        (
            {"test": (IMAGES / 255, LABELS)},
            ValueError,
            "images of test .*uint8 .*got float64",
        ),
        ({"test": (IMAGES[:, :, :2], LABELS)}, ValueError, r"images of test must be of shape \(3, 3, 1\)"),
        (
            {"train": (IMAGES, LABELS * 1.0), "test": (IMAGES, LABELS * 1.0)},
            TypeError,
            "labels of train must be integers, hence classes, got float64",
        ),
    ],
)
def test_a_dataset_is_checked_when_it_is_made(options, error, message):
    with pytest.raises(error, match=message):
        dataset(**options)


def test_a_dataset_takes_numpys_whole_numbers():
    assert dataset(classes=LABELS.max() + 1).classes == 3


class Tensor:
    """What a tensor of PyTorch is to numpy, where PyTorch is not installed."""

    def __init__(self, array, requires_grad=False):
        self.array, self.requires_grad = array, requires_grad

    def __len__(self):
        return len(self.array)

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.array


try:
    import torch
except ImportError:
    from_numpy, needs_gradient = Tensor, Tensor(np.zeros((40, 3)), requires_grad=True)
else:
    from_numpy, needs_gradient = torch.from_numpy, torch.zeros(40, 3, requires_grad=True)


def losses(train, test):
    """Of an epoch, by both ways to train."""
    program = compile_run(train, test, test)
    (_, report), *_ = training.fit(program, 1)
    return [report.train_loss, report.val_loss, *compare_all(train, test, test).sweeps[0].test_loss.ravel()]


def test_data_from_elsewhere_give_the_same_numbers():
    scaled = (IMAGES / 255).astype(np.float32)
    for images in (IMAGES, scaled):
        want = losses((images, LABELS), (images[:20], LABELS[:20]))
        for make in (
            from_numpy,
            jnp.asarray,
            lambda array: list(array),
            lambda array: array.astype(np.int64) if array.ndim == 1 else array,
            lambda array: array.astype(np.float64) if array.dtype == np.float32 else array,
            np.asfortranarray,
        ):
            splits = [data.Split(make(images[:n]), make(LABELS[:n])) for n in (40, 20)]
            assert losses(*splits) == want


def test_nested_lists_give_the_same_numbers():
    numbers = ((IMAGES / 255).astype(np.float32), LABELS)
    assert losses((numbers[0].tolist(), LABELS.tolist()), numbers) == losses(numbers, numbers)


def test_what_torch_cannot_hand_over_is_told():
    with pytest.raises(TypeError, match="images must be an array of numbers, got Tensor: .*grad"):
        data.Split(needs_gradient, LABELS)


def test_examples_that_the_loss_ignores_may_occur():
    """The loss by hand: that of the others."""
    train = (IMAGES, with_label(-100))
    program = compile_run(train, train, train)
    loss = program.test(program.state).loss
    params = program.state.params
    rest = train[1] != LABELS
    want = training.evaluate(MODEL, params, {}, IMAGES[~rest], LABELS[~rest]).loss
    assert loss == pytest.approx(float(want), rel=1e-6)


@pytest.mark.parametrize("jit", [jax.jit, lambda function: function])
def test_pure_functions_check_shapes_when_they_are_traced(jit):
    run = training.make_run(MODEL, optim.sgd(0.1), batch_size=8)
    start = training.draw_start(MODEL, jax.random.key(0), (3, 3, 1))
    state = run.init(start, GOOD)
    for function, first in ((run.init, start), (run.advance, state)):
        with pytest.raises(ValueError, match="must be as many, got 40 images and 30 labels"):
            jit(function)(first, (IMAGES, LABELS[:30]))
    with pytest.raises(ValueError, match="must be as many, got 40 images and 30 labels"):
        jit(lambda *of: training.evaluate(MODEL, state.params, {}, *of))(IMAGES, LABELS[:30])


def test_pure_functions_take_data_from_elsewhere():
    run = training.make_run(MODEL, optim.sgd(0.1), batch_size=8)
    state = run.init(training.draw_start(MODEL, jax.random.key(0), (3, 3, 1)), GOOD)
    want = jax.jit(run.advance)(state, tuple(map(jnp.asarray, GOOD))).measured.loss
    score = training.evaluate(MODEL, state.params, {}, *map(jnp.asarray, GOOD))
    for make in (np.asarray, from_numpy, list):
        images, labels = map(make, GOOD)
        losses = run.advance(state, (images, labels)).measured.loss
        np.testing.assert_allclose(losses, want, rtol=1e-6)
        assert training.evaluate(MODEL, state.params, {}, images, labels).loss == score.loss
        answers = [training.predict(MODEL, state.params, {}, these) for these in (images, IMAGES)]
        np.testing.assert_array_equal(*answers)
        assert [part.tolist() for part in data.hold_out(data.Split(images, labels), 3)[1]] == [
            part.tolist() for part in data.hold_out(data.Split(*GOOD), 3)[1]
        ]


def test_a_split_is_a_pytree_of_anything_and_can_be_copied():
    split = data.Split(*GOOD)
    assert jax.tree.map(len, split) == data.Split._make((40, 40))
    assert jax.tree.map(lambda leaf: None, split) == (None, None)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(split)]
    assert paths == [".images", ".labels"]
    for other in (pickle.loads(pickle.dumps(split)), copy.deepcopy(split), jax.device_put(split)):
        assert isinstance(other, data.Split)
        np.testing.assert_array_equal(other.labels, LABELS)
