"""Layers made of layers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ._layer import Function, Layer, Params, Part, Shape, State, as_layer, output_shape


def sequential(*parts: Layer | Function) -> Layer:
    """Applies layers one after another, working out the shapes between them.

    Args:
      *parts: layers, and functions of one array such as `relu` and `flatten`.

    Returns:
      A Layer whose parameters are a dict from the place of each part that has any ("0", "1" ...)
      to its parameters.

    Raises:
      TypeError: a part that is neither.
      ValueError: from `init`, where the parts do not fit together.

    >>> import jax, jax.numpy as jnp
    >>> from jaxlearn.nn import flatten, linear
    >>> model = sequential(flatten, linear(3), jax.nn.relu, linear(1))
    >>> params, state = model.init(jax.random.key(0), (2, 2))
    >>> jax.tree.map(jnp.shape, params)
    {'1': {'bias': (3,), 'weight': (3, 4)}, '3': {'bias': (1,), 'weight': (1, 3)}}
    >>> model.apply(params, state, jnp.ones((2, 2)))[0].shape
    (1,)
    >>> sequential(jnp.abs, linear(3)).init(jax.random.key(0), (2, 2))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: sequential, part 1: linear(3): the input must have shape (n,), got (2, 2); put flatten ...
    """
    layers = {str(i): as_layer(part) for i, part in enumerate(parts)}

    def init(key: Any, shape: Shape) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}
        for (name, part), part_key in zip(layers.items(), jax.random.split(key, len(layers)), strict=True):
            part_params, part_state, shape = _init_part("sequential", name, part, part_key, shape)
            params |= part_params
            state |= part_state
        return params, state

    def apply(
        params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]:
        new_state: State = {}
        for i, (name, part) in enumerate(layers.items()):
            x, part_state = _apply_part(name, part, i, params, state, x, key, train)
            new_state |= part_state
        return x, new_state

    def inside(params: Params, state: State, shape: Shape) -> Iterator[Part]:
        for name, part in layers.items():
            own = Part(name, part, params.get(name, {}), state.get(name, {}), shape)
            yield own
            shape = output_shape(part, own.params, own.state, shape)

    takes = next(iter(layers.values())).input_type if layers else float
    return Layer(init, apply, "sequential", inside, takes)


def residual(*parts: Layer | Function, shortcut: Layer | Function | None = None) -> Layer:
    r"""Adds the input to what the parts make of it: $y = f(x) + s(x)$.

    Args:
      *parts: layers and functions, one after another: $f$.
      shortcut: $s$, the identity unless given; a `conv2d(features, 1, stride=2)`, say, where the parts
        change the shape.

    Returns:
      A Layer with parameters under "inner" and "shortcut".

    Raises:
      ValueError: from `init`, where the parts do not fit together or the two shapes differ.

    Source: He et al. (2015), https://arxiv.org/abs/1512.03385

    >>> import jax, jax.numpy as jnp
    >>> double = residual(jnp.abs)
    >>> print(double.apply({}, {}, jnp.array([1.0, -2.0]))[0])
    [2. 0.]
    """

    def add(outputs: list[jax.Array]) -> jax.Array:
        inner, short = outputs
        if inner.shape != short.shape:
            raise ValueError(
                f"residual: the parts make shape {inner.shape}, the shortcut {short.shape}; they must agree"
            )
        return inner + short

    layers = {"inner": sequential(*parts), "shortcut": as_layer(shortcut or identity)}
    return _branches("residual", layers, add)


def parallel(
    *branches: Layer | Function, join: Callable[[list[jax.Array]], jax.Array] | None = None
) -> Layer:
    """Gives the same input to several layers, and puts what they make side by side.

    Args:
      *branches: layers and functions.
      join: makes one array of the list of theirs; concatenation along the last axis, which holds the
        channels, unless given.

    Returns:
      A Layer with parameters under "0", "1" ...

    Raises:
      ValueError: no branches; from `init`, shapes that cannot be joined.

    >>> import jax, jax.numpy as jnp
    >>> both = parallel(jnp.abs, jnp.sign)
    >>> print(both.apply({}, {}, jnp.array([1.0, -2.0]))[0])
    [ 1.  2.  1. -1.]
    """
    if not branches:
        raise ValueError("parallel: at least one branch is needed, got none")

    def concatenate(outputs: list[jax.Array]) -> jax.Array:
        if len({y.shape[:-1] for y in outputs}) > 1 or not outputs[0].ndim:
            shapes = " and ".join(str(y.shape) for y in outputs)
            raise ValueError(f"parallel: the branches make shapes {shapes}; all but the last axis must agree")
        return jnp.concatenate(outputs, axis=-1)

    layers = {str(i): as_layer(branch) for i, branch in enumerate(branches)}
    return _branches("parallel", layers, join or concatenate)


def each(part: Layer | Function) -> Layer:
    """Applies one layer to every row of its input: to each step of a sequence, say.

    Its parameters and state are those of the layer, shared by all rows.

    >>> import jax, jax.numpy as jnp
    >>> from jaxlearn.nn import linear
    >>> model = each(linear(3))
    >>> params, state = model.init(jax.random.key(0), (5, 2))
    >>> model.apply(params, state, jnp.ones((5, 2)))[0].shape
    (5, 3)
    """
    inner = as_layer(part)
    name = f"each {inner.name}"

    def init(key: Any, shape: Shape) -> tuple[Params, State]:
        if not shape:
            raise ValueError(f"{name}: the input must have at least one axis, got shape ()")
        return inner.init(key, shape[1:])

    def apply(
        params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]:
        keys = None if key is None else jax.random.split(key, x.shape[0])

        def one(x: jax.Array, key: Any) -> tuple[jax.Array, State]:
            return inner.apply(params, state, x, key=key, train=train)

        return jax.vmap(one, out_axes=(0, None))(x, keys)

    return Layer(init, apply, name, input_type=inner.input_type)


def identity(x: jax.Array) -> jax.Array:
    """$y = x$.

    >>> identity(3)
    3
    """
    return x


def flatten(x: jax.Array) -> jax.Array:
    """The numbers of one example in a row: shape (n,), the last axis of `x` fastest.

    >>> import jax.numpy as jnp
    >>> flatten(jnp.ones((28, 28, 1))).shape
    (784,)
    """
    return jnp.ravel(x)


def _branches(
    around: str, layers: Mapping[str, Layer], join: Callable[[list[jax.Array]], jax.Array]
) -> Layer:
    """Layers that all get the same input."""

    def init(key: Any, shape: Shape) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}
        outputs = []
        for (name, part), part_key in zip(layers.items(), jax.random.split(key, len(layers)), strict=True):
            part_params, part_state, output = _init_part(around, name, part, part_key, shape)
            params |= part_params
            state |= part_state
            outputs.append(output)
        jax.eval_shape(lambda: join([jnp.zeros(output) for output in outputs]))
        return params, state

    def apply(
        params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]:
        new_state: State = {}
        outputs = []
        for i, (name, part) in enumerate(layers.items()):
            y, part_state = _apply_part(name, part, i, params, state, x, key, train)
            outputs.append(y)
            new_state |= part_state
        return join(outputs), new_state

    def inside(params: Params, state: State, shape: Shape) -> Iterator[Part]:
        for name, part in layers.items():
            yield Part(name, part, params.get(name, {}), state.get(name, {}), shape)

    return Layer(init, apply, around, inside, next(iter(layers.values())).input_type)


def _init_part(around: str, name: str, part: Layer, key: Any, shape: Shape) -> tuple[Params, State, Shape]:
    """What the layer around gets of its part, under its name, and the output shape; errors tell the part."""
    try:
        params, state = part.init(key, shape)
        output = output_shape(part, params, state, shape)
    except (TypeError, ValueError) as error:
        text = str(error)
        if not text.startswith(part.name):
            text = f"{part.name}: does not take an input of shape {shape}: {text}"
        raise ValueError(f"{around}, part {name}: {text}") from error
    return {name: params} if params else {}, {name: state} if state else {}, output


def _apply_part(
    name: str, part: Layer, place: int, params: Params, state: State, x: jax.Array, key: Any, train: bool
) -> tuple[jax.Array, State]:
    part_key = None if key is None else jax.random.fold_in(key, place)
    y, part_state = part.apply(params.get(name, {}), state.get(name, {}), x, key=part_key, train=train)
    return y, {name: part_state} if part_state else {}
