"""The machine and what is installed on it, as far as the system tells."""

import importlib.metadata
import math
import platform
import subprocess
import sys
from pathlib import Path

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

PROCESSORS = Path("/proc/cpuinfo")
PACKAGES = ("jax", "jaxlib", "numpy", "optax", "flax", "torch")


def processor() -> str:
    """Its name, or at least its kind."""
    try:
        about = PROCESSORS.read_text().splitlines()
    except OSError:  # there is no such file but on Linux
        about = []
    names = [line.partition(":")[2].strip() for line in about if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def peak_memory() -> float:
    """The largest memory of this process so far, in bytes; NaN where the system does not tell."""
    if resource is None:
        return math.nan
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def gpu_driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def describe() -> str:
    from jaxlearn._system import cores  # a peer's process, which needs this module, must not load JAX

    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (f"{cores()} cores of {processor()}, {platform.system()}, Python "
            f"{platform.python_version()}; {versions}.")  # fmt: skip
