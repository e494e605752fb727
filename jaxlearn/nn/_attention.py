"""Attention between the steps of sequences of shape (time, features)."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxlearn._check import check_whole
from jaxlearn._dtype import compute_dtype

from ._layer import Layer, Params, Shape, check_shape, layer
from ._linear import affine
from .init import uniform, xavier_uniform


def multi_head_attention(heads: int, bias: bool = True, causal: bool = False) -> Layer:
    r"""Self-attention: every step of a sequence asks all of them; (time, features) to (time, features).

    See `attention`. Parameters: "in_weight" (3 * features, features), `xavier_uniform` at first,
    "in_bias" (3 * features,), at first 0, "out_weight" (features, features), uniform within
    $\pm 1/\sqrt{\text{features}}$ at first, and "out_bias" (features,), at first 0. The rows of
    "in_weight" are those of queries, keys and values.

    Args:
      heads: from 1; must divide the features.
      bias: whether there are "in_bias" and "out_bias".
      causal: let no step ask later ones.

    Raises:
      ValueError: `heads` below 1; from `init`, features that it does not divide; from `init` and
        `apply`, an input that is not a sequence, or has steps of another length.

    Source: Vaswani et al. (2017), https://arxiv.org/abs/1706.03762; equal to
    `torch.nn.MultiheadAttention(features, heads)(x, x, x)`.

    >>> layer = multi_head_attention(2)
    >>> params, state = layer.init(jax.random.key(0), (5, 4))
    >>> layer.apply(params, state, jnp.ones((5, 4)))[0].shape
    (5, 4)
    """
    heads = check_whole("multi_head_attention: heads", heads, 1)
    name = f"multi_head_attention({heads})"

    def init(key: Any, shape: Shape) -> Params:
        check_shape(name, shape, ("time", "features"))
        features = shape[1]
        _check_heads(name, features, heads)
        in_key, out_key = jax.random.split(key)
        bound = features**-0.5
        params = {
            "in_weight": xavier_uniform()(in_key, (3 * features, features)),
            "out_weight": uniform(-bound, bound)(out_key, (features, features)),
        }
        biases = {"in_bias": jnp.zeros(3 * features), "out_bias": jnp.zeros(features)}
        return params | biases if bias else params

    def apply(params: Params, x: jax.Array) -> jax.Array:
        check_shape(name, x.shape, ("time", params["in_weight"].shape[1]))
        return attention(params, x, x, x, heads, causal=causal)

    return layer(init, apply, name)


def attention(
    params: Params,
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    heads: int,
    mask: jax.Array | None = None,
    causal: bool = False,
) -> jax.Array:
    r"""Every step of `query` takes a weighted mean of the steps of `value`, by how well their keys fit.

    $$\mathrm{head}_i = \mathrm{softmax}\!\left(\frac{Q_i K_i^\top}{\sqrt d}\right) V_i, \qquad
      y = [\mathrm{head}_1, \dots, \mathrm{head}_n]\, W_{out} + b_{out}$$

    where $Q$, $K$ and $V$ are `query`, `key` and `value` times their thirds of $W_{in}$, plus those of
    $b_{in}$, and each head sees its own $d$ = features / heads columns of them. The softmax is taken in
    float32 at the least.

    Args:
      params: those of `multi_head_attention`; the biases may be missing.
      query: shape (time_q, features).
      key, value: shape (time_k, features).
      heads: from 1; must divide the features.
      mask: booleans of shape (time_q, time_k): whether a step of `query`, the row, may ask a step of `key`.
        In PyTorch's `attn_mask` True means the opposite. A row without True asks nothing: its heads
        give 0, and $y = b_{out}$; PyTorch gives NaN.
      causal: besides, a row may only ask columns up to its own number.

    Returns:
      $y$, shape (time_q, features).

    Raises:
      ValueError: shapes that do not fit, `heads` that does not divide the features.
      TypeError: a mask that is not boolean.

    Source: Vaswani et al. (2017), https://arxiv.org/abs/1706.03762; `torch.nn.MultiheadAttention`.

    >>> params, _ = multi_head_attention(2).init(jax.random.key(0), (5, 4))
    >>> text, image = jnp.ones((5, 4)), jnp.ones((9, 4))
    >>> attention(params, text, image, image, heads=2).shape
    (5, 4)
    """
    features = params["in_weight"].shape[1]
    heads = check_whole("attention: heads", heads, 1)
    _check_heads("attention", features, heads)
    check_shape("attention, query", query.shape, ("time", features))
    check_shape("attention, key", key.shape, ("time", features))
    check_shape("attention, value", value.shape, key.shape)
    allowed = _allowed(mask, causal, (query.shape[0], key.shape[0]))

    weights = jnp.split(params["in_weight"], 3)
    biases = jnp.split(params["in_bias"], 3) if "in_bias" in params else [None] * 3
    q, k, v = (
        affine(x, weight, bias).reshape(len(x), heads, features // heads)
        for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
    )
    # half precision is multiplied as such, but summed and compared in float32
    wide = compute_dtype(q.dtype)
    scores = jnp.einsum("qhd,khd->hqk", q * (features // heads) ** -0.5, k, preferred_element_type=wide)
    shares = _softmax(scores, allowed).astype(v.dtype)
    y = jnp.einsum("hqk,khd->qhd", shares, v).reshape(query.shape)
    return affine(y, params["out_weight"], params.get("out_bias"))


def _allowed(mask: jax.Array | None, causal: bool, shape: Shape) -> jax.Array | None:
    if mask is not None:
        if mask.dtype != bool:
            raise TypeError(f"attention: mask must be boolean, got {mask.dtype}")
        if mask.shape != shape:
            raise ValueError(f"attention: mask must have shape {shape}, got {mask.shape}")
    if not causal:
        return mask
    earlier = jnp.tri(shape[0], shape[1], dtype=bool)
    return earlier if mask is None else mask & earlier


def _softmax(scores: jax.Array, allowed: jax.Array | None) -> jax.Array:
    """Over the last axis, in the type of `scores`; `jax.nn.dot_product_attention` takes it in float32."""
    if allowed is None:
        return jax.nn.softmax(scores)
    allowed = jnp.broadcast_to(allowed, scores.shape)
    # a finite number, and 0 afterwards: a row where all is -inf would be NaN
    shares = jax.nn.softmax(jnp.where(allowed, scores, jnp.finfo(scores.dtype).min))
    return jnp.where(allowed, shares, 0)


def _check_heads(name: str, features: int, heads: int) -> None:
    if features % heads:
        raise ValueError(f"{name}: heads must divide the features, got {heads} heads for {features} features")
