"""What a layer is, and how layers compose."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax

Params: TypeAlias = dict[str, Any]  # nested dicts of arrays
State: TypeAlias = dict[str, Any]  # arrays that training changes but the optimizer does not
Shape: TypeAlias = tuple[int, ...]


class Apply(Protocol):
    """`apply(params, state, x, *, key=None, train=False) -> (y, state)`."""

    def __call__(
        self, params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]: ...


class Layer(NamedTuple):
    """A layer or a whole model: two pure functions.

    Attributes:
      init: `init(key, shape) -> (params, state)`, where `shape` is that of one example.
      apply: `apply(params, state, x, *, key=None, train=False) -> (y, state)`, for one example `x`.
        `state` is an empty dict in layers without running statistics; `key` is for layers that
        draw random numbers while they train.
    """

    init: Callable[[Any, Shape], tuple[Params, State]]
    apply: Apply


def layer(init: Callable[[Any, Shape], Params], apply: Callable[[Params, Any], Any]) -> Layer:
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

    return Layer(lambda key, shape: (init(key, shape), {}), apply_layer)


def sequential(*parts: Layer | Callable[[Any], Any]) -> Layer:
    """Applies layers one after another, working out the shapes between them.

    Args:
      *parts: layers, and functions of one array such as `jax.nn.relu` and `flatten`.

    Returns:
      A Layer whose parameters are a dict from the place of each part that has any ("0", "1" ...)
      to its parameters.

    Raises:
      ValueError: from `init`, where the parts do not fit together.

    >>> import jax, jax.numpy as jnp
    >>> from jaxlearn.nn import flatten, linear
    >>> model = sequential(flatten, linear(3), jax.nn.relu, linear(1))
    >>> params, state = model.init(jax.random.key(0), (2, 2))
    >>> jax.tree.map(jnp.shape, params)
    {'1': {'bias': (3,), 'weight': (4, 3)}, '3': {'bias': (1,), 'weight': (3, 1)}}
    >>> model.apply(params, state, jnp.ones((2, 2)))[0].shape
    (1,)
    """
    layers = {str(i): part if isinstance(part, Layer) else _lift(part) for i, part in enumerate(parts)}

    def init(key: Any, shape: Shape) -> tuple[Params, State]:
        params: Params = {}
        state: State = {}
        for (name, part), part_key in zip(layers.items(), jax.random.split(key, len(layers)), strict=True):
            part_params, part_state = part.init(part_key, shape)
            shape = _output_shape(part, part_params, part_state, shape)
            params |= {name: part_params} if part_params else {}
            state |= {name: part_state} if part_state else {}
        return params, state

    def apply(
        params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]:
        new_state: State = {}
        for i, (name, part) in enumerate(layers.items()):
            part_key = None if key is None else jax.random.fold_in(key, i)
            x, part_state = part.apply(
                params.get(name, {}), state.get(name, {}), x, key=part_key, train=train
            )
            new_state |= {name: part_state} if part_state else {}
        return x, new_state

    return Layer(init, apply)


def _lift(function: Callable[[Any], Any]) -> Layer:
    return layer(lambda key, shape: {}, lambda params, x: function(x))


def _output_shape(part: Layer, params: Params, state: State, shape: Shape) -> Shape:
    x = jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(float))
    return jax.eval_shape(lambda p, s, x: part.apply(p, s, x)[0], params, state, x).shape
