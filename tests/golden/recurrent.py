"""Records PyTorch's recurrent layers, attention and embeddings, for the tests to compare with.

    pip install torch==2.13.0 numpy && python tests/golden/recurrent.py

Sequences are (batch, time, features). The options are
jaxlearn's arguments. All parameters of a recurrent layer in one direction are one array: the rows of
weight_ih, weight_hh, bias_ih and bias_hh, in this order. "after" holds h_n of the highest layer, its
directions side by side, which with "last" is the value itself.
"""

import itertools
from pathlib import Path

import torch
from recorder import Recorder

torch.set_default_dtype(torch.float64)
BATCH, TIME, INPUTS, FEATURES = 2, 4, 2, 3
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
CELLS = {"rnn_cell": torch.nn.RNNCell, "lstm_cell": torch.nn.LSTMCell, "gru_cell": torch.nn.GRUCell}


def weights(recorder, kind, inputs, bias=True):
    """Those of one layer and direction as one array: columns of weight_ih, weight_hh, bias_ih and bias_hh."""
    columns = inputs + FEATURES + (2 if bias else 0)
    return 0.5 * recorder.normal(GATES[kind] * FEATURES, columns)


def theirs(columns, inputs):
    """The arrays of `weights`, by name."""
    weight_ih, weight_hh, biases = columns.tensor_split((inputs, inputs + FEATURES), dim=1)
    both = {"weight_ih": weight_ih, "weight_hh": weight_hh}
    return both | dict(zip(("bias_ih", "bias_hh"), biases.T, strict=False))


def record_recurrent(recorder, kind, layers=1, last=False, **options):
    """`options` have the same names in PyTorch."""
    suffixes = ("", "_reverse") if "bidirectional" in options else ("",)
    sizes = [INPUTS] + [len(suffixes) * FEATURES] * (layers - 1)
    module = MODULES[kind](INPUTS, FEATURES, layers, batch_first=True, **options)

    def function(x, **params):
        named = {}
        for place, columns in params.items():
            layer, _, reverse = place.partition("_")
            own = theirs(columns, sizes[int(layer)])
            named |= {f"{name}_l{layer}{'_reverse' if reverse else ''}": leaf for name, leaf in own.items()}
        y, states = torch.func.functional_call(module, named, (x,))
        h = states[0] if kind == "lstm" else states
        h = h[-len(suffixes) :].swapaxes(0, 1).reshape(BATCH, -1)
        return h if last else (y, {"h": h})

    inputs = {"x": recorder.normal(BATCH, TIME, INPUTS)}
    inputs["x"][:, 0] = 0  # without biases this is the kink of ReLU
    for (layer, size), suffix in itertools.product(enumerate(sizes), suffixes):
        inputs[f"{layer}{suffix}"] = weights(recorder, kind, size, options.get("bias", True))
    options |= {"last": True} if last else {}
    recorder.keep({"layer": kind, "layers": layers} | options, inputs, function)


def record_cell(recorder, cell, bias, **nonlinearity):
    kind = cell.removesuffix("_cell")
    module = CELLS[cell](INPUTS, FEATURES, bias, **nonlinearity)

    def function(x, params, h, c=None):
        state = h if c is None else (h, c)
        new = torch.func.functional_call(module, theirs(params, INPUTS), (x, state))
        return new if c is None else torch.cat(new, dim=1)

    inputs = {"x": recorder.normal(BATCH, INPUTS), "h": recorder.normal(BATCH, FEATURES)}
    inputs |= {"c": recorder.normal(BATCH, FEATURES)} if kind == "lstm" else {}
    inputs["params"] = weights(recorder, kind, INPUTS, bias)
    recorder.keep({"layer": cell, "bias": bias} | nonlinearity, inputs, function)


def record_attention(recorder, heads, of, **flags):
    """`of` is "self" or "cross"; in the mask, one for each example, True is where a row may ask."""
    bias = flags.get("bias", True)
    features, times = 6, (4, 4) if of == "self" else (4, 5)
    module = torch.nn.MultiheadAttention(features, heads, bias=bias, batch_first=True)
    names = {
        "in_weight": "in_proj_weight",
        "in_bias": "in_proj_bias",
        "out_weight": "out_proj.weight",
        "out_bias": "out_proj.bias",
    }

    def function(query, key=None, value=None, mask=None, **params):
        allowed = torch.ones(BATCH, *times, dtype=bool) if mask is None else mask
        allowed = allowed.tril() if "causal" in flags else allowed
        named = {names[name]: leaf for name, leaf in params.items()}
        arguments = (query, query, query) if key is None else (query, key, value)
        others = {"need_weights": False, "attn_mask": ~allowed.repeat_interleave(heads, dim=0)}
        return torch.func.functional_call(module, named, arguments, others)[0]

    inputs = {"query": 2 * recorder.normal(BATCH, times[0], features)}
    if of == "cross":
        inputs |= {name: 2 * recorder.normal(BATCH, times[1], features) for name in ("key", "value")}
    if "masked" in flags:
        inputs["mask"] = recorder.normal(BATCH, *times) > 0
        inputs["mask"][..., 0] = True  # in PyTorch a row of False gives NaN
    inputs["in_weight"] = recorder.normal(3 * features, features)
    inputs["out_weight"] = recorder.normal(features, features)
    if bias:
        inputs |= {"in_bias": recorder.normal(3 * features), "out_bias": recorder.normal(features)}
    options = {"heads": heads, "of": of} | flags
    recorder.keep({"layer": "multi_head_attention"} | options, inputs, function)


def record_embedding(recorder, shape, padding_index=None):
    inputs = {"x": recorder.random.randint(0, 4, (3, *shape)), "embedding": recorder.normal(5, 2)}
    if padding_index is not None:
        inputs["x"].flat[:2] = padding_index
    function = lambda x, embedding: torch.nn.functional.embedding(x, embedding, padding_index)
    options = {"shape": list(shape), "padding_index": padding_index}
    recorder.keep({"layer": "embedding"} | options, inputs, function)


def record():
    recorder = Recorder()
    both = {"bidirectional": True}
    for kind, nonlinearity in [("rnn", "tanh"), ("rnn", "relu"), ("lstm", None), ("gru", None)]:
        options = {"nonlinearity": nonlinearity} if nonlinearity else {}
        record_recurrent(recorder, kind, **options)
        record_recurrent(recorder, kind, **both, **options)
        record_recurrent(recorder, kind, 2, **options)
        record_recurrent(recorder, kind, bias=False, **options)
        record_recurrent(recorder, kind, 2, bias=False, **both, **options)
        record_recurrent(recorder, kind, 2, last=True, **both, **options)
        for bias in (True, False):
            record_cell(recorder, f"{kind}_cell", bias, **options)
    record_recurrent(recorder, "gru", 3, **both)
    for heads in (1, 2, 3):
        record_attention(recorder, heads, "self")
    record_attention(recorder, 2, "self", causal=True)
    record_attention(recorder, 3, "self", causal=True, bias=False)
    record_attention(recorder, 2, "self", masked=True)
    record_attention(recorder, 3, "cross")
    record_attention(recorder, 2, "cross", causal=True)
    record_attention(recorder, 2, "cross", bias=False)
    record_attention(recorder, 1, "cross", causal=True, masked=True)
    for shape, padding_index in itertools.product([(), (2, 3)], [None, 0, 3]):
        record_embedding(recorder, shape, padding_index)
    recorder.save(Path(__file__).with_suffix(".npz"))


if __name__ == "__main__":
    record()
