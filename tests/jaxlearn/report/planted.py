"""Comparisons whose outcome is known, because nothing was trained for them."""

import numpy as np

from jaxlearn.compare import Comparison, Sweep

TEST, CLASSES, EPOCHS = 4000, 4, 5


def sweep(
    optimizer, test, *, model="mlp", val=None, axes=("learning_rate",), values=None, diverged=(), **other
):
    """A sweep whose chosen point has the test scores `test`, one for each seed.

    `val` are final validation accuracies of shape (points, seeds), by default of three points of which the
    one in the middle is best; `diverged` are the runs, (point, seed), whose loss is NaN.
    """
    seeds = len(test)
    val = np.array([[0.5] * seeds, test, [0.4] * seeds] if val is None else val, float)
    values = values or [(10.0 ** (i - 3),) * len(axes) for i in range(len(val))]
    rise = 1 - 0.5 ** np.arange(1, EPOCHS + 1)
    accuracy = val[..., None] * rise / rise[-1]
    loss = 1 - accuracy
    for run in diverged:
        loss[run] = np.nan
    right = np.round(np.array(test) * TEST / CLASSES)[:, None, None] * np.eye(CLASSES)
    wrong = np.roll(np.eye(CLASSES), 1, axis=1) * TEST / CLASSES - np.roll(right, 1, axis=2)
    planted = Sweep(
        optimizer=optimizer,
        model=model,
        points=[dict(zip(axes, row, strict=True)) for row in values],
        seeds=list(range(seeds)),
        start_loss=np.ones(seeds),
        train_loss=loss,
        train_accuracy=accuracy,
        val_loss=loss,
        val_accuracy=accuracy,
        test_loss=1 - np.array(test),
        confusion=(right + wrong).astype(int),
        seconds=3.0,
        compile_seconds=1.0,
        arrangement=(3, seeds, 1),
    )
    return planted._replace(**other)


def by_loss(planted):
    """The same runs, judged by their losses: what had accuracy 0.9 has loss 0.1."""
    nothing = np.full_like(planted.val_accuracy, np.nan)
    confusion = np.zeros((len(planted.seeds), 0, 0), int)
    return planted._replace(train_accuracy=nothing, val_accuracy=nothing, confusion=confusion)


def comparison(*sweeps, seconds=10.0, kept=0):
    return Comparison(
        list(sweeps),
        epochs=EPOCHS,
        batch_size=64,
        train=9000,
        validation=500,
        test=TEST,
        seconds=seconds,
        kept=kept,
    )
