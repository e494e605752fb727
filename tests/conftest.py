"""Strict JAX for every test: no silent promotion of dtypes or ranks, warnings are errors, two CPU devices.

Products are in full precision: on a GPU JAX's default is TF32, which is farther from any oracle than the
tolerances of float32.
"""

import os
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
# of the processes that tests start, too: products in full precision, and what has been compiled once
os.environ["JAX_DEFAULT_MATMUL_PRECISION"] = "highest"
os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="compiled-")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

import hypothesis
import jax
import numpy as np
import pytest

from tests.jaxlearn.sample import DAY, is_taken

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

hypothesis.settings.register_profile("fast", max_examples=20, deadline=None, derandomize=True)
hypothesis.settings.register_profile("deep", max_examples=1000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

SHARE = 28  # in as many days, a month, all cases of a test have run
GOLDEN = Path(__file__).parent / "golden"


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "error")


def pytest_unconfigure():
    shutil.rmtree(os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """On a day that the environment names, tests with several cases run some of them; the rest is slow."""
    if "JAXLEARN_TEST_DAY" not in os.environ:
        return
    cases = defaultdict(list)
    for item in items:
        if hasattr(item, "callspec"):
            cases[item.nodeid.partition("[")[0]].append(item)
    for several in cases.values():
        if any(item.get_closest_marker("slow") for item in several):
            continue  # sampled by itself
        for item, taken in zip(several, is_taken(len(several), SHARE), strict=True):
            if not taken:
                item.add_marker("slow")


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"sampled cases: those of JAXLEARN_TEST_DAY={DAY}")


@pytest.fixture(scope="session")
def golden():
    """Reads a file of `tests/golden/`: `golden("optimizers")` is a dict of arrays."""
    return lambda name: dict(np.load(GOLDEN / f"{name}.npz"))


@pytest.fixture
def x64():
    """Runs a test in double precision."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def two_devices():
    """Two devices of one kind, the first of them the default: CPUs beside a single GPU."""
    devices = jax.devices() if jax.device_count() > 1 else jax.devices("cpu")
    if len(devices) < 2:
        pytest.skip("needs two devices: JAX finds one, and no second CPU device beside it")
    with jax.default_device(devices[0]):
        yield devices[:2]


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """A test runs in an empty folder, with an empty cache and without a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAXLEARN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("JAXLEARN_MIRROR", "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def data_folder():
    """`data_folder("mnist")` is the folder of its four original files."""
    root = Path(os.environ.get("JAXLEARN_DATA", Path(__file__).parents[2] / "shared" / "data"))

    def find(name):
        folder = root / name
        if not folder.is_dir():
            pytest.skip(f"needs the original files in {folder}; set JAXLEARN_DATA to the folder of mnist/")
        return folder

    return find
