"""Metrics equal scikit-learn's."""

import hypothesis
import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn

from jaxlearn import metrics

CLASSES = 4
answers = st.lists(st.tuples(*[st.integers(0, CLASSES - 1)] * 2), min_size=1, max_size=50)


@hypothesis.given(answers)
def test_equals_scikit_learn(pairs):
    labels, predictions = np.array(pairs).T
    confusion = metrics.confusion_matrix(jnp.asarray(labels), jnp.asarray(predictions), CLASSES)
    every = list(range(CLASSES))
    np.testing.assert_array_equal(confusion, sklearn.confusion_matrix(labels, predictions, labels=every))
    assert metrics.accuracy(confusion) == pytest.approx(sklearn.accuracy_score(labels, predictions))
    for average, ours in (("macro", metrics.macro_f1), ("micro", metrics.micro_f1)):
        theirs = sklearn.f1_score(labels, predictions, labels=every, average=average, zero_division=0)
        assert ours(confusion) == pytest.approx(theirs)
