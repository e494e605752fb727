"""What the losses say of arguments that do not fit."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import losses
from tests.jaxlearn.loss_arguments import every_loss, example


def zeros(*shape):
    return jnp.zeros(shape)


whole = lambda *shape: jnp.zeros(shape, int)
SAME = r"of shape \(3,\) and \w+ of shape \(3, 1\) must have the same shape"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("mse", [zeros(3), zeros(3, 1)], rf"^mse: predictions {SAME}$"),
        ("l1", [zeros(3), zeros(3, 1)], rf"^l1: predictions {SAME}$"),
        ("smooth_l1", [zeros(3), zeros(3, 1)], rf"^smooth_l1: predictions {SAME}$"),
        ("huber", [zeros(3), zeros(3, 1)], rf"^huber: predictions {SAME}$"),
        ("bce", [zeros(3), zeros(3, 1)], rf"^bce: probabilities {SAME}$"),
        ("bce_with_logits", [zeros(3), zeros(3, 1)], rf"^bce_with_logits: logits {SAME}$"),
        ("kl_div", [zeros(3), zeros(3, 1)], rf"^kl_div: log_probabilities {SAME}$"),
        ("margin_ranking", [zeros(3), zeros(3, 1), whole(3)], rf"^margin_ranking: x1 {SAME}$"),
        (
            "margin_ranking",
            [zeros(3), zeros(3), whole()],
            r"^margin_ranking: scores of shape \(3,\) need targets of shape \(3,\), got shape \(\)$",
        ),
        (
            "hinge_embedding",
            [zeros(3), whole(3, 1)],
            r"^hinge_embedding: distances of shape \(3,\) need targets of shape \(3,\), got shape \(3, 1\)$",
        ),
        ("cosine_embedding", [zeros(3), zeros(3, 1), whole()], rf"^cosine_embedding: x1 {SAME}$"),
        (
            "cosine_embedding",
            [zeros(4, 3), zeros(4, 3), whole(4, 3)],
            r"^cosine_embedding: vectors of shape \(4, 3\) need targets of shape \(4,\), got shape \(4, 3\)$",
        ),
        (
            "triplet_margin",
            [zeros(3), zeros(3), zeros(2)],
            r"^triplet_margin: anchors of shape \(3,\), positives of shape \(3,\) and negatives of shape "
            r"\(2,\) must have the same shape$",
        ),
        (
            "triplet_margin",
            [zeros(), zeros(), zeros()],
            r"anchors must have shape \(..., features\), got \(\)",
        ),
        ("cosine_embedding", [zeros(), zeros(), whole()], r"x1 must have shape \(..., features\), got \(\)"),
        (
            "cross_entropy",
            [zeros(), whole()],
            r"^cross_entropy: logits must have shape \(..., classes\), got",
        ),
        (
            "cross_entropy",
            [zeros(2, 3), whole(3)],
            r"^cross_entropy: logits of shape \(2, 3\) need integer targets of shape \(2,\) or probabilities "
            r"of shape \(2, 3\), got int32 of shape \(3,\)$",
        ),
        ("cross_entropy", [zeros(2, 3), whole(2, 3)], r"got int32 of shape \(2, 3\)$"),
        ("cross_entropy", [zeros(2, 3), zeros(3, 2)], r"got float32 of shape \(3, 2\)$"),
        (
            "nll",
            [zeros(2, 3), whole(2, 1)],
            r"^nll: log_probabilities of shape \(2, 3\) need integer targets of shape \(2,\), got int32 of "
            r"shape \(2, 1\)$",
        ),
        ("nll", [zeros(2, 3), zeros(2, 3)], r"need integer targets of shape \(2,\), got float32"),
        ("nll", [zeros(), whole()], r"^nll: log_probabilities must have shape \(..., classes\), got \(\)$"),
        (
            "cross_entropy",
            [zeros(2, 10), jnp.array([0, 10])],
            r"^cross_entropy: class 10 is out of range for 10 classes \(0 to 9\)$",
        ),
        ("cross_entropy", [zeros(10), np.int64(-1)], r"^cross_entropy: class -1 is out of range for 10"),
        ("nll", [zeros(1, 2), [5]], r"^nll: class 5 is out of range for 2 classes \(0 to 1\)$"),
        (
            "cross_entropy",
            [zeros(2, 3), whole(2), zeros(2)],
            r"^cross_entropy: weight of shape \(2,\) must have shape \(3,\)$",
        ),
        (
            "nll",
            [zeros(2, 3), whole(2), zeros(2, 3)],
            r"^nll: weight of shape \(2, 3\) must have shape \(3,\)$",
        ),
        (
            "cross_entropy",
            [zeros(2, 3), zeros(2, 3), None, 0],
            "^cross_entropy: ignore_index is for integer targets, got 0 with probabilities$",
        ),
        (
            "bce",
            [zeros(2, 3), zeros(2, 3), zeros(2, 1)],
            r"^bce: weight of shape \(2, 1\) must have shape \(2, 3\) or that of its last axes$",
        ),
        ("bce", [zeros(3), zeros(3), zeros(2, 3)], r"^bce: weight of shape \(2, 3\) must have shape \(3,\)"),
        (
            "bce_with_logits",
            [zeros(2, 3), zeros(2, 3), None, zeros(2)],
            r"^bce_with_logits: pos_weight of shape \(2,\) must have shape \(2, 3\) or that of its last",
        ),
        ("bce", [jnp.array([0.5, 1.5]), zeros(2)], r"^bce: probabilities must be in \[0, 1\], got 1.5$"),
        ("bce", [zeros(2), jnp.array([0.5, -2.0])], r"^bce: targets must be in \[0, 1\], got -2$"),
    ],
)
def test_what_does_not_fit_is_told(name, arguments, message):
    with pytest.raises(ValueError, match=message) as raised:
        getattr(losses, name)(*arguments)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("mse", [whole(3), zeros(3)], "^mse: predictions must be floats, got int32$"),
        ("bce", [zeros(3), whole(3)], "^bce: targets must be floats, got int32$"),
        ("bce_with_logits", [zeros(3), zeros(3) > 0], "^bce_with_logits: targets must be floats, got bool$"),
        ("bce", [zeros(3), zeros(3), whole(3)], "^bce: weight must be floats, got int32$"),
        (
            "cross_entropy",
            [zeros(2, 3), zeros(2)],
            r"^cross_entropy: targets of shape \(2,\) must be integers, got float32$",
        ),
        ("nll", [zeros(3), zeros() > 0], r"^nll: targets of shape \(\) must be integers, got bool$"),
        ("cross_entropy", [whole(2, 3), whole(2)], "^cross_entropy: logits must be floats, got int32$"),
        ("cross_entropy", [zeros(3), whole(), whole(3)], "^cross_entropy: weight must be floats, got int32$"),
        ("cross_entropy", [zeros(3), whole(), None, 0.5], "^cross_entropy: ignore_index must be a whole"),
        (
            "hinge_embedding",
            [zeros(3), zeros(3) > 0],
            "^hinge_embedding: targets must be numbers 1 or -1, got",
        ),
    ],
)
def test_wrong_types_are_told(name, arguments, message):
    with pytest.raises(TypeError, match=message):
        getattr(losses, name)(*arguments)


@every_loss
def test_unknown_reductions_are_told(name):
    arrays, fixed = example(name, np.random.default_rng(0))
    known = "mean, sum, none or batchmean" if name == "kl_div" else "mean, sum or none"
    with pytest.raises(ValueError, match=f"^{name}: reduction must be {known}, got 'avg'$"):
        getattr(losses, name)(**arrays, **fixed, reduction="avg")


@pytest.mark.parametrize(
    ("name", "option", "wrong", "interval"),
    [
        ("smooth_l1", "beta", [-0.5, np.nan], "[0, inf)"),
        ("huber", "delta", [-0.5, 0.0, np.inf], "(0, inf)"),
        ("cross_entropy", "label_smoothing", [-0.1, 1.1], "[0, 1]"),
        ("margin_ranking", "margin", [-0.5, np.inf], "[0, inf)"),
        ("hinge_embedding", "margin", [-0.5], "[0, inf)"),
        ("cosine_embedding", "margin", [-0.5], "[0, inf)"),
        ("triplet_margin", "margin", [-0.5], "[0, inf)"),
        ("triplet_margin", "p", [0.5, 0.0], "[1, inf]"),
        ("triplet_margin", "eps", [-1e-6], "[0, inf)"),
    ],
)
def test_numbers_outside_their_range_are_told(name, option, wrong, interval):
    arrays, fixed = example(name, np.random.default_rng(0))
    for value in wrong:
        message = f"^{name}: {option} must be in {re.escape(interval)}, got {value:g}$"
        with pytest.raises(ValueError, match=message):
            getattr(losses, name)(**arrays | fixed | {option: value})
