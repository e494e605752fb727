"""Arguments that each loss takes."""

import jax
import numpy as np
import pytest

from jaxlearn import losses

CLASSES = 4
every_loss = pytest.mark.parametrize("name", losses.__all__)


def example(name, random, batch=()):
    """Arguments of a loss, far from its kinks: arrays with batch axes, and those without."""
    real = lambda *shape: random.standard_normal((*batch, *shape))
    positive = lambda *shape: random.uniform(0.1, 0.9, shape)
    sign = lambda *shape: np.where(random.uniform(size=(*batch, *shape)) < 0.5, 1, -1)
    labels = lambda: random.integers(0, CLASSES, batch)
    log_p = lambda: np.array(jax.nn.log_softmax(real(CLASSES)))
    weight = {"weight": 1 + positive(CLASSES)}
    features = lambda *names: {key: real(3) for key in names}
    return {
        "bce": lambda: ({"probabilities": positive(*batch, 4), "targets": positive(*batch, 4)}, weight),
        "bce_with_logits": lambda: (
            {"logits": real(4), "targets": positive(*batch, 4)},
            weight | {"pos_weight": positive(4)},
        ),
        "cosine_embedding": lambda: (features("x1", "x2") | {"targets": sign()}, {"margin": 0.25}),
        "cross_entropy": lambda: (
            {"logits": real(CLASSES), "targets": labels()},
            weight | {"label_smoothing": 0.1},
        ),
        "hinge_embedding": lambda: ({"distances": 2 * positive(*batch, 3), "targets": sign(3)}, {}),
        "huber": lambda: (features("predictions", "targets"), {"delta": 0.7}),
        "kl_div": lambda: ({"log_probabilities": log_p(), "targets": np.exp(log_p())}, {}),
        "l1": lambda: (features("predictions", "targets"), {}),
        "margin_ranking": lambda: (features("x1", "x2") | {"targets": sign(3)}, {"margin": 0.3}),
        "mse": lambda: (features("predictions", "targets"), {}),
        "nll": lambda: ({"log_probabilities": log_p(), "targets": labels()}, weight),
        "smooth_l1": lambda: (features("predictions", "targets"), {"beta": 0.7}),
        "triplet_margin": lambda: (features("anchors", "positives", "negatives"), {"p": 3.0, "swap": True}),
    }[name]()
