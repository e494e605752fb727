"""What can go wrong with a run: each fault is really made, and what happens is looked at."""

from tests.faults import (
    arguments,
    checkpoints,
    comparisons,
    datasets,
    disks,
    files,
    folders,
    numbers,
    signals,
)
from tests.faults.fault import Fault

GROUPS = {
    "checkpoints": checkpoints.FAULTS,
    "files of a run": files.FAULTS,
    "files of a comparison": comparisons.FAULTS,
    "datasets": datasets.FAULTS,
    "signals": signals.FAULTS,
    "disks": disks.FAULTS,
    "folders and output": folders.FAULTS,
    "numbers": numbers.FAULTS,
    "arguments": arguments.FAULTS,
}
FAULTS: list[tuple[str, Fault]] = [(group, fault) for group, faults in GROUPS.items() for fault in faults]
