"""Records learning rates in PyTorch, for the tests to compare with.

    pip install torch==2.13.0 numpy && python tests/golden/schedules.py

All random numbers come from numpy's frozen RandomState, so that the file comes out the same again.
"""

import json
from pathlib import Path

import numpy as np
import torch

OUT = Path(__file__).with_suffix(".npz")


def record_schedules():
    cases = [
        ("StepLR", {"step_size": 7, "gamma": 0.5}),
        ("ExponentialLR", {"gamma": 0.9}),
        ("LinearLR", {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 20}),
        ("LinearLR", {"start_factor": 0.25, "end_factor": 1.0, "total_iters": 8}),
        ("CosineAnnealingLR", {"T_max": 20}),
        ("CosineAnnealingLR", {"T_max": 25, "eta_min": 0.03}),
    ]
    arrays = {}
    for name, options in cases:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
        scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
        rates = []
        for _ in range(60):
            rates.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        arrays[json.dumps({"schedule": name, "options": options})] = np.array(rates)
    np.savez_compressed(OUT, **arrays)


if __name__ == "__main__":
    record_schedules()
