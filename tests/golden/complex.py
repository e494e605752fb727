"""Records 20 steps of PyTorch's optimizers on complex parameters, for the tests to compare with.

    pip install torch==2.13.0 numpy && python tests/golden/complex.py

All random numbers come from numpy's frozen RandomState, so that the file comes out the same again.
"""

import json
from pathlib import Path

import numpy as np
import torch

from optimizers import OPTIMIZERS

OUT = Path(__file__).with_suffix(".npz")
STEPS = 20
SHAPES = [(), (5,), (4, 3)]
REAL_ONLY = ("Adafactor", "Muon")  # refuse complex parameters, or take their real parts alone


def trajectory(name, options, params, grads):
    torch.set_default_dtype(torch.float64)
    tensors = [torch.nn.Parameter(torch.tensor(p)) for p in params]
    optimizer = getattr(torch.optim, name)(tensors, **{"lr": 0.01} | options)
    rows = []
    for step in range(STEPS):
        for tensor, grad in zip(tensors, grads, strict=True):
            tensor.grad = torch.tensor(grad[step])
        optimizer.step()
        rows.append(np.concatenate([t.detach().numpy().reshape(-1) for t in tensors]))
    return np.stack(rows)


def follow_lbfgs(start, goal, line_search):
    """On the quartic of the distances to a goal, with the phase of a number mattering."""
    tensor = torch.nn.Parameter(torch.tensor(start))
    optimizer = torch.optim.LBFGS([tensor], max_iter=4, line_search_fn=line_search)
    rows = []

    def closure():
        optimizer.zero_grad()
        gap = tensor - torch.tensor(goal)
        loss = (gap.abs() ** 2 + 0.1 * gap.abs() ** 4 + 0.3 * gap.real * gap.imag).sum()
        loss.backward()
        return loss

    for _ in range(4):
        optimizer.step(closure)
        rows.append(tensor.detach().numpy().copy())
    return np.stack(rows)


def record_complex():
    random = np.random.RandomState(0)
    normal = lambda *shape: random.standard_normal(shape) + 1j * random.standard_normal(shape)
    params = [normal(*shape) for shape in SHAPES]
    grads = [normal(STEPS, *shape) * size for shape, size in zip(SHAPES, (1, 10, 0.1), strict=True)]
    arrays = {f"params/{i}": p for i, p in enumerate(params)} | {f"grads/{i}": g for i, g in enumerate(grads)}
    for name, many in OPTIMIZERS.items():
        for options in many if name not in REAL_ONLY else []:
            key = json.dumps({"optimizer": name, "options": options, "schedule": None})
            arrays[f"path/{key}"] = trajectory(name, options, params, grads)
    tensors = [torch.nn.Parameter(torch.tensor(p)) for p in params]
    for tensor, grad in zip(tensors, grads, strict=True):
        tensor.grad = torch.tensor(grad[0])
    arrays["norm"] = torch.nn.utils.clip_grad_norm_(tensors, 0.5).numpy()
    arrays |= {f"clipped/{i}": tensor.grad.numpy() for i, tensor in enumerate(tensors)}
    start, goal = normal(6), normal(6)
    arrays |= {"start": start, "goal": goal}
    arrays |= {f"lbfgs/{search}": follow_lbfgs(start, goal, search) for search in (None, "strong_wolfe")}
    np.savez_compressed(OUT, **arrays)


if __name__ == "__main__":
    record_complex()
