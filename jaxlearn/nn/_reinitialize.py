"""Drawing the parameters of a model anew, layer by layer."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from . import init
from ._layer import Params

Rule: TypeAlias = Callable[[str, dict[str, Any]], Mapping[str, init.Initializer] | None]


def reinitialize(params: Params, rule: Rule, key: Any) -> Params:
    """Draws parameters anew, as a rule says for each layer: `model.apply(weights_init)` of PyTorch.

    Each parameter has a key of its own, whatever the rule does with the others.

    Args:
      params: nested dicts of arrays. Every dict with arrays in it is a layer.
      rule: `rule(name, layer) -> initializers`. `name` is where the layer is, such as "2/inner/0", or "" for
        `params` itself; `layer` is the dict of its own arrays. The result is a dict from names of these to
        initializers; parameters that it does not name stay, and None leaves them all.
      key: a key of `jax.random`.

    Returns:
      New parameters of the same structure, shapes and dtypes.

    Raises:
      ValueError: the rule names a parameter that the layer does not have, or an initializer gives another
        shape.
      TypeError: `params` are not nested dicts of arrays, or the rule gives something else than a dict of
        initializers.

    >>> from jaxlearn import nn
    >>> model = nn.sequential(nn.conv2d(8, 3), nn.batch_norm(), nn.relu, nn.flatten, nn.linear(10))
    >>> params, state = model.init(jax.random.key(0), (5, 5, 1))
    >>> def weights_init(name, layer):
    ...     if layer["weight"].ndim == 4:  # conv2d
    ...         return {"weight": nn.init.kaiming_normal(mode="fan_out", nonlinearity="relu")}
    ...     if layer["weight"].ndim == 2:  # linear
    ...         return {"weight": nn.init.xavier_normal()}
    ...     return {"weight": nn.init.ones(), "bias": nn.init.zeros()}  # batch_norm
    >>> params = reinitialize(params, weights_init, jax.random.key(1))
    >>> {name: round(float(layer["weight"].std()), 1) for name, layer in params.items()}
    {'0': 0.2, '1': 0.0, '4': 0.2}
    """
    leaves, structure = jax.tree.flatten(params)
    keys = jax.tree.unflatten(structure, jax.random.split(key, len(leaves)))
    return _visit("", params, rule, keys)


def torch_defaults(name: str, layer: dict[str, Any]) -> Mapping[str, init.Initializer]:
    r"""The rule for `reinitialize` that gives each layer the first values it has in PyTorch.

    By the names of its parameters:

    - linear layers and convolutions: all uniform within $\pm 1/\sqrt{\text{fan}_{in}}$;
    - recurrent layers: all uniform within $\pm 1/\sqrt{\text{hidden}}$;
    - attention: `xavier_uniform` before it, as a linear layer behind it, biases 0;
    - embeddings: standard normal, but rows of zeros, which are those of padding, stay;
    - normalisation: weights 1, biases 0; PReLU: slope 0.25.

    Parameters of other layers stay. The weight of a norm over several axes that has no bias looks like that
    of a linear layer without one, and is taken for it.

    Source: `reset_parameters` of the modules of `torch.nn`.

    >>> from jaxlearn import nn
    >>> params, state = nn.linear(500).init(jax.random.key(0), (16,))
    >>> params = reinitialize(params, torch_defaults, jax.random.key(1))
    >>> {name: round(float(abs(array).max()), 2) for name, array in params.items()}
    {'weight': 0.25, 'bias': 0.25}
    """
    shapes = {part: array.shape for part, array in layer.items()}
    if "weight_hh" in layer:
        return dict.fromkeys(layer, _within(shapes["weight_hh"][1]))
    if "weight" in layer and len(shapes["weight"]) > 1 and shapes.get("bias") != shapes["weight"]:
        return _named(layer, weight=_kaiming, bias=_within(init.fans(shapes["weight"])[0]))
    if "in_weight" in layer:
        weights = {"in_weight": init.xavier_uniform(), "out_weight": _kaiming}
        return _named(layer, **weights, in_bias=init.zeros(), out_bias=init.zeros())
    if "embedding" in layer:
        return {"embedding": _normal_but_padding(layer["embedding"])}
    return _named(layer, weight=init.ones(), bias=init.zeros(), slope=init.constant(0.25))


_kaiming = init.kaiming_uniform(a=math.sqrt(5))  # within 1 / sqrt(fan_in)


def _within(fan: int) -> init.Initializer:
    bound = 1 / math.sqrt(fan) if fan else 0.0
    return init.uniform(-bound, bound)


def _normal_but_padding(embedding: jax.Array) -> init.Initializer:
    padding = jnp.all(embedding == 0, axis=-1, keepdims=True)

    def start(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> jax.Array:
        return jnp.where(padding, 0, init.normal()(key, shape, dtype, out_sharding))

    return start


def _named(layer: dict[str, Any], **initializers: init.Initializer) -> dict[str, init.Initializer]:
    return {name: initializer for name, initializer in initializers.items() if name in layer}


def _visit(path: str, params: Any, rule: Rule, keys: Any) -> Params:
    where = f"layer {path!r}"
    if not isinstance(params, dict):
        raise TypeError(f"reinitialize: params must be nested dicts of arrays, got {params!r}")
    inner = {name: part for name, part in params.items() if not _is_array(part)}
    layer = {name: array for name, array in params.items() if _is_array(array)}
    chosen = (rule(path, layer) if layer else None) or {}
    if not isinstance(chosen, Mapping):
        raise TypeError(
            f"reinitialize: the rule must return a dict of initializers, got {chosen!r} for {where}"
        )
    for name in chosen:
        if name not in layer:
            raise ValueError(f"reinitialize: {where} has {', '.join(layer)}, but the rule names {name!r}")
    drawn = {
        name: _draw(f"{name} of {where}", start, layer[name], keys[name]) for name, start in chosen.items()
    }
    below = {
        name: _visit(f"{path}/{name}" if path else name, part, rule, keys[name])
        for name, part in inner.items()
    }
    return params | drawn | below


def _is_array(value: Any) -> bool:
    return isinstance(value, jax.Array | np.ndarray)


def _draw(what: str, initializer: Any, array: Any, key: Any) -> jax.Array:
    # one of init's own functions is a factory that nobody called: init.zeros for init.zeros()
    draws = callable(initializer) and initializer not in vars(init).values()
    value: Any = initializer(key, array.shape, array.dtype) if draws else None
    if not _is_array(value):
        raise TypeError(
            f"reinitialize: {what} needs an initializer, such as nn.init.zeros(), got {initializer!r}"
        )
    if value.shape != array.shape:
        raise ValueError(f"reinitialize: {what} has shape {array.shape}, its initializer gave {value.shape}")
    return jnp.asarray(value, array.dtype)
