"""What the benchmarks say about the machine, also where the system does not tell."""

import importlib
import math
import os
import platform
import sys

import jax
import pytest

from benchmarks import machine


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A system without `/proc/cpuinfo`, `sched_getaffinity` and `resource`."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "resource", None)
        patch.delattr(os, "sched_getaffinity", raising=False)
        importlib.reload(machine)
        patch.setattr(machine, "PROCESSORS", tmp_path / "cpuinfo")
        yield
    importlib.reload(machine)


def test_what_the_system_does_not_tell_is_left_open(bare, monkeypatch):
    assert math.isnan(machine.peak_memory())
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert machine.processor() == "riscv64"
    assert machine.describe().startswith(f"{os.cpu_count()} cores of riscv64, ")


def test_a_processor_has_the_name_that_linux_gives_it(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "PROCESSORS", tmp_path / "cpuinfo")
    machine.PROCESSORS.write_text("processor : 0\nmodel name : Fast 9000\nmodel name : Fast 9000\n")
    assert machine.processor() == "Fast 9000"


def test_the_peak_of_memory_is_told_in_bytes(monkeypatch):
    """The system counts kilobytes on Linux, bytes on macOS."""
    resource = pytest.importorskip("resource")
    usage = resource.struct_rusage([0.0, 0.0, 300, *[0] * 13])
    monkeypatch.setattr(resource, "getrusage", lambda who: usage)
    for system, peak in (("linux", 300 * 1024), ("darwin", 300)):
        monkeypatch.setattr(sys, "platform", system)
        assert machine.peak_memory() == peak


def test_a_package_that_is_missing_is_told_among_the_versions(monkeypatch):
    monkeypatch.setattr(machine, "PACKAGES", ("jax", "no-such-package"))
    assert machine.describe().endswith(f"jax {jax.__version__}, no-such-package not installed.")


@pytest.mark.parametrize("command", ["no-such-command", "false", "true"])
def test_a_driver_that_nobody_tells_is_unknown(command, monkeypatch):
    def run(_, run=machine.subprocess.run, **options):
        return run([command], **options)

    monkeypatch.setattr(machine.subprocess, "run", run)
    assert machine.gpu_driver() == "unknown"
