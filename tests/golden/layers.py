"""Records layers and activations in PyTorch, for the tests to compare with.

pip install torch==2.13.0 numpy && python tests/golden/layers.py
"""

import itertools
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from recorder import Recorder

OUT = Path(__file__).with_suffix(".npz")
torch.set_default_dtype(torch.float64)
RECORD = Recorder()


def channels_first(x):
    return x.movedim(-1, 1)


def channels_last(y):
    return y.movedim(1, -1)


def record_linear():
    for bias in (True, False):
        inputs = {"x": RECORD.normal(2, 5), "weight": RECORD.normal(3, 5)}
        inputs |= {"bias": RECORD.normal(3)} if bias else {}
        RECORD.keep({"layer": "linear", "bias": bias}, inputs, F.linear)


def record_convolutions():
    plain = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True}
    for axes in (1, 2):
        several = [
            {},
            {"stride": 2},
            {"padding": 1},
            {"stride": 2, "padding": 2},
            {"stride": 3, "padding": 1, "bias": False},
            {"dilation": 2},
            {"dilation": 2, "padding": "same"},
            {"padding": "valid"},
            {"groups": 2},
            {"groups": 4, "stride": 2, "padding": 1, "dilation": 2},
        ]
        if axes == 2:
            several += [
                {"kernel": [2, 4], "stride": [2, 1], "padding": [1, 2], "dilation": [3, 1]},
                {"kernel": [2, 4], "padding": "same"},
            ]
        for options in several:
            options = {"kernel": [3] * axes} | plain | options
            lengths, channels, features = (9, 8)[:axes], 4, 8
            inputs = {
                "x": RECORD.normal(2, *lengths, channels),
                "weight": RECORD.normal(features, *options["kernel"], channels // options["groups"]),
            }
            inputs |= {"bias": RECORD.normal(features)} if options["bias"] else {}

            def convolve(x, weight, bias=None, o=options, function=(F.conv1d, F.conv2d)[axes - 1]):
                x, weight = channels_first(x), channels_first(weight)
                return channels_last(
                    function(x, weight, bias, o["stride"], o["padding"], o["dilation"], o["groups"])
                )

            RECORD.keep({"layer": f"conv{axes}d"} | options, inputs, convolve)


def record_pools():
    for axes in (1, 2):
        lengths = (9, 8)[:axes]
        several = [(1, 1, 0), (2, 2, 0), (3, 3, 0), (3, 1, 0), (2, 3, 0), (3, 2, 1), (4, 4, 2)]
        if axes == 2:
            several.append(([3, 2], [1, 2], [1, 0]))
        for window, stride, padding in several:
            sizes = {"window": window, "stride": stride, "padding": padding}
            # whole numbers, so that most windows hold their maximum more than once
            x = {"x": RECORD.random.randint(0, 3, (2, *lengths, 2)).astype(float)}
            pool = (F.max_pool1d, F.max_pool2d)[axes - 1]
            RECORD.keep(
                {"layer": "max_pool", "axes": axes} | sizes,
                x,
                lambda x, s=sizes, pool=pool: channels_last(pool(channels_first(x), *s.values())),
            )
            pool = (F.avg_pool1d, F.avg_pool2d)[axes - 1]
            for count in (True, False):
                RECORD.keep(
                    {"layer": "avg_pool", "axes": axes, "count_include_pad": count} | sizes,
                    x,
                    lambda x, s=sizes, pool=pool, count=count: channels_last(
                        pool(channels_first(x), *s.values(), count_include_pad=count)
                    ),
                )
        for size in [1, 2, 4, 12] + ([[3, 5]] if axes == 2 else []):
            pool = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d)[axes - 1]
            RECORD.keep(
                {"layer": "adaptive_avg_pool", "axes": axes, "size": size},
                {"x": RECORD.normal(2, *lengths, 2)},
                lambda x, size=size, pool=pool: channels_last(pool(channels_first(x), size)),
            )


def record_batch_norm():
    for shape, momentum, affine, track, train in itertools.product(
        [(3,), (4, 3), (2, 3, 3)], [0.1, 0.3, None], [True, False], [True, False], [True, False]
    ):
        if not track and momentum != 0.1:
            continue
        kind = torch.nn.BatchNorm2d if len(shape) == 3 else torch.nn.BatchNorm1d
        inputs = {"x": RECORD.normal(4, *shape) * 3 + 2}
        inputs |= {"weight": RECORD.normal(3), "bias": RECORD.normal(3)} if affine else {}
        warm_up = RECORD.normal(4, *shape) * 2 - 1

        def normalize(x, warm_up, kind=kind, m=momentum, a=affine, track=track, train=train, **params):
            module = kind(3, eps=1e-3, momentum=m, affine=a, track_running_stats=track)
            move = (lambda x: x) if x.ndim == 2 else channels_first
            back = (lambda y: y) if x.ndim == 2 else channels_last
            with torch.no_grad():
                module(move(warm_up))  # so that the running means are not their first values
            module.train(train)
            y = back(torch.func.functional_call(module, params, move(x)))
            state = {"mean": module.running_mean, "var": module.running_var} if track else {}
            return y, state

        options = {"shape": shape, "momentum": momentum, "affine": affine, "track": track, "train": train}
        RECORD.keep({"layer": "batch_norm"} | options, inputs, normalize, {"warm_up": warm_up})


def record_other_norms():
    for axes, eps, affine, bias in itertools.product((1, 2), (1e-5, 0.1), (True, False), (True, False)):
        if bias and not affine:
            continue
        shape = (4, 3)[-axes:]
        inputs = {"x": RECORD.normal(2, 2, 4, 3) * 2 + 1}
        inputs |= {"weight": RECORD.normal(*shape)} if affine else {}
        inputs |= {"bias": RECORD.normal(*shape)} if bias else {}
        norm = lambda x, weight=None, bias=None, s=shape, eps=eps: F.layer_norm(x, s, weight, bias, eps)
        options = {"axes": axes, "eps": eps, "affine": affine, "bias": bias}
        RECORD.keep({"layer": "layer_norm"} | options, inputs, norm)
    for axes, eps, affine in itertools.product((1, 2), (None, 0.1), (True, False)):
        shape = (4, 3)[-axes:]
        inputs = {"x": RECORD.normal(2, 2, 4, 3)}
        inputs |= {"weight": RECORD.normal(*shape)} if affine else {}
        norm = lambda x, weight=None, s=shape, eps=eps: F.rms_norm(x, s, weight, eps)
        RECORD.keep({"layer": "rms_norm", "axes": axes, "eps": eps, "affine": affine}, inputs, norm)
    for shape, groups, affine in itertools.product([(6,), (5, 6), (4, 3, 6)], (1, 2, 6), (True, False)):
        if shape == (6,) and groups == 6:
            continue  # a variance of one number
        inputs = {"x": RECORD.normal(2, *shape) * 2 + 1}
        inputs |= {"weight": RECORD.normal(6), "bias": RECORD.normal(6)} if affine else {}

        def norm(x, weight=None, bias=None, groups=groups):
            return channels_last(F.group_norm(channels_first(x), groups, weight, bias, 1e-3))

        RECORD.keep({"layer": "group_norm", "shape": shape, "groups": groups, "affine": affine}, inputs, norm)


def record_activations():
    # kinks, both ends, and where softplus turns into a line
    points = torch.tensor(
        [-1000, -25, -20.5, -20, -5, -3, -1, -0.5, -0.0, 0, 0.5, 1, 3, 5, 10.25, 20, 20.5, 25, 1000]
    ).numpy()
    functions = {
        "relu": (F.relu, [{}]),
        "leaky_relu": (F.leaky_relu, [{}, {"negative_slope": 0.3}]),
        "sigmoid": (torch.sigmoid, [{}]),
        "tanh": (torch.tanh, [{}]),
        "softmax": (lambda x: F.softmax(x, -1), [{}]),
        "log_softmax": (lambda x: F.log_softmax(x, -1), [{}]),
        "elu": (F.elu, [{}, {"alpha": 0.5}]),
        "selu": (F.selu, [{}]),
        "silu": (F.silu, [{}]),
        "gelu": (F.gelu, [{}, {"approximate": "tanh"}]),
        "softplus": (F.softplus, [{}, {"beta": 2.0}, {"threshold": 5.0}]),
        "hardtanh": (
            lambda x, **bounds: F.hardtanh(x, *bounds.values()),
            [{}, {"min_value": -3.0, "max_value": 0.5}],
        ),
        "hardswish": (F.hardswish, [{}]),
        "mish": (F.mish, [{}]),
        "identity": (lambda x: x * 1, [{}]),
    }
    for name, (function, several) in functions.items():
        for options in several:
            call = lambda x, f=function, o=options: f(x, **o)
            RECORD.keep({"layer": "activation", "name": name} | options, {"x": points}, call)
    for per_channel in (False, True):
        x = RECORD.normal(2, 5, 3)
        x[0, 0] = 0
        slope = RECORD.normal(3) if per_channel else RECORD.normal()
        prelu = lambda x, slope: channels_last(F.prelu(channels_first(x), slope.reshape(-1)))
        RECORD.keep({"layer": "prelu", "per_channel": per_channel}, {"x": x, "slope": slope}, prelu)


if __name__ == "__main__":
    record_linear()
    record_convolutions()
    record_pools()
    record_batch_norm()
    record_other_norms()
    record_activations()
    RECORD.save(OUT)
