"""What numbers may depend on besides what a configuration says."""

import platform

import jax
import jaxlib

from jaxlearn._version import __version__


def versions() -> dict[str, str]:
    """Versions of what computes, and the system."""
    return {
        "jaxlearn": __version__,
        "jax": jax.__version__,
        "jaxlib": jaxlib.version.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
