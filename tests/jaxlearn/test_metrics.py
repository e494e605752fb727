"""Metrics equal scikit-learn's."""

import warnings

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn

from jaxlearn import metrics

CLASSES = 5
EVERY = list(range(CLASSES))
# often few of the classes, so that some occur never, or as labels or answers alone
few = st.sets(st.integers(0, CLASSES - 1), min_size=1)
answers = st.tuples(few, few).flatmap(
    lambda sets: st.lists(st.tuples(*(st.sampled_from(sorted(s)) for s in sets)), min_size=1, max_size=50)
)
SCORES = [
    (metrics.precision, sklearn.precision_score),
    (metrics.recall, sklearn.recall_score),
    (metrics.f1, sklearn.f1_score),
]


@hypothesis.given(answers)
def test_equals_scikit_learn(pairs):
    labels, predictions = np.array(pairs).T
    confusion = metrics.confusion_matrix(jnp.asarray(labels), jnp.asarray(predictions), CLASSES)
    np.testing.assert_array_equal(confusion, sklearn.confusion_matrix(labels, predictions, labels=EVERY))
    assert metrics.accuracy(confusion) == pytest.approx(sklearn.accuracy_score(labels, predictions))
    for ours, theirs in SCORES:
        for average in ("macro", "micro", "weighted", "none"):
            theirs_average = None if average == "none" else average
            want = theirs(labels, predictions, labels=EVERY, average=theirs_average, zero_division=0)
            got = ours(confusion, average)
            assert got.shape == np.shape(want)
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7, err_msg=f"{ours.__name__} {average}")


@pytest.mark.parametrize(("score", "theirs"), SCORES)
def test_the_average_is_macro_unless_told(score, theirs):
    confusion = jnp.array([[5, 1], [3, 3]])
    assert score(confusion) == score(confusion, "macro") != score(confusion, "micro")
    with pytest.raises(ValueError, match=f"{score.__name__}: average must be macro, .* got 'mean'"):
        score(confusion, "mean")


LARGE = np.array([[2**31 - 1, 5, 2**30], [2**31 - 7, 2**31 - 1, 0], [3, 2**29, 2**31 - 2]])
PAIRS = np.array([(row, column) for row in range(3) for column in range(3)])


@pytest.mark.parametrize("compile", [jax.jit, lambda function, **options: function])
@pytest.mark.parametrize(
    "counts",
    [
        jnp.asarray(LARGE, jnp.int32),
        jnp.asarray(LARGE, jnp.uint32),
        LARGE // 50_000,  # the sums alone are small, not so their double in 16 bits
        np.array([[2**30, 0, 1], [0, 1, 0], [0, 0, 2**30]]),  # 2 TP is 2^31
    ],
    ids=["int32", "uint32", "small", "twice"],
)
def test_counts_and_their_sums_may_be_above_2_to_the_31(counts, compile):
    """scikit-learn is given each pair of classes once, weighted by how often it occurs."""
    weights = np.asarray(counts).astype(np.int64).ravel()
    pairs = {"y_true": PAIRS[:, 0], "y_pred": PAIRS[:, 1], "sample_weight": weights}
    want = sklearn.accuracy_score(**pairs)
    assert float(compile(metrics.accuracy)(counts)) == pytest.approx(want, rel=1e-6)
    for ours, theirs in SCORES:
        for average in metrics.AVERAGES:
            want = theirs(**pairs, average=None if average == "none" else average, zero_division=0)
            got = compile(ours, static_argnames="average")(counts, average=average)
            np.testing.assert_allclose(got, want, rtol=1e-6, err_msg=f"{ours.__name__} {average}")
            assert got.dtype == jnp.float32


def test_counts_of_numpy_may_be_above_2_to_the_31_themselves():
    """By whole numbers of Python's."""
    counts = [[2**40, 2**38], [2**33, 2**41]]
    assert float(metrics.accuracy(np.array(counts))) == pytest.approx(
        (2**40 + 2**41) / (2**40 + 2**38 + 2**33 + 2**41), rel=1e-6
    )
    f1 = [2 * 2**40 / (2 * 2**40 + 2**38 + 2**33), 2 * 2**41 / (2 * 2**41 + 2**38 + 2**33)]
    np.testing.assert_allclose(metrics.f1(np.array(counts), "none"), f1, rtol=1e-6)
    np.testing.assert_allclose(metrics.f1(counts, "none"), f1, rtol=1e-6)


def test_shares_instead_of_counts_give_the_same_scores():
    counts = jnp.array([[5, 1], [3, 3]])
    for score, _ in SCORES:
        for average in metrics.AVERAGES:
            np.testing.assert_allclose(score(counts / 12, average), score(counts, average), rtol=1e-6)


def test_without_examples_scores_are_0():
    for score, _ in SCORES:
        for average in metrics.AVERAGES:
            assert not score(jnp.zeros((3, 3), jnp.int32), average).any()


@hypothesis.given(st.data())
def test_top_k_accuracy_equals_scikit_learn_ties_included(data):
    rows = st.lists(st.integers(-1, 1), min_size=CLASSES, max_size=CLASSES)  # mostly ties
    pairs = data.draw(st.lists(st.tuples(rows, st.integers(0, CLASSES - 1)), min_size=1, max_size=20))
    k = data.draw(st.integers(1, CLASSES + 1))
    scores, labels = (np.array(column) for column in zip(*pairs, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, of a k that makes every answer right
        want = sklearn.top_k_accuracy_score(labels, scores, k=k, labels=EVERY)
    for dtype in (jnp.float32, jnp.int32):
        got = metrics.top_k_accuracy(jnp.asarray(scores, dtype), jnp.asarray(labels), k)
        assert got == pytest.approx(want)


def test_top_k_accuracy_takes_any_leading_axes():
    scores = jnp.array([[[0.1, 0.2, 0.7], [0.7, 0.2, 0.1]], [[0.1, 0.2, 0.7], [0.3, 0.6, 0.1]]])
    labels = jnp.array([[1, 1], [0, 1]])
    assert [metrics.top_k_accuracy(scores, labels, k).item() for k in (1, 2, 3)] == [0.25, 0.75, 1]
    assert metrics.top_k_accuracy(scores[0, 0], labels[0, 0], 2) == 1
    assert metrics.top_k_accuracy(scores[..., :2], jnp.array([[1, 1], [0, 1]]), 1) == 0.5  # two classes


def test_a_score_that_is_no_number_helps_nobody():
    nan = jnp.full((1, 4), jnp.nan)
    assert metrics.top_k_accuracy(nan, jnp.array([3]), 3) == 0
    assert metrics.top_k_accuracy(nan.at[0, 3].set(1.0), jnp.array([3]), 3) == 0
    assert metrics.top_k_accuracy(nan.at[0, 3].set(1.0), jnp.array([3]), 4) == 1


@pytest.mark.parametrize("wrong", [-1, -CLASSES, CLASSES, CLASSES + 1, 2**31 - 1])
def test_classes_that_do_not_exist(wrong):
    good, bad = jnp.array([0, 1]), jnp.array([0, wrong])
    message = rf"must be in \[0, {CLASSES}\) for {CLASSES} classes, got class {wrong}$"
    with pytest.raises(ValueError, match=f"confusion_matrix: labels {message}"):
        metrics.confusion_matrix(bad, good, CLASSES)
    with pytest.raises(ValueError, match=f"confusion_matrix: predictions {message}"):
        metrics.confusion_matrix(good, np.array(bad), CLASSES)
    with pytest.raises(ValueError, match=f"top_k_accuracy: labels {message}"):
        metrics.top_k_accuracy(jnp.ones((2, CLASSES)), bad, 1)
    traced = jax.jit(metrics.confusion_matrix, static_argnums=2)
    for pair in ((good, bad), (bad, good), (bad, bad)):
        confusion = traced(*pair, CLASSES)
        assert (confusion[0, 0], confusion.sum()) == (1, 1)
    scores = jnp.broadcast_to(jnp.arange(float(CLASSES)), (2, CLASSES))
    assert jax.jit(metrics.top_k_accuracy, static_argnums=2)(scores, bad, CLASSES) == 0.5


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int8, jnp.int16, jnp.uint32])
def test_any_integers_and_shapes_will_do(dtype):
    labels, predictions = jnp.array([[0, 100], [99, 3]], dtype), jnp.array([[0, 1], [2, 3]])
    for count in (metrics.confusion_matrix, jax.jit(metrics.confusion_matrix, static_argnums=2)):
        confusion = count(labels, predictions, 300)
        assert [confusion[0, 0], confusion[100, 1], confusion[99, 2], confusion[3, 3]] == [1] * 4
        assert (confusion.sum(), confusion.dtype) == (4, jnp.int32)


def test_indices_of_64_bits_do_not_wrap_around(x64):
    labels = jnp.array([2**32, -(2**32), 1])
    confusion = jax.jit(metrics.confusion_matrix, static_argnums=2)(labels, jnp.zeros(3, jnp.int32), 2)
    assert confusion.tolist() == [[0, 0], [1, 0]]


def test_over_batches():
    labels, predictions = jnp.array([[0, 1], [1, 1]]), jnp.array([[0, 0], [1, 0]])
    confusion = jax.vmap(lambda *pair: metrics.confusion_matrix(*pair, 2))(labels, predictions)
    assert confusion.tolist() == [[[1, 0], [1, 0]], [[0, 0], [1, 1]]]
    assert jax.vmap(metrics.recall)(confusion).tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: metrics.confusion_matrix(jnp.array([0, 1]), jnp.array([[0, 1]]), 2),
            ValueError,
            r"labels and predictions must have the same shape, got \(2,\) and \(1, 2\)",
        ),
        (
            lambda: metrics.confusion_matrix(jnp.array([0]), jnp.array([0.0]), 2),
            TypeError,
            "confusion_matrix: predictions must be integers, got float32",
        ),
        (
            lambda: metrics.confusion_matrix(jnp.array([True]), jnp.array([0]), 2),
            TypeError,
            "confusion_matrix: labels must be integers, got bool",
        ),
        (
            lambda: metrics.confusion_matrix(jnp.array([0]), jnp.array([0]), 0),
            ValueError,
            r"confusion_matrix: classes must be in \[1, inf\), got 0",
        ),
        (
            lambda: metrics.top_k_accuracy(jnp.ones((2, 3)), jnp.array([0]), 1),
            ValueError,
            r"scores must have shape \(..., classes\) and labels \(...\), got \(2, 3\) and \(1,\)",
        ),
        (
            lambda: metrics.top_k_accuracy(jnp.ones((1, 3)), jnp.array([0]), 0),
            ValueError,
            r"top_k_accuracy: k must be in \[1, inf\), got 0",
        ),
    ],
)
def test_wrong_arguments_are_told(call, error, message):
    with pytest.raises(error, match=message):
        call()
