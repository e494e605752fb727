import pytest

from tests.jaxlearn.optim import case

TORCH_NAMES = {"lr": "learning_rate", "alpha": "decay"}


def _translate(options):
    options = {TORCH_NAMES.get(name, name): value for name, value in options.items()}
    b1_b2 = options.pop("betas", None)
    return options | (dict(zip(("b1", "b2"), b1_b2, strict=True)) if b1_b2 else {})


@pytest.fixture(scope="session")
def from_torch_options():
    """Our names for a dict of PyTorch's hyperparameters."""
    return _translate


@pytest.fixture(scope="session")
def trajectory():
    return case.follow


@pytest.fixture(scope="session")
def problem():
    return case.problem


@pytest.fixture(scope="session")
def flat():
    return case.flat
