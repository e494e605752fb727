"""What the operating system says of this machine, where it can be asked."""

import os
from pathlib import Path

CONTROL_GROUP = Path("/sys/fs/cgroup")  # of Linux: what a container may take


def cores() -> int:
    """Cores that this process may use; all of the machine's where the system does not say."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # macOS, Windows
        return os.cpu_count() or 1


def free_memory() -> int | None:
    """Bytes that this process could still take; None where the system does not say.

    psutil knows the machine, and not the control group that a container lives in.
    """
    try:
        import psutil

        free = int(psutil.virtual_memory().available)
    except (ImportError, OSError, RuntimeError):  # no psutil, no /proc, a system that it does not know
        return None
    try:
        limit, used = (
            (CONTROL_GROUP / f"memory.{name}").read_text(encoding="utf-8") for name in ("max", "current")
        )
        return min(free, int(limit) - int(used))
    except (OSError, ValueError):  # no control group, or "max": no limit
        return free
