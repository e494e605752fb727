"""What the recorders of layers and losses share."""

import json

import numpy as np
import torch


class Recorder:
    """Keeps what PyTorch computes, values and gradients, in double precision.

    Everything is kept in jaxlearn's layouts (channels last, of weights too): a recorded function
    takes and returns those, and turns them into PyTorch's inside, so that gradients come out right, too.
    All random numbers come from numpy's frozen RandomState, so that a file comes out the same again.
    """

    def __init__(self, seed=0):
        self.random = np.random.RandomState(seed)
        self.arrays = {}

    def normal(self, *shape):
        return self.random.standard_normal(shape)

    def keep(self, options, inputs, function, fixed=None):
        """Records `function(**inputs, **fixed)`, a tensor, or a pair of it and a dict of further ones.

        `options`, a dict with "layer" in it, is the name of the case; real `inputs` get gradients.
        """
        key = json.dumps(options)
        assert not any(name.startswith(f"{key}/") for name in self.arrays), key
        leaves = {
            name: torch.tensor(value, requires_grad=np.issubdtype(np.asarray(value).dtype, np.floating))
            for name, value in inputs.items()
        }
        leaves |= {name: torch.tensor(value) for name, value in (fixed or {}).items()}
        result = function(**leaves)
        y, after = result if isinstance(result, tuple) else (result, {})
        cotangent = torch.tensor(self.normal(*y.shape))
        (y * cotangent).sum().backward()
        keep = {"y": y.detach(), "cotangent": cotangent}
        keep |= {f"input/{name}": leaf.detach() for name, leaf in leaves.items()}
        keep |= {f"grad/{name}": leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
        keep |= {f"after/{name}": value.detach() for name, value in after.items()}
        self.arrays |= {f"{key}/{name}": value.numpy() for name, value in keep.items()}

    def save(self, path):
        np.savez_compressed(path, **self.arrays)
