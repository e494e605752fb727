"""Training runs: state, step, epoch, evaluation, and the record that a run leaves behind."""

from jaxlearn._files import CheckpointError

from ._batches import count_updates
from ._checkpoint import load_checkpoint, params_digest, save_checkpoint
from ._console import confusion_table, with_progress
from ._evaluate import Evaluation, evaluate
from ._fit import Position, first_position, fit, run_parts
from ._folder import check_folder, claim_folder, claim_fresh_folder
from ._keeper import Saving, parse_saving, restore
from ._nonfinite import NonFiniteError
from ._predict import plot_answers, plot_mistakes, predict
from ._program import Program, compile_run
from ._record import record_run
from ._report import EpochReport
from ._resume import config_difference, read_config
from ._run import Run, make_run
from ._signals import Stopped
from ._state import Measured, RunState, Start, draw_order, draw_start, to_float
from ._statistics import update_bn

__all__ = [
    "CheckpointError",
    "EpochReport",
    "Evaluation",
    "Measured",
    "NonFiniteError",
    "Position",
    "Program",
    "Run",
    "RunState",
    "Saving",
    "Start",
    "Stopped",
    "check_folder",
    "claim_folder",
    "claim_fresh_folder",
    "compile_run",
    "config_difference",
    "confusion_table",
    "count_updates",
    "draw_order",
    "draw_start",
    "evaluate",
    "first_position",
    "fit",
    "load_checkpoint",
    "make_run",
    "params_digest",
    "parse_saving",
    "plot_answers",
    "plot_mistakes",
    "predict",
    "read_config",
    "record_run",
    "restore",
    "run_parts",
    "save_checkpoint",
    "to_float",
    "update_bn",
    "with_progress",
]
