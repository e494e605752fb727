"""What a layer is."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax

Params: TypeAlias = dict[str, Any]  # nested dicts of arrays
State: TypeAlias = dict[str, Any]  # arrays that training changes but the optimizer does not
Shape: TypeAlias = tuple[int, ...]
Function: TypeAlias = Callable[[Any], Any]  # of one array


class Apply(Protocol):
    """`apply(params, state, x, *, key=None, train=False) -> (y, state)`."""

    def __call__(
        self, params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]: ...


class Part(NamedTuple):
    """A layer inside another one, as `summary` shows it.

    Attributes:
      name: its key in the parameters of the layer around it.
      layer: the layer itself.
      params, state: what is its own of those.
      shape: of its input.
    """

    name: str
    layer: "Layer"
    params: Params
    state: State
    shape: Shape


class Layer(NamedTuple):
    """A layer or a whole model: two pure functions.

    Attributes:
      init: `init(key, shape) -> (params, state)`, where `shape` is that of one example.
      apply: `apply(params, state, x, *, key=None, train=False) -> (y, state)`, for one example `x`.
        `state` is an empty dict in layers without running statistics; `key` is for layers that
        draw random numbers while they train.
      name: what errors and `summary` call it: "linear(10)".
      parts: `parts(params, state, shape)` gives the layers inside it; of most layers there are none.
      input_type: `float`, or `int` of a layer that takes whole numbers.
    """

    init: Callable[[Any, Shape], tuple[Params, State]]
    apply: Apply
    name: str = "layer"
    parts: Callable[[Params, State, Shape], Iterable[Part]] = lambda params, state, shape: ()
    input_type: type = float


def layer(
    init: Callable[[Any, Shape], Params], apply: Callable[[Params, Any], Any], name: str = "layer"
) -> Layer:
    """Makes a Layer of `init(key, shape) -> params` and `apply(params, x) -> y`.

    >>> import jax, jax.numpy as jnp
    >>> scaled = layer(lambda key, shape: {"scale": jnp.ones(shape)}, lambda p, x: p["scale"] * x)
    >>> params, state = scaled.init(jax.random.key(0), (2,))
    >>> scaled.apply(params, state, jnp.array([1.0, 2.0]))
    (Array([1., 2.], dtype=float32), {})
    """

    def apply_layer(
        params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]:
        return apply(params, x), state

    return Layer(lambda key, shape: (init(key, shape), {}), apply_layer, name)


def as_layer(part: Layer | Function) -> Layer:
    """A function of one array, such as `jax.nn.relu`, as a Layer without parameters."""
    if isinstance(part, Layer):
        return part
    if not callable(part):
        raise TypeError(f"a layer or a function of one array is needed, got {part!r}")
    function = getattr(part, "func", part)  # of a functools.partial
    return layer(lambda key, shape: {}, lambda params, x: part(x), getattr(function, "__name__", "function"))


def output_shape(part: Layer, params: Params, state: State, shape: Shape) -> Shape:
    """The shape of what a layer makes of an example of shape `shape`; nothing is computed.

    >>> total = layer(lambda key, shape: {}, lambda params, x: x.sum(axis=0))
    >>> output_shape(total, {}, {}, (5, 3))
    (3,)
    """
    x = jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(part.input_type))
    return jax.eval_shape(lambda p, s, x: part.apply(p, s, x)[0], params, state, x).shape


def check_shape(name: str, got: Shape, needed: tuple[int | str, ...], hint: str = "") -> None:
    """Raises unless a shape has the rank of `needed`, and its sizes where these are numbers.

    >>> check_shape("linear(3)", (28, 28, 1), ("n",), "put flatten before it")
    Traceback (most recent call last):
    ...
    ValueError: linear(3): the input must have shape (n,), got (28, 28, 1); put flatten before it
    """
    fits = len(got) == len(needed) and all(
        isinstance(want, str) or size == want for size, want in zip(got, needed, strict=True)
    )
    if not fits:
        text = ", ".join(map(str, needed)) + ("," if len(needed) == 1 else "")
        raise ValueError(
            f"{name}: the input must have shape ({text}), got {got}" + (f"; {hint}" if hint else "")
        )


def check_last_axes(name: str, got: Shape, needed: Shape, axes: int = 1) -> None:
    """Raises unless the last `axes` axes of an input are `needed`, the shape of the layer's parameters.

    Both are given, so that parameters of another rank do not fit.

    >>> check_last_axes("prelu", (28, 28, 1), (3,))
    Traceback (most recent call last):
    ...
    ValueError: prelu: the input must have shape (..., ..., 3), got (28, 28, 1)
    """
    check_shape(name, got, ("...",) * (len(got) - axes) + needed)


def channels_of(name: str, shape: Shape) -> int:
    """The length of an input's last axis.

    Raises:
      ValueError: it has no axes.
    """
    if not shape:
        raise ValueError(f"{name}: the input must have shape (..., channels), got ()")
    return shape[-1]
