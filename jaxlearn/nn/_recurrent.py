"""Recurrent layers, which read a sequence of shape (time, inputs) step by step."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.nn import relu, sigmoid

from jaxlearn._check import check, check_choice, check_whole

from ._dropout import drop
from ._layer import Layer, Params, Shape, State, check_shape
from ._linear import affine
from .init import uniform

Memory: TypeAlias = tuple[jax.Array, ...]  # h, and whatever else a cell keeps


class Kind(NamedTuple):
    """What tells recurrent layers apart.

    Attributes:
      name: of the layer.
      gates: how many times `features` columns the weights have.
      parts: how many arrays its memory has.
      step: `step(memory, projected, hidden) -> memory`, the cell behind its matrix products of x and of h.
    """

    name: str
    gates: int
    parts: int
    step: Callable[[Memory, jax.Array, jax.Array], Memory]


def _lstm_step(memory: Memory, projected: jax.Array, hidden: jax.Array) -> Memory:
    i, f, g, o = jnp.split(projected + hidden, 4)
    c = sigmoid(f) * memory[1] + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c), c


def _gru_step(memory: Memory, projected: jax.Array, hidden: jax.Array) -> Memory:
    (r, z, n), (r_hidden, z_hidden, n_hidden) = jnp.split(projected, 3), jnp.split(hidden, 3)
    z = sigmoid(z + z_hidden)
    n = jnp.tanh(n + sigmoid(r + r_hidden) * n_hidden)
    return ((1 - z) * n + z * memory[0],)


RNN = {  # by nonlinearity
    "tanh": Kind("rnn", 1, 1, lambda memory, projected, hidden: (jnp.tanh(projected + hidden),)),
    "relu": Kind("rnn", 1, 1, lambda memory, projected, hidden: (relu(projected + hidden),)),
}
LSTM = Kind("lstm", 4, 2, _lstm_step)
GRU = Kind("gru", 3, 1, _gru_step)


def rnn(
    features: int,
    layers: int = 1,
    nonlinearity: str = "tanh",
    bidirectional: bool = False,
    bias: bool = True,
    dropout: float = 0.0,
    last: bool = False,
) -> Layer:
    r"""A simple recurrent layer: (time, inputs) to (time, directions * features).

    $$h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}), \qquad h_0 = 0$$

    Parameters: for each layer "0", "1" ... and, where it also reads backwards, "0_reverse", "1_reverse"
    ... a dict of "weight_ih" (features, inputs), "weight_hh" (features, features), "bias_ih" and "bias_hh"
    (features,). All are uniform within $\pm 1/\sqrt{\text{features}}$ at first.

    Args:
      features: length of $h$, from 1.
      layers: how many, each reading what the one below it makes; from 1.
      nonlinearity: "tanh", or "relu" in its place.
      bidirectional: every layer also reads the sequence from its end, with parameters of its own; what both
        make of a step stands side by side.
      bias: whether there are $b_{ih}$ and $b_{hh}$.
      dropout: in [0, 1], the rate of dropout between two layers while training.
      last: give only the last $h$ of the highest layer, shape (directions * features,). Backwards that is
        the one at the first step, so it is not the last row of the whole output.

    Raises:
      ValueError: an argument outside its range; from `init` and `apply`, an input that is not a sequence
        or has steps of another length; from `apply` with `train=True`, no key where there is dropout.

    Source: Elman (1990), https://doi.org/10.1207/s15516709cog1402_1; equal to `torch.nn.RNN` with
    `batch_first=True`. Its `h_n[-1]` is given with `last`.

    >>> layer = rnn(4)
    >>> params, state = layer.init(jax.random.key(0), (7, 3))
    >>> layer.apply(params, state, jnp.ones((7, 3)))[0].shape
    (7, 4)
    """
    check_choice("rnn: nonlinearity", nonlinearity, RNN)
    return _recurrent(RNN[nonlinearity], features, layers, bidirectional, bias, dropout, last)


def lstm(
    features: int,
    layers: int = 1,
    bidirectional: bool = False,
    bias: bool = True,
    dropout: float = 0.0,
    last: bool = False,
) -> Layer:
    r"""Long short-term memory: (time, inputs) to (time, directions * features).

    $$i, f, o = \sigma(\cdot), \quad g = \tanh(\cdot) \quad\text{of}\quad
      W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}, \qquad
      c_t = f c_{t-1} + i g, \qquad h_t = o \tanh c_t$$

    with $h_0 = c_0 = 0$. Parameters as those of `rnn`, but with 4 * features rows: those of $i$, $f$,
    $g$ and $o$.

    Args and Raises: as `rnn`.

    Source: Hochreiter & Schmidhuber (1997), https://doi.org/10.1162/neco.1997.9.8.1735; equal to
    `torch.nn.LSTM`, as `rnn` to `torch.nn.RNN`.

    >>> layer = lstm(4, layers=2, bidirectional=True, last=True)
    >>> params, state = layer.init(jax.random.key(0), (7, 3))
    >>> list(params)
    ['0', '0_reverse', '1', '1_reverse']
    >>> layer.apply(params, state, jnp.ones((7, 3)))[0].shape
    (8,)
    """
    return _recurrent(LSTM, features, layers, bidirectional, bias, dropout, last)


def gru(
    features: int,
    layers: int = 1,
    bidirectional: bool = False,
    bias: bool = True,
    dropout: float = 0.0,
    last: bool = False,
) -> Layer:
    r"""Gated recurrent unit: (time, inputs) to (time, directions * features).

    $$r, z = \sigma(x_t W_{ih} + b_{ih} + h_{t-1} W_{hh} + b_{hh}), \qquad
      n = \tanh(x_t W_{in} + b_{in} + r\,(h_{t-1} W_{hn} + b_{hn})), \qquad
      h_t = (1 - z)\,n + z\,h_{t-1}$$

    with $h_0 = 0$. Parameters as those of `rnn`, but with 3 * features columns: those of $r$, $z$ and $n$.

    Args and Raises: as `rnn`.

    Source: Cho et al. (2014), https://arxiv.org/abs/1406.1078; equal to `torch.nn.GRU`, as `rnn` to
    `torch.nn.RNN`. As there, $r$ multiplies what the matrix product gives; in the paper, what it takes.

    >>> layer = gru(4)
    >>> params, state = layer.init(jax.random.key(0), (7, 3))
    >>> jax.tree.map(jnp.shape, params)
    {'0': {'bias_hh': (12,), 'bias_ih': (12,), 'weight_hh': (12, 4), 'weight_ih': (12, 3)}}
    """
    return _recurrent(GRU, features, layers, bidirectional, bias, dropout, last)


def rnn_cell(params: Params, h: jax.Array, x: jax.Array, nonlinearity: str = "tanh") -> jax.Array:
    """One step of `rnn`, to read or write a sequence step by step.

    Args:
      params: those of one layer and direction, such as `params["0"]`; the biases may be missing.
      h: what the step before gave, shape (features,); zeros at first.
      x: shape (inputs,).
      nonlinearity: "tanh" or "relu".

    Returns:
      The new h, shape (features,).

    Raises:
      ValueError: an unknown nonlinearity, or arrays of other shapes.

    Source: `torch.nn.RNNCell`.

    >>> params, _ = rnn(4).init(jax.random.key(0), (7, 3))
    >>> rnn_cell(params["0"], jnp.zeros(4), jnp.ones(3)).shape
    (4,)
    """
    check_choice("rnn_cell: nonlinearity", nonlinearity, RNN)
    return _cell(RNN[nonlinearity], params, (h,), x)[0]


def lstm_cell(
    params: Params, state: tuple[jax.Array, jax.Array], x: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """One step of `lstm`: the new (h, c), from `state`, the (h, c) before. The rest as `rnn_cell`.

    Source: `torch.nn.LSTMCell`.

    >>> params, _ = lstm(4).init(jax.random.key(0), (7, 3))
    >>> h, c = lstm_cell(params["0"], (jnp.zeros(4), jnp.zeros(4)), jnp.ones(3))
    >>> h.shape, c.shape
    ((4,), (4,))
    """
    h, c = _cell(LSTM, params, tuple(state), x)
    return h, c


def gru_cell(params: Params, h: jax.Array, x: jax.Array) -> jax.Array:
    """One step of `gru`: the new h. Arguments, and what it raises, as `rnn_cell`.

    Source: `torch.nn.GRUCell`.

    >>> params, _ = gru(4).init(jax.random.key(0), (7, 3))
    >>> gru_cell(params["0"], jnp.zeros(4), jnp.ones(3)).shape
    (4,)
    """
    return _cell(GRU, params, (h,), x)[0]


def _project(params: Params, which: str, x: jax.Array) -> jax.Array:
    return affine(x, params[f"weight_{which}"], params.get(f"bias_{which}"))


def _cell(kind: Kind, params: Params, memory: Memory, x: jax.Array) -> Memory:
    name = f"{kind.name}_cell"
    inputs, features = params["weight_ih"].shape[1], params["weight_hh"].shape[1]
    check_shape(name, x.shape, (inputs,))
    for part in memory:
        if part.shape != (features,):
            raise ValueError(f"{name}: the state must have shape ({features},), got {part.shape}")
    return kind.step(memory, _project(params, "ih", x), _project(params, "hh", memory[0]))


@partial(jax.jit, static_argnames=("kind", "reverse"))  # a bare scan would be compiled again at every call
def _read(kind: Kind, params: Params, x: jax.Array, reverse: bool) -> tuple[jax.Array, jax.Array]:
    """The last h of one layer in one direction, and all of them in the order of `x`."""
    projected = _project(params, "ih", x)  # of all steps at once; the scan is left with the product of h
    start = jnp.zeros(params["weight_hh"].shape[1], projected.dtype)

    def scanned(memory: Memory, projected: jax.Array) -> tuple[Memory, jax.Array]:
        memory = kind.step(memory, projected, _project(params, "hh", memory[0]))
        return memory, memory[0]

    memory, every = jax.lax.scan(scanned, (start,) * kind.parts, projected, reverse=reverse)
    return memory[0], every


def _recurrent(
    kind: Kind,
    features: int,
    layers: int,
    bidirectional: bool,
    bias: bool,
    dropout: float,
    last: bool,
) -> Layer:
    features = check_whole(f"{kind.name}: features", features, 1)
    layers = check_whole(f"{kind.name}: layers", layers, 1)
    check(f"{kind.name}: dropout", dropout, "[0, 1]")
    name = f"{kind.name}({features})"
    directions = ("", "_reverse") if bidirectional else ("",)

    def init(key: Any, shape: Shape) -> tuple[Params, State]:
        check_shape(name, shape, ("time", "inputs"))
        params: Params = {}
        for layer in range(layers):
            inputs = len(directions) * features if layer else shape[1]
            for direction in directions:
                key, own = jax.random.split(key)
                params[f"{layer}{direction}"] = _first_values(own, inputs, features, kind.gates, bias)
        return params, {}

    def apply(
        params: Params, state: State, x: jax.Array, *, key: Any = None, train: bool = False
    ) -> tuple[jax.Array, State]:
        check_shape(name, x.shape, ("time", params["0"]["weight_ih"].shape[1]))
        for layer in range(layers):
            if train and layer:
                x = drop(name, dropout, x, key if key is None else jax.random.fold_in(key, layer))
            reads = [_read(kind, params[f"{layer}{d}"], x, bool(d)) for d in directions]
            ends, x = (jnp.concatenate(arrays, axis=-1) for arrays in zip(*reads, strict=True))
        return ends if last else x, state

    return Layer(init, apply, name)


def _first_values(key: Any, inputs: int, features: int, gates: int, bias: bool) -> Params:
    rows = gates * features
    shapes: dict[str, Shape] = {"weight_ih": (rows, inputs), "weight_hh": (rows, features)}
    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
    draw = uniform(-(features**-0.5), features**-0.5)
    keys = jax.random.split(key, len(shapes))
    return {name: draw(k, shape) for k, (name, shape) in zip(keys, shapes.items(), strict=True)}
