"""Examples with their labels, and whether they belong together: the one place that checks them."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxlearn._check import check_whole, first_outside

KINDS: dict[Any, str] = {
    jnp.bool_: "truth values",
    jnp.uint8: "bytes",
    jnp.integer: "whole numbers",
    jnp.floating: "real numbers",
    jnp.complexfloating: "complex numbers",
}
CLASSES = {"bytes", "whole numbers"}
IGNORED = -100  # `ignore_index` of the losses


class _Arrays(NamedTuple):
    images: np.ndarray
    labels: np.ndarray


class Split(_Arrays):
    """Examples and their labels, checked when they are put together.

    Arrays of numpy and JAX stay what they are; whatever numpy makes an array of becomes one, such as lists
    and PyTorch's tensors. To JAX a `Split` is a pytree, which may hold anything.

    Attributes:
      images: shape (examples, ...): bytes, which a run scales to 0 ... 1, or numbers, which stay as they are.
        Those of `load` are uint8 of shape (examples, height, width, channels).
      labels: classes, integers of shape (examples,), or other targets, floats of shape (examples, ...).

    Raises:
      TypeError: images or labels that are not numbers.
      ValueError: not as many labels as images, classes that do not have shape (examples,), a target of NaN.

    >>> Split([[0.5], [1.0]], [3, 1]).labels
    array([3, 1])
    >>> Split(np.zeros((200, 4)), np.zeros(300, int))
    Traceback (most recent call last):
    ...
    ValueError: images and labels must be as many, got 200 images and 300 labels
    """

    __slots__ = ()

    def __new__(cls, images: Any, labels: Any) -> "Split":
        images, labels = as_array("images", images), as_array("labels", labels)
        shapes = f"{images.shape} and {labels.shape}"
        if not (images.ndim and labels.ndim):
            raise ValueError(f"images and labels must have an axis of examples, got shapes {shapes}")
        if len(images) != len(labels):
            raise ValueError(
                f"images and labels must be as many, got {len(images)} images and {len(labels)} labels"
            )
        if are_classes(labels) and labels.ndim > 1:
            hint = "integers are classes, other targets must be floats"
            raise ValueError(f"labels must have shape (examples,), got {labels.shape}; {hint}")
        may_be_read = not isinstance(labels, np.memmap)  # which may be larger than memory
        if may_be_read and not are_classes(labels) and first_outside(labels, -np.inf, np.inf) is not None:
            raise ValueError("labels must be numbers, got nan")
        return super().__new__(cls, images, labels)


# put together again by `_make`, which checks nothing: JAX's own leaves are no arrays
jax.tree_util.register_pytree_with_keys(
    Split,
    lambda split: (tuple(zip(map(jax.tree_util.GetAttrKey, Split._fields), split, strict=True)), None),
    lambda _, leaves: Split._make(leaves),
)


def as_array(name: str, values: Any) -> Any:
    """`values` as an array of numpy's or JAX's.

    Raises:
      TypeError: numpy makes no array of numbers of them.

    >>> as_array("images", ["a", "b"])
    Traceback (most recent call last):
    ...
    TypeError: images must be an array of numbers, got list of dtype <U1
    """
    kind = type(values).__name__
    if not isinstance(values, np.ndarray | jax.Array):
        try:
            values = np.asarray(values)
        except Exception as error:  # each library has its own; lists of other lengths are numpy's
            reason = str(error).partition("\n")[0]
            raise TypeError(f"{name} must be an array of numbers, got {kind}: {reason}") from None
    if _kind(values) is None:
        raise TypeError(f"{name} must be an array of numbers, got {kind} of dtype {values.dtype}")
    return values


def are_classes(targets: Any) -> bool:
    """Whether targets are classes, told by their dtype."""
    return jnp.issubdtype(targets.dtype, jnp.integer)


def check_together(**splits: Any) -> tuple[Split, ...]:
    """Checks what a run takes: splits, of which all that hold examples look alike. Pairs become splits.

    Raises:
      TypeError, ValueError: as `Split`; images of other shapes or kinds of number than those of the first
        split, or other targets.

    >>> bytes, floats = (Split(np.zeros((2, 3), dtype), [0, 1]) for dtype in ("uint8", "float32"))
    >>> check_together(train=bytes, test=floats)
    Traceback (most recent call last):
    ...
    ValueError: images of test must be uint8 as those of train, got float32: only bytes are scaled to 0 ... 1
    """
    checked = {name: _as_split(name, split) for name, split in splits.items()}
    (name, first), *others = checked.items()
    for other, split in others:
        for what, here, there in zip(Split._fields, split, first, strict=True):
            must, like = f"{what} of {other} must be", f"as those of {name}"
            kinds = {_kind(here), _kind(there)}
            if not len(here):
                continue
            if here.shape[1:] != there.shape[1:]:
                raise ValueError(f"{must} of shape {there.shape[1:]} {like}, got {here.shape[1:]}")
            if len(kinds) > 1 and not (what == "labels" and kinds <= CLASSES):
                scaled = ": only bytes are scaled to 0 ... 1" if "bytes" in kinds else ""
                raise ValueError(f"{must} {there.dtype} {like}, got {here.dtype}{scaled}")
    return tuple(checked.values())


def check_classes(classes: int, why: str = "", ignored: int | None = None, **splits: Split) -> None:
    """Raises ValueError where a label is a class that there is not: compiled code could not, its loss is NaN.

    Args:
      classes: how many there are.
      why: there are so many.
      ignored: a label that is none of them and may occur.
      splits: their labels are checked where they are integers.

    >>> check_classes(2, test=Split(np.zeros((2, 3)), [0, -1]))
    Traceback (most recent call last):
    ...
    ValueError: labels must be from 0 to 1, got -1 in test
    """
    for name, split in splits.items():
        if not are_classes(split.labels):
            continue
        labels = np.asarray(split.labels)
        labels = labels if ignored is None else labels[labels != ignored]
        ends = [labels.max(), labels.min()] if len(labels) else []
        if (outside := first_outside(ends, 0, classes - 1)) is not None:
            raise ValueError(f"labels must be from 0 to {classes - 1}{why}, got {outside} in {name}")


def check_outputs(outputs: tuple[int, ...], **splits: Split) -> None:
    """Raises ValueError where a label is a class for which a model with outputs of this shape has none.

    The losses' -100, an example that does not count, may occur.
    """
    if not any(are_classes(split.labels) for split in splits.values()):
        return
    if len(outputs) != 1:
        raise ValueError(f"the model must have an output for each class, its outputs are {outputs}")
    check_classes(outputs[0], f", as the model has {outputs[0]} outputs", IGNORED, **splits)


def _as_split(name: str, split: Any) -> Split:
    if not isinstance(split, tuple | list) or len(split) != 2:
        raise TypeError(f"{name} must be a Split of images and labels, got {type(split).__name__}")
    try:
        return Split(*split)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def _kind(array: Any) -> str | None:
    return next((name for kind, name in KINDS.items() if jnp.issubdtype(array.dtype, kind)), None)


def count_batches(examples: int, batch_size: int, drop_last: bool = False) -> int:
    """Batches, hence updates, in an epoch, as `len` of a `DataLoader` of PyTorch.

    The last one holds what remains, or is left out.


    >>> count_batches(10, 4), count_batches(10, 4, drop_last=True)
    (3, 2)
    """
    examples, batch_size = check_whole("examples", examples, 0), check_whole("batch_size", batch_size, 1)
    return examples // batch_size if drop_last else math.ceil(examples / batch_size)
