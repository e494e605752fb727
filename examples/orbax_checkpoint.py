"""The state of a run is one pytree, which other libraries save, too: here orbax-checkpoint.

Prints:
    saved after step 21
    21 more updates from there end with the parameters of a run that was not stopped: True
"""

import tempfile
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxlearn import data, nn, optim, training


def compile_run():
    digits = data.load("digits")
    train, validation = data.hold_out(digits.train, 100)
    model = nn.sequential(nn.flatten, nn.linear(10))
    return training.compile_run(
        model, optim.adam(1e-2), train, validation, digits.test, batch_size=64, seed=0
    )


def plain(state):
    """Orbax saves numbers: a random key is saved as its data."""
    return state._replace(key=jax.random.key_data(state.key))


def main():
    program = compile_run()
    ((state, _),) = training.fit(program, 1)
    with tempfile.TemporaryDirectory() as folder, ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(Path(folder) / "1", plain(state))
        checkpointer.wait_until_finished()
        print("saved after step", int(state.step))
        loaded = checkpointer.restore(Path(folder) / "1", plain(state))
    loaded = loaded._replace(key=jax.random.wrap_key_data(loaded.key))
    ends = [next(training.fit(program, 2, start=each)) for each in (loaded, state)]
    equal = all(jax.tree.leaves(jax.tree.map(np.array_equal, *(state.params for state, _ in ends))))
    print("21 more updates from there end with the parameters of a run that was not stopped:", equal)


if __name__ == "__main__":
    main()
