"""Records updates of L-BFGS in PyTorch, for the tests to compare with.

    pip install torch==2.13.0 numpy && python tests/golden/lbfgs.py

All random numbers come from numpy's frozen RandomState, so that the file comes out the same again.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch.optim.lbfgs import _strong_wolfe

OUT = Path(__file__).with_suffix(".npz")
SHAPES = [(), (5,), (4, 3), (2, 2, 2, 3)]
WOLFE = {"line_search_fn": "strong_wolfe"}

# losses of all parameters in a row, the data and the number of the update
PROBLEMS = {
    "quadratic": lambda x, data, step: 0.5 * (x @ data["matrix"] @ x) - data["vector"] @ x,
    "rosenbrock": lambda x, data, step: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(),
    "wells": lambda x, data, step: ((x**2 - 1) ** 2).sum() / 4 + 0.1 * (x @ data["matrix"] @ x),
    "logistic": lambda x, data, step: logistic(x, data["inputs"], data["signs"]),
    "batches": lambda x, data, step: logistic(x, data["inputs"][step % 2 :: 2], data["signs"][step % 2 :: 2]),
}
# problem, options, and as many updates as do not yet make a rounding error visible
CASES = [
    ("quadratic", {}, 10),
    ("quadratic", {"max_iter": 1}, 50),
    ("quadratic", {"lr": 0.5}, 10),
    ("quadratic", {"max_eval": 3}, 10),
    ("quadratic", {"tolerance_grad": 0.3}, 10),
    ("quadratic", {"tolerance_change": 0.01}, 10),
    ("quadratic", {"history_size": 3, "max_iter": 4}, 20),
    ("quadratic", {"max_iter": 4, **WOLFE}, 7),
    ("quadratic", {"lr": 20.0, "max_iter": 4, **WOLFE}, 10),
    ("quadratic", {"lr": 0.2, "max_iter": 4, **WOLFE}, 20),
    ("quadratic", {"max_iter": 1, **WOLFE}, 20),
    ("rosenbrock", {"max_iter": 4, **WOLFE}, 7),
    ("rosenbrock", {"history_size": 5, "max_iter": 4, **WOLFE}, 7),
    ("rosenbrock", {"max_eval": 3, **WOLFE}, 12),
    ("wells", {"lr": 0.2, "max_iter": 3}, 20),
    ("wells", {"max_iter": 3, **WOLFE}, 10),
    ("wells", {"lr": 5.0, "history_size": 4, "max_iter": 3, **WOLFE}, 20),
    ("logistic", {}, 10),
    ("logistic", WOLFE, 10),
    ("logistic", {"tolerance_grad": 0.01, **WOLFE}, 10),
    ("batches", {"lr": 0.3, "max_iter": 3}, 20),
    ("batches", {"tolerance_change": 0.1}, 20),
    ("batches", {"max_iter": 3, **WOLFE}, 20),
]


def logistic(x, inputs, signs):
    return -torch.nn.functional.logsigmoid(signs * (inputs @ x)).mean() + 0.01 * (x @ x)


def make_data():
    random = np.random.RandomState(0)
    params = [random.standard_normal(shape) for shape in SHAPES]
    half, vector = random.standard_normal((42, 42)), random.standard_normal(42)
    inputs = random.standard_normal((60, 42))
    signs = np.sign(inputs[:, 0] + random.standard_normal(60))
    return params, {
        "matrix": half @ half.T / 42 + 0.1 * np.eye(42),
        "vector": vector,
        "inputs": inputs,
        "signs": signs,
    }


def trajectory(problem, options, steps, params, data, dtype):
    """Parameters after every step; iterations and evaluations up to then."""
    tensors = [torch.nn.Parameter(torch.tensor(p, dtype=dtype)) for p in params]
    data = {name: torch.tensor(array, dtype=dtype) for name, array in data.items()}
    optimizer = torch.optim.LBFGS(tensors, **options)
    row = lambda: torch.cat([t.reshape(-1) for t in tensors])
    rows, counts = [], []
    for step in range(steps):

        def closure(step=step):
            optimizer.zero_grad()
            loss = PROBLEMS[problem](row(), data, step)
            loss.backward()
            return loss

        optimizer.step(closure)
        state = optimizer.state[tensors[0]]
        rows.append(row().detach().numpy())
        counts.append([state["n_iter"], state["func_evals"]])
    return np.stack(rows), np.array(counts)


def line_search(speeds, phases, heights, square, first, budget):
    """On a wave that is rounded to steps, so that many values are equal: value, slope, step, evaluations."""

    def evaluate(x, t, d):
        angle, t = speeds * float(t) + phases, float(t)
        value = np.round(4 * ((heights * np.sin(angle)).sum() + square * t * t)) / 4
        slope = (heights * speeds * np.cos(angle)).sum() + 2 * square * t
        return float(value), torch.tensor([slope])

    one = torch.ones(1, dtype=torch.float64)
    value, slope = evaluate(None, 0, None)
    value, slope, t, evals = _strong_wolfe(
        evaluate, None, first, one, value, slope, slope[0], max_ls=int(budget)
    )
    return np.array([value, float(slope[0]), float(t), evals])


def line_searches(count=600):
    random = np.random.RandomState(2)
    speeds, phases = np.exp(random.standard_normal((count, 3))), 3 * random.standard_normal((count, 3))
    heights = random.standard_normal((count, 3)) * np.exp(random.standard_normal((count, 1)))
    heights *= -np.sign((heights * speeds * np.cos(phases)).sum(axis=1, keepdims=True))  # downhill at 0
    square, first = np.exp(2 * random.standard_normal(count)) / 10, np.exp(3 * random.standard_normal(count))
    budget = 2 ** random.randint(0, 6, count) - 1
    lines = speeds, phases, heights, square, first, budget
    found = np.array([line_search(*line) for line in zip(*lines, strict=True)])
    nudged = np.array([line_search(*line, t * (1 + 1e-14), n) for *line, t, n in zip(*lines, strict=True)])
    # those that do not enlarge a rounding error
    good = np.isclose(found, nudged, rtol=1e-12, atol=1e-12).all(axis=1)
    names = "speeds", "phases", "heights", "square", "first", "budget", "found"
    return {f"line/{name}": array[good] for name, array in zip(names, (*lines, found), strict=True)}


def record_lbfgs():
    params, data = make_data()
    arrays = {f"params/{i}": p for i, p in enumerate(params)}
    arrays |= {f"data/{name}": array for name, array in data.items()}
    single = {("quadratic", False), ("quadratic", True), ("rosenbrock", True), ("logistic", False)}
    for problem, options, steps in CASES:
        key = json.dumps({"problem": problem, "options": options})
        kind = problem, "line_search_fn" in options
        # in single precision, the first of four kinds
        for dtype in [torch.float64] + [torch.float32] * (kind in single):
            rows, counts = trajectory(problem, options, steps, params, data, dtype)
            name = str(dtype).removeprefix("torch.")
            arrays |= {f"{name}/{key}": rows, f"counts/{name}/{key}": counts}
        single.discard(kind)
    np.savez_compressed(OUT, **arrays, **line_searches())


if __name__ == "__main__":
    record_lbfgs()
