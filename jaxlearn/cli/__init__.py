"""A command line around runs and comparisons, for any models and optimizers: what `train.py` is made of."""

from ._choice import Choice, Recipe, default_folder, load_data, parse_rates, read_choice, sizes_of
from ._process import (
    import_meanwhile,
    keep_compiled,
    last_words,
    leave,
    listen_for_signals,
    open_streams,
    pick_devices,
    use_every_core,
)
from ._resume import check_dataset, saved_command, without
from ._saved import use_saved
from ._several import run_comparison, run_function
from ._single import run_one
from ._terminal import Ended, Parser, UsageError, checked, pick, print_table, tell, usage, whole

__all__ = [
    "Choice",
    "Ended",
    "Parser",
    "Recipe",
    "UsageError",
    "check_dataset",
    "checked",
    "default_folder",
    "import_meanwhile",
    "keep_compiled",
    "last_words",
    "leave",
    "listen_for_signals",
    "load_data",
    "open_streams",
    "parse_rates",
    "pick",
    "pick_devices",
    "print_table",
    "read_choice",
    "run_comparison",
    "run_function",
    "run_one",
    "saved_command",
    "sizes_of",
    "tell",
    "usage",
    "use_every_core",
    "use_saved",
    "whole",
    "without",
]
