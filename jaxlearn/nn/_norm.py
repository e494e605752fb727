"""Normalisation: of a batch, of one example, of groups of its channels."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import check, check_whole

from ._layer import Layer, Params, Shape, State, channels_of, check_last_axes, layer


def batch_norm(
    momentum: float | None = 0.1,
    eps: float = 1e-5,
    affine: bool = True,
    track_running_stats: bool = True,
    axis_name: str | Sequence[str] = "batch",
) -> Layer:
    r"""Normalises each channel over the batch and over the places of the image.

    $$y = \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta$$

    where $\mu$ and $\sigma^2$ are mean and variance of the batch while training, and their running means
    otherwise. The layer sees one example; the batch is the axis that `jax.vmap` gave the name
    `axis_name`. An array of examples that is sharded over devices needs nothing more; inside
    `jax.shard_map`, name the mesh's axis, too, `axis_name=("devices", "batch")`, and pass
    `check_vma=False` to it, without which JAX has no named axes of `jax.vmap` there.

    The channels are the last axis of the example: shape (channels,), (t, channels) or (h, w, channels).
    Parameters: "weight" $\gamma$, at first 1, and "bias" $\beta$, at first 0, of shape (channels,).
    State: "mean", at first 0, and "var", at first 1, of shape (channels,), in float32 at the least; with
    `momentum=None` also "batches", how many there were. The running variance is the unbiased one.

    Args:
      momentum: in [0, 1], the weight of a new batch in the running means; None gives all batches the same.
      eps: $\epsilon$ in [0, inf), inside the root.
      affine: whether there are $\gamma$ and $\beta$.
      track_running_stats: keep running means; without them every batch is normalised by itself, when
        not training, too.
      axis_name: the name or names of the batch's axes.

    Raises:
      ValueError: a hyperparameter outside its range; from `apply`, other channels than the weights', no
        batch axis of that name, or a batch with but one number for each channel.

    Source: Ioffe & Szegedy (2015), https://arxiv.org/abs/1502.03167; equal to `torch.nn.BatchNorm1d` and
    `BatchNorm2d`, channels last.

    >>> import jax, jax.numpy as jnp
    >>> norm = batch_norm()
    >>> params, state = norm.init(jax.random.key(0), (1,))
    >>> batch = jnp.array([[1.0], [3.0]])
    >>> forward = lambda x: norm.apply(params, state, x, train=True)
    >>> y, state = jax.vmap(forward, out_axes=(0, None), axis_name="batch")(batch)
    >>> y.round(3).tolist(), jax.tree.map(lambda s: s.round(3).tolist(), state)
    ([[-1.0], [1.0]], {'mean': [0.2], 'var': [1.1]})
    """
    name = "batch_norm()"
    if momentum is not None:
        check("batch_norm: momentum", momentum, "[0, 1]")
    check("batch_norm: eps", eps, "[0, inf)")

    def init(key: Any, shape: Shape) -> tuple[Params, State]:
        channels = channels_of(name, shape)
        params = _affine(channels) if affine else {}
        state = {"mean": jnp.zeros(channels), "var": jnp.ones(channels)} if track_running_stats else {}
        return params, state | ({"batches": jnp.zeros(())} if state and momentum is None else {})

    def apply(
        params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]:
        for kept in (*params.values(), *state.values()):
            if kept.ndim:
                check_last_axes(name, x.shape, kept.shape)
        wide = _wide(x)
        if train or not state:
            mean, var, count = _batch_statistics(wide, axis_name)
            state = _average(state, mean, var * (count / (count - 1)), momentum)
        else:
            mean, var = state["mean"], state["var"]
        mean, var = (jnp.broadcast_to(s.astype(wide.dtype), x.shape) for s in (mean, var))
        return _scale_and_shift(params, (wide - mean) * jax.lax.rsqrt(var + eps), x), state

    return Layer(init, apply, name)


def _batch_statistics(x: jax.Array, axis_name: str | Sequence[str]) -> tuple[jax.Array, jax.Array, int]:
    """Mean and variance of each channel, and over how many numbers."""
    places = tuple(range(x.ndim - 1))
    try:
        count = math.prod(x.shape[:-1]) * jax.lax.axis_size(axis_name)
    except NameError:
        raise ValueError(
            f"batch_norm: there is no batch axis {axis_name!r}; "
            f"apply it under jax.vmap(..., out_axes=(0, None), axis_name={axis_name!r})"
        ) from None
    if count == 1:
        raise ValueError("batch_norm: a batch must have more than one number for each channel, got 1")
    mean = jax.lax.pmean(x.mean(places), axis_name)
    centered = x - jnp.broadcast_to(mean, x.shape)
    return mean, jax.lax.pmean((centered * centered).mean(places), axis_name), count


def _average(state: State, mean: jax.Array, var: jax.Array, momentum: float | None) -> State:
    """The running means, with one more batch; no gradient goes through them.

    Where the batches are counted, all of them have the same weight.
    """
    if not state:
        return state
    batches = {"batches": state["batches"] + 1} if "batches" in state else {}
    share: Any = 1 / batches["batches"] if batches else momentum
    new = {"mean": mean, "var": var}
    return batches | {
        name: (1 - share) * state[name] + share * jax.lax.stop_gradient(value).astype(state[name].dtype)
        for name, value in new.items()
    }


def layer_norm(axes: int = 1, eps: float = 1e-5, affine: bool = True, bias: bool = True) -> Layer:
    r"""Normalises one example over its last axes: $y = \gamma\,(x-\mu)/\sqrt{\sigma^2+\epsilon} + \beta$.

    Parameters: "weight" $\gamma$, at first 1, and "bias" $\beta$, at first 0, of the shape of those axes.

    Args:
      axes: how many axes, from the last, $\mu$ and $\sigma^2$ are taken over; from 1.
      eps: $\epsilon$ in [0, inf), inside the root.
      affine: whether there are parameters.
      bias: whether there is a $\beta$ among them.

    Raises:
      ValueError: a hyperparameter outside its range; from `init` and `apply`, an input with too few axes
        or another shape.

    Source: Ba et al. (2016), https://arxiv.org/abs/1607.06450; equal to `torch.nn.LayerNorm`.

    >>> import jax, jax.numpy as jnp
    >>> norm = layer_norm()
    >>> params, _ = norm.init(jax.random.key(0), (2,))
    >>> norm.apply(params, {}, jnp.array([1.0, 3.0]))[0].round(3)
    Array([-1.,  1.], dtype=float32)
    """
    check("layer_norm: eps", eps, "[0, inf)")

    def normalize(x: jax.Array, places: tuple[int, ...]) -> jax.Array:
        return _standardize(x, places, eps)

    return _over_last_axes("layer_norm", axes, normalize, _affine if bias else _weight, affine)


def rms_norm(axes: int = 1, eps: float | None = None, affine: bool = True) -> Layer:
    r"""Divides one example by its root mean square over its last axes.

    $$y = \gamma\,x / \sqrt{\overline{x^2} + \epsilon}$$

    Parameter: "weight" $\gamma$, at first 1, of the shape of those axes.

    Args:
      axes: how many axes, from the last, the mean is taken over; from 1.
      eps: $\epsilon$ in [0, inf), inside the root; unless given, the distance from 1 to the next larger
        number of the type it is computed in (float32 at the least).
      affine: whether there is a $\gamma$.

    Raises:
      ValueError: a hyperparameter outside its range; from `init` and `apply`, an input with too few axes
        or another shape.

    Source: Zhang & Sennrich (2019), https://arxiv.org/abs/1910.07467; equal to `torch.nn.RMSNorm`.

    >>> import jax, jax.numpy as jnp
    >>> norm = rms_norm()
    >>> params, _ = norm.init(jax.random.key(0), (2,))
    >>> print(norm.apply(params, {}, jnp.array([1.0, 7.0]))[0])
    [0.2 1.4]
    """
    if eps is not None:
        check("rms_norm: eps", eps, "[0, inf)")

    def normalize(x: jax.Array, places: tuple[int, ...]) -> jax.Array:
        small = jnp.finfo(x.dtype).eps.item() if eps is None else eps
        square = jnp.mean(x * x, axis=places, keepdims=True)
        return x * jnp.broadcast_to(jax.lax.rsqrt(square + small), x.shape)

    return _over_last_axes("rms_norm", axes, normalize, _weight, affine)


def group_norm(groups: int, eps: float = 1e-5, affine: bool = True) -> Layer:
    r"""Normalises one example over its places and over each group of its channels.

    $$y = \gamma\,\frac{x-\mu_g}{\sqrt{\sigma_g^2+\epsilon}} + \beta$$

    with neighbouring channels, the last axis, in a group $g$. One group of all channels is `layer_norm`
    over the whole example, but for the shape of the parameters; as many groups as channels is instance
    normalisation. Parameters: "weight" $\gamma$, at first 1, and "bias" $\beta$, at first 0, of shape
    (channels,).

    Args:
      groups: from 1.
      eps: $\epsilon$ in [0, inf), inside the root.
      affine: whether there are parameters.

    Raises:
      ValueError: a hyperparameter outside its range; from `init` and `apply`, channels that `groups` does
        not divide, or other channels than the weights'.

    Source: Wu & He (2018), https://arxiv.org/abs/1803.08494; equal to `torch.nn.GroupNorm`, channels last.

    >>> import jax, jax.numpy as jnp
    >>> norm = group_norm(2)
    >>> params, _ = norm.init(jax.random.key(0), (4,))
    >>> norm.apply(params, {}, jnp.array([1.0, 3.0, 10.0, 30.0]))[0].round(3)
    Array([-1.,  1., -1.,  1.], dtype=float32)
    """
    groups = check_whole("group_norm: groups", groups, 1)
    check("group_norm: eps", eps, "[0, inf)")
    name = f"group_norm({groups})"

    def check_channels(shape: Shape) -> int:
        channels = channels_of(name, shape)
        if channels % groups:
            raise ValueError(f"{name}: groups must divide the channels, got {groups} for an input of {shape}")
        return channels

    def init(key: Any, shape: Shape) -> Params:
        channels = check_channels(shape)
        return _affine(channels) if affine else {}

    def apply(params: Params, x: jax.Array) -> jax.Array:
        channels = check_channels(x.shape)
        if affine:
            check_last_axes(name, x.shape, params["weight"].shape)
        grouped = _wide(x).reshape(*x.shape[:-1], groups, channels // groups)
        axes = (*range(x.ndim - 1), x.ndim)
        return _scale_and_shift(params, _standardize(grouped, axes, eps).reshape(x.shape), x)

    return layer(init, apply, name)


def _over_last_axes(kind: str, axes: int, normalize: Any, start: Any, affine: bool) -> Layer:
    axes = check_whole(f"{kind}: axes", axes, 1)
    name = f"{kind}({axes})"

    def init(key: Any, shape: Shape) -> Params:
        if len(shape) < axes:
            raise ValueError(f"{name}: the input must have at least {axes} axes, got shape {shape}")
        return start(shape[-axes:]) if affine else {}

    def apply(params: Params, x: jax.Array) -> jax.Array:
        if affine:
            check_last_axes(name, x.shape, params["weight"].shape, axes)
        return _scale_and_shift(params, normalize(_wide(x), tuple(range(-axes, 0))), x)

    return layer(init, apply, name)


def _standardize(x: jax.Array, axes: tuple[int, ...], eps: float) -> jax.Array:
    centered = x - jnp.broadcast_to(x.mean(axes, keepdims=True), x.shape)
    var = jnp.mean(centered * centered, axis=axes, keepdims=True)
    return centered * jnp.broadcast_to(jax.lax.rsqrt(var + eps), x.shape)


def _scale_and_shift(params: Params, y: jax.Array, x: jax.Array) -> jax.Array:
    """Applies the parameters that there are, and returns to the type of `x`."""
    if "weight" in params:
        y = y * jnp.broadcast_to(params["weight"], y.shape).astype(y.dtype)
    if "bias" in params:
        y = y + jnp.broadcast_to(params["bias"], y.shape).astype(y.dtype)
    return y.astype(x.dtype)


def _wide(x: jax.Array) -> jax.Array:
    """In float32 at the least: means of half precision lose too much."""
    return x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x


def _weight(shape: Any) -> Params:
    return {"weight": jnp.ones(shape)}


def _affine(shape: Any) -> Params:
    return {"weight": jnp.ones(shape), "bias": jnp.zeros(shape)}
