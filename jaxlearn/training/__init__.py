"""One training run as pure functions: its state, the one loop over its updates, evaluation, saving."""

from jaxlearn._checkpoint import load_checkpoint, save_checkpoint
from jaxlearn._draw import draw_start

from ._evaluate import Evaluation, evaluate
from ._fit import fit, run_parts
from ._position import EpochReport, Position
from ._predict import predict
from ._program import Program, compile_run
from ._run import Run, make_run
from ._state import RunState
from ._update_bn import update_bn

__all__ = [
    "EpochReport",
    "Evaluation",
    "Position",
    "Program",
    "Run",
    "RunState",
    "compile_run",
    "draw_start",
    "evaluate",
    "fit",
    "load_checkpoint",
    "make_run",
    "predict",
    "run_parts",
    "save_checkpoint",
    "update_bn",
]
