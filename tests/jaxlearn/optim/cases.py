"""Every optimizer and flag beside an oracle: what the tests check and `make parity` writes down.

Three kinds of oracle, none of them derived from this project's code: trajectories recorded from PyTorch
(`tests/golden/optimizers.py`), optax as it is installed, and `papers*.py`, the rules in plain numpy.
"""

from tests.jaxlearn.optim import cases_optax, cases_papers, cases_torch

CASES = [*cases_torch.CASES, *cases_optax.CASES, *cases_papers.CASES]
