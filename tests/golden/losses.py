"""Records PyTorch's losses, for the tests to compare with.

    pip install torch==2.13.0 numpy && python tests/golden/losses.py

The value of a case holds the losses with reduction "none" in a row, and after them their sum, their mean
and, of kl_div, their mean over the batch; so one random cotangent holds the gradients of all reductions. In
the options, "layer" is the loss, "shape" is that of the first array, "of" says what is special, and what
remains are arguments.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from recorder import Recorder

torch.set_default_dtype(torch.float64)
INF = float("inf")
SHAPES = [(), (3,), (2, 3, 4)]
EXAMPLES = [(), (4,), (2, 3)]  # one, a batch, a batch of sequences
CLASSES = 4
# of each class, and one that is not counted
WEIGHT = np.array([0.5, 2.0, 0.0, 1.25])


def classes_first(function):
    """A loss with classes on the last axis by PyTorch's, which has them on axis 1."""
    first = lambda a: a.movedim(-1, 1) if a.ndim > 2 else a

    def loss(scores, targets, **options):
        return function(first(scores), first(targets) if targets.is_floating_point() else targets, **options)

    return loss


def flat_cosine(x1, x2, targets, **options):
    """PyTorch's takes one batch axis at most."""
    flat = lambda x: x.reshape(-1, x.shape[-1])
    return F.cosine_embedding_loss(flat(x1), flat(x2), targets.reshape(-1), **options)


TORCH = {
    "bce": F.binary_cross_entropy,
    "bce_with_logits": F.binary_cross_entropy_with_logits,
    "cosine_embedding": flat_cosine,
    "cross_entropy": classes_first(F.cross_entropy),
    "hinge_embedding": F.hinge_embedding_loss,
    "huber": F.huber_loss,
    "kl_div": F.kl_div,
    "l1": F.l1_loss,
    "margin_ranking": F.margin_ranking_loss,
    "mse": F.mse_loss,
    "nll": classes_first(F.nll_loss),
    "smooth_l1": F.smooth_l1_loss,
    "triplet_margin": F.triplet_margin_loss,
}


def keep(recorder, name, inputs, of="", fixed=(), **options):
    """Records a case; inputs in `fixed` get no gradient, because PyTorch has none for them, or NaN."""
    reductions = ("none", "sum", "mean") + (("batchmean",) if name == "kl_div" else ())

    def function(**tensors):
        tensors = {key: tensor.detach() if key in fixed else tensor for key, tensor in tensors.items()}
        named = {key: tensors.pop(key) for key in ("weight", "pos_weight") if key in tensors}
        arguments = named | options
        results = [TORCH[name](*tensors.values(), **arguments, reduction=which) for which in reductions]
        return torch.cat([result.reshape(-1) for result in results])

    shape = list(np.shape(next(iter(inputs.values()))))
    special = {"of": of} if of else {}
    recorder.keep({"layer": name, "shape": shape} | special | options, inputs, function)


def record_regression(recorder):
    def errors(shape, threshold):
        """Among others errors of 0, of exactly the threshold, and below and above it."""
        targets, predictions = recorder.normal(*shape), 2 * recorder.normal(*shape)
        special = threshold * np.array([0.0, 1.0, -1.0, 1.5, -0.5])[: targets.size]
        targets.reshape(-1)[: special.size] = 0.0
        predictions.reshape(-1)[: special.size] = special
        return {"predictions": predictions, "targets": targets}

    for shape in SHAPES:
        for name in ("mse", "l1", "smooth_l1", "huber"):
            keep(recorder, name, errors(shape, 1.0))
    for beta in (0.0, 0.5, 2.0):
        keep(recorder, "smooth_l1", errors((4, 3), beta), beta=beta)
    for delta in (0.5, 2.0):
        keep(recorder, "huber", errors((4, 3), delta), delta=delta)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def record_classes(recorder):
    def example(shape, ignored=None, name="cross_entropy", weight=None):
        """Every class, and `ignored` in every third place."""
        logits, targets = 3 * recorder.normal(*shape, CLASSES), np.zeros(shape, int)
        targets.reshape(-1)[:] = (np.arange(targets.size) + 3) % CLASSES
        if ignored is not None:
            targets.reshape(-1)[::3] = ignored
        scores = {"logits": logits} if name == "cross_entropy" else {"log_probabilities": log_softmax(logits)}
        return scores | {"targets": targets} | ({} if weight is None else {"weight": weight})

    for name in ("cross_entropy", "nll"):
        for shape in EXAMPLES:
            keep(recorder, name, example(shape, name=name))
        for smoothing in [{}, {"label_smoothing": 0.1}][: 2 if name == "cross_entropy" else 1]:
            for weight in (None, WEIGHT):
                of, fixed = ("", ()) if weight is None else ("weight", ("weight",))
                keep(recorder, name, example((5,), None, name, weight), f"{of} all", fixed, **smoothing)
                for ignored in (-100, 1):
                    inputs = example((2, 3), ignored, name, weight)
                    keep(recorder, name, inputs, of, fixed, ignore_index=ignored, **smoothing)
                nothing = example((2,), None, name, weight) | {"targets": np.array([-100, -100])}
                keep(recorder, name, nothing, f"{of} nothing", fixed, **smoothing)  # a mean of no examples
        # targets of a class without weight: 0 / 0
        weightless = example((2,), None, name, WEIGHT) | {"targets": np.array([2, 2])}
        keep(recorder, name, weightless, "weightless", ("weight",))

    for name, score in (("cross_entropy", "logits"), ("nll", "log_probabilities")):
        masked = np.array([[1.0, -INF, 2.0], [-INF, -1.0, -INF]])
        keep(recorder, name, {score: masked, "targets": np.array([0, 1])}, "masked")
    keep(recorder, "cross_entropy", example((5,)), label_smoothing=1.0)
    extreme = np.array([[1000.0, -1000.0, 0.0], [1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -1000.0]])
    keep(recorder, "cross_entropy", {"logits": extreme, "targets": np.array([0, 1, 2])}, "extreme")


def record_probabilities(recorder):
    def example(shape, weight=None):
        logits, targets = recorder.normal(2, *shape, CLASSES)
        inputs = {"logits": 3 * logits, "targets": np.exp(log_softmax(targets))}
        return inputs | ({} if weight is None else {"weight": weight})

    for shape in EXAMPLES:
        keep(recorder, "cross_entropy", example(shape), "probabilities")
    for smoothing in (0.1, 1.0):
        keep(recorder, "cross_entropy", example((2, 3)), "probabilities", label_smoothing=smoothing)
    for smoothing in (0.0, 0.1):
        inputs = example((2, 3), WEIGHT)
        keep(recorder, "cross_entropy", inputs, "weighted probabilities", label_smoothing=smoothing)
    certain = {"logits": 3 * recorder.normal(3, CLASSES), "targets": np.eye(CLASSES)[[3, 0, 2]]}
    keep(recorder, "cross_entropy", certain, "certain probabilities", label_smoothing=0.1)

    for shape in [(CLASSES,), (3, CLASSES), (2, 3, CLASSES)]:
        log_p, targets = log_softmax(recorder.normal(*shape)), log_softmax(recorder.normal(*shape))
        keep(recorder, "kl_div", {"log_probabilities": log_p, "targets": np.exp(targets)})
        keep(recorder, "kl_div", {"log_probabilities": log_p, "targets": targets}, log_target=True)
    keep(recorder, "kl_div", {"log_probabilities": np.array(-1.5), "targets": np.array(0.25)})
    hard = {"log_probabilities": log_softmax(recorder.normal(2, CLASSES)), "targets": np.eye(CLASSES)[[1, 3]]}
    keep(recorder, "kl_div", hard, "certain", ("targets",))


def record_binary(recorder):
    def questions(shape):
        return 3 * recorder.normal(*shape), recorder.random.uniform(size=shape)

    sigmoid = lambda z: 1 / (1 + np.exp(-z))
    for shape in SHAPES:
        z, y = questions(shape)
        keep(recorder, "bce", {"probabilities": sigmoid(z), "targets": y})
        keep(recorder, "bce_with_logits", {"logits": z, "targets": y})
    for shape in [(4, 3), (3,)]:
        z, y = questions((4, 3))
        weight, pos_weight = 3 * recorder.random.uniform(size=(2, *shape))
        of, fixed = f"weight of rank {len(shape)}", ("weight", "pos_weight")
        inputs = {"probabilities": sigmoid(z), "targets": y, "weight": weight}
        keep(recorder, "bce", inputs, of, fixed)
        inputs = {"logits": z, "targets": y}
        keep(recorder, "bce_with_logits", inputs | {"weight": weight}, of, fixed)
        inputs |= {"pos_weight": pos_weight}
        keep(recorder, "bce_with_logits", inputs, f"pos_{of}", fixed)
        keep(recorder, "bce_with_logits", inputs | {"weight": weight}, f"both {of}", fixed)
    certain = {
        "probabilities": np.array([0.0, 1.0, 0.0, 1.0, 0.0]),
        "targets": np.array([0.0, 1.0, 1.0, 0.0, 0.5]),
    }
    keep(recorder, "bce", certain, "certain", ("targets",))
    extreme = {
        "logits": np.array([1e3, -1e3, 1e3, -1e3, 0.0, 1e3]),
        "targets": np.array([1.0, 0.0, 0.0, 1.0, 0.5, 0.5]),
    }
    keep(recorder, "bce_with_logits", extreme, "extreme")
    extreme |= {"pos_weight": np.array(3.0)}
    keep(recorder, "bce_with_logits", extreme, "extreme pos_weight", ("pos_weight",))


def record_margins(recorder):
    sign = lambda shape: np.where(recorder.random.uniform(size=shape) < 0.5, 1, -1)
    for shape in SHAPES:
        scores = {"x1": recorder.normal(*shape), "x2": recorder.normal(*shape), "targets": sign(shape)}
        keep(recorder, "margin_ranking", scores)
        distances = {"distances": 2 * recorder.random.uniform(size=shape), "targets": sign(shape)}
        keep(recorder, "hinge_embedding", distances)
    # exactly at the margin, equal scores, and a target that is no sign
    for margin in (0.0, 0.5):
        ties = {"x1": np.array([1.0, 1.0, 1.0, 3.0]), "x2": np.array([1.0, 0.5, 1.5, 1.0])}
        ties |= {"targets": np.array([1.0, 1.0, -1.0, 0.25])}
        keep(recorder, "margin_ranking", ties, "ties", margin=margin)
        ties = {
            "distances": np.array([0.0, 0.5, 0.5, 0.0, 0.25, 2.0]),
            "targets": np.array([1, 1, -1, -1, 0, 0]),
        }
        keep(recorder, "hinge_embedding", ties, "ties", margin=margin)

    for shape in [(3,), (4, 3), (2, 3, 4)]:
        vectors = {"x1": recorder.normal(*shape), "x2": recorder.normal(*shape), "targets": sign(shape[:-1])}
        keep(recorder, "cosine_embedding", vectors)
    for margin in (0.0, 0.25):
        vectors = {"x1": recorder.normal(6, 3), "x2": recorder.normal(6, 3)}
        vectors |= {"targets": np.array([1.0, -1.0, 1.0, -1.0, 0.0, -1.0])}
        keep(recorder, "cosine_embedding", vectors, "floats", margin=margin)
    # zeros on either side and on both; a right angle, which is at the margin
    ties = {"x1": np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0], [1.0, 0.0], [0.0, 0.0]])}
    ties |= {"x2": np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])}
    ties |= {"targets": np.array([1, 1, -1, -1, -1])}
    keep(recorder, "cosine_embedding", ties, "ties")


def record_triplets(recorder):
    def triplet(shape):
        return {name: recorder.normal(*shape) for name in ("anchors", "positives", "negatives")}

    for shape in [(3,), (4, 3), (2, 3, 4)]:
        keep(recorder, "triplet_margin", triplet(shape))
    for p in (1.0, 1.5, 2.0, 3.0, INF):
        keep(recorder, "triplet_margin", triplet((6, 3)), p=p, swap=True)
    for p in (1.0, INF):
        keep(recorder, "triplet_margin", triplet((4, 3)), p=p)
    keep(recorder, "triplet_margin", triplet((6, 3)), margin=0.5, eps=0.1)
    # equal anchors and positives; zero differences beside others; exactly at the margin; equal distances
    ties = {"anchors": np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1.0]])}
    ties |= {"positives": np.array([[0.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 1.0]])}
    ties |= {"negatives": np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0], [0.0, 1.0]])}
    for p in (1.0, 1.5, 2.0, 3.0, INF):
        keep(recorder, "triplet_margin", ties, "ties", p=p, eps=0.0, swap=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="reduction: 'mean' divides")
    recorder = Recorder()
    record_regression(recorder)
    record_classes(recorder)
    record_probabilities(recorder)
    record_binary(recorder)
    record_margins(recorder)
    record_triplets(recorder)
    recorder.save(Path(__file__).with_suffix(".npz"))
