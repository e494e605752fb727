"""Training runs: state, step, epoch, evaluation, and the record that a run leaves behind."""

from ._checkpoint import load_checkpoint, params_digest, save_checkpoint
from ._console import confusion_table, fit_with_progress
from ._evaluate import Evaluation, evaluate
from ._fit import EpochReport, Program, compile_run, fit
from ._folder import check_folder, fresh_folder
from ._record import record_run
from ._run import Means, Run, RunState, draw_order, make_run, to_float
from ._settings import parse_setting, show_settings, text_arguments

__all__ = [
    "EpochReport",
    "Evaluation",
    "Means",
    "Program",
    "Run",
    "RunState",
    "check_folder",
    "compile_run",
    "confusion_table",
    "draw_order",
    "evaluate",
    "fit",
    "fit_with_progress",
    "fresh_folder",
    "load_checkpoint",
    "make_run",
    "params_digest",
    "parse_setting",
    "record_run",
    "save_checkpoint",
    "show_settings",
    "text_arguments",
    "to_float",
]
