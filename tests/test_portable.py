"""Systems that cannot be asked, and a JAX that knows no compiler options: runs and comparisons go on."""

import ast
import ctypes
import os
import subprocess
import sys
import types
from pathlib import Path

import jax
import pytest

from jaxlearn import _system
from jaxlearn.compare._memory import free_memory
from tests.command import run, summary

QUICK = ["--dataset", "digits", "--model", "softmax", "--epochs", "1"]
SEVERAL = [*QUICK, "--opt", "sgd,adam", "--lr", "0.01,0.1", "--seeds", "2"]


@pytest.fixture
def no_options(monkeypatch):
    """A JAX that knows no option of the compiler, as another version or device may not know one."""
    real_jit, real_compile = jax.jit, jax.stages.Lowered.compile

    def check(options):
        if options:
            raise jax.errors.JaxRuntimeError(
                f"INVALID_ARGUMENT: No such compile option: {next(iter(options))!r}"
            )

    def jit(*args, compiler_options=None, **kwargs):
        check(compiler_options)
        return real_jit(*args, **kwargs)

    def compile(self, compiler_options=None, **kwargs):
        check(compiler_options)
        return real_compile(self, **kwargs)

    monkeypatch.setattr(jax, "jit", jit)
    monkeypatch.setattr(jax.stages.Lowered, "compile", compile)
    with pytest.raises(jax.errors.JaxRuntimeError, match="No such compile option: 'new'"):
        jax.jit(abs, compiler_options={"new": 1})


@pytest.fixture
def nothing_told(monkeypatch, tmp_path):
    """A system that has neither affinities, nor psutil, nor glibc's malloc, nor control groups."""
    monkeypatch.setattr(_system, "os", types.SimpleNamespace(cpu_count=os.cpu_count))
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr(_system, "CONTROL_GROUP", tmp_path / "none")

    def no_library(name):
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", no_library)


@pytest.mark.usefixtures("empty_folder", "no_options")
def test_a_jax_without_compiler_options_runs_and_compares():
    assert run(*QUICK, "--out", "run") == 0
    assert run(*SEVERAL, "--out", "several") == 0
    assert summary("run")["test_accuracy"] > 0.5


@pytest.mark.usefixtures("empty_folder", "nothing_told")
def test_a_system_that_tells_nothing_runs_and_compares():
    assert _system.free_memory() is free_memory(jax.devices("cpu")) is None
    assert _system.cores() == os.cpu_count()
    assert run(*QUICK, "--out", "run") == 0
    assert run(*SEVERAL, "--out", "several") == 0
    assert run(*SEVERAL, "--out", "several") == 0  # what was not known is read again


def test_a_system_that_does_not_know_its_cores_has_one(monkeypatch):
    monkeypatch.setattr(_system, "os", types.SimpleNamespace(cpu_count=lambda: None))
    assert _system.cores() == 1


@pytest.mark.parametrize(
    ("group", "free"),
    [
        ({}, 1000),
        ({"max": "max\n", "current": "5\n"}, 1000),
        ({"max": "700\n", "current": "100\n"}, 600),
        ({"max": "5000\n", "current": "100\n"}, 1000),
        ({"max": "700\n"}, 1000),
    ],
)
def test_free_memory_is_the_machines_and_the_containers(group, free, monkeypatch, tmp_path):
    machine = types.SimpleNamespace(virtual_memory=lambda: types.SimpleNamespace(available=1000))
    monkeypatch.setitem(sys.modules, "psutil", machine)
    monkeypatch.setattr(_system, "CONTROL_GROUP", tmp_path)
    for name, text in group.items():
        (tmp_path / f"memory.{name}").write_text(text)
    assert _system.free_memory() == free
    assert free_memory(jax.devices("cpu")) == free * 8 // 10


@pytest.mark.parametrize(
    ("stats", "free"),
    [(None, None), ({"bytes_in_use": 3}, None), ({"bytes_limit": 110, "bytes_in_use": 10}, 160)],
)
def test_an_accelerator_may_not_know_its_memory(stats, free):
    device = types.SimpleNamespace(platform="gpu", memory_stats=lambda: stats)
    assert free_memory([device, device]) == free


def test_the_library_sets_no_options_and_uses_nothing_private_of_jax():
    root = Path(__file__).parents[1]
    files = [*root.glob("jaxlearn/**/*.py"), *root.glob("models/*.py"), root / "train.py"]
    assert len(files) > 100
    for word in ("compiler_options", "XLA_FLAGS", "jax._src", "xla_cpu", "xla_gpu", "/proc/"):
        assert [path for path in files if word in path.read_text()] == [], word


def test_no_file_is_read_or_written_in_an_encoding_of_the_system():
    root = Path(__file__).parents[1]
    folders = (root / part for part in ("jaxlearn", "models", "optimizers", "tests/faults"))
    for path in [root / "train.py", *(path for folder in folders for path in folder.rglob("*.py"))]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
            if name == "open" or name.endswith((".read_text", ".write_text")):
                assert "encoding" in [word.arg for word in call.keywords], f"{path}:{call.lineno}"


def test_importing_the_library_starts_no_backend():
    """So that devices can still be chosen, as `jax.distributed` must."""
    code = "import jaxlearn, jax; jax.config.update('jax_num_cpu_devices', 3); print(jax.device_count('cpu'))"
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    environment |= {"JAX_PLATFORMS": "cpu"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True).stdout == b"3\n"
