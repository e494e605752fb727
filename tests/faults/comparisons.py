"""Files of a comparison."""

import shutil
from pathlib import Path

from tests.faults.bench import GRID, Act, Ended, Place, Spoil, spoilt
from tests.faults.checkpoints import cut, file, pipe
from tests.faults.fault import Fault
from tests.faults.files import claim, folder
from tests.jaxlearn.training import small

SGD, ADAM, PLAN = (Path(f"run/sweeps/{name}.safetensors") for name in ("softmax-sgd", "softmax-adam", "plan"))
CONFIG = Path("run/config.json")
LAST = "--dataset digits --model cnn-bn --batch-size 431 --opt sgd,adam"
SIZE = r"(?<=at least )\S+ ?\wB"  # which the compiler tells, in every version otherwise
DAMAGED = "softmax-sgd.safetensors is not as it was saved"
AGAIN = "delete it, and its runs are trained again"


def refused(done: str, says: str, *spoils: Spoil, status: int = 1, command: str = "--resume run") -> Fault:
    return Fault(done, spoilt(GRID, command, *spoils), status, says)


def change_a_loss() -> None:
    content = bytearray(SGD.read_bytes())
    content[-1] ^= 1
    SGD.write_bytes(content)


def fresh(command: str, then: str = "") -> Act:
    """Runs a command where nothing is, and another one after it."""

    def act(place: Place) -> Ended:
        ended = place.process(command, "--out run")
        return place.process(then, "--out run") if then else ended

    return act


FAULTS = [
    refused("a sweep cut", f"{DAMAGED}.*{AGAIN}", lambda: cut(SGD)),
    refused("a sweep with a bit flipped in a loss", f"{DAMAGED}.*{AGAIN}", change_a_loss),
    refused(
        "a sweep of 100,000 brackets",
        f"{DAMAGED}.*{AGAIN}",
        lambda: SGD.write_text("[" * 100_000, encoding="utf-8"),
    ),
    refused("a sweep that is empty", f"{DAMAGED}.*{AGAIN}", lambda: SGD.write_bytes(b"")),
    refused(
        "a sweep without its losses, its sum made anew",
        f"softmax-sgd.safetensors holds no sweep.*{AGAIN}",
        lambda: small.rewrite(SGD, lambda arrays, about: arrays.__delitem__("val_loss")),
    ),
    refused(
        "a sweep that is the plan",
        f"softmax-sgd.safetensors holds no sweep.*{AGAIN}",
        lambda: shutil.copy(PLAN, SGD),
    ),
    refused(
        "a sweep that is another's",
        "softmax-sgd.safetensors holds adam on softmax",
        lambda: shutil.copy(ADAM, SGD),
    ),
    refused("a sweep that is a named pipe", f"softmax-sgd.* is no file.*{AGAIN}", lambda: pipe(SGD)),
    refused("a sweep that is a folder", f"softmax-sgd.* is no file.*{AGAIN}", lambda: folder(SGD)),
    Fault("a sweep missing", spoilt(GRID, "--resume run", SGD.unlink, real=True), same=GRID),
    Fault(
        "`sweeps` missing",
        spoilt(GRID, "--resume run", lambda: shutil.rmtree("run/sweeps"), real=True),
        same=GRID,
    ),
    refused("`sweeps` is a file", "run/sweeps is no folder", lambda: file(SGD.parent)),
    refused(
        "the plan cut, a sweep missing",
        "plan.safetensors is not as it was saved.*delete it, and it is made again",
        SGD.unlink,
        lambda: cut(PLAN),
    ),
    refused(
        "the plan is JSON, a sweep missing",
        "plan.safetensors is not as it was saved.*delete it",
        SGD.unlink,
        lambda: PLAN.write_text('{"memory": "much"}', encoding="utf-8"),
    ),
    refused("`config.json` cut", "config.json is damaged or cut short", lambda: cut(CONFIG)),
    refused(
        "`config.json` with another batch size", "config.json is not as it was saved", claim(batch_size=32)
    ),
    refused(
        "`config.json` cut, the same command again",
        "config.json is damaged or cut short",
        lambda: cut(CONFIG),
        command=f"{GRID} --out run",
    ),
    refused(
        "`config.json` is a list, the same command again",
        "config.json does not hold",
        lambda: CONFIG.write_text("[]", encoding="utf-8"),
        command=f"{GRID} --out run",
    ),
    refused(
        "`results.csv` is a folder",
        "results.csv cannot be written: Is a directory",
        lambda: folder(Path("run/results.csv")),
    ),
    refused(
        "`--resume` with more seeds",
        r"argument --resume: .* seeds is \[0, 1\] there, not \[0, 1, 2\]",
        command="--resume run --seeds 3",
        status=2,
    ),
    refused(
        "`--resume` with other rates",
        "argument --resume: .*learning_rate of sgd is",
        command="--resume run --lr 0.1,0.3",
        status=2,
    ),
    refused(
        "`--resume` with fewer epochs",
        "argument --resume: .*epochs is 2 there, not 1",
        command="--resume run --epochs 1",
        status=2,
    ),
    refused(
        "`--resume` with another batch size",
        "argument --resume: .*batch_size is 128 there",
        command="--resume run --batch-size 64",
        status=2,
    ),
    refused(
        "another comparison with the same `--out`",
        "run holds another comparison: epochs is 2 there, not 3",
        command=f"{GRID} --epochs 3 --out run",
    ),
    refused(
        "`--max-memory` too small, a sweep missing",
        "argument .*--max-memory.*: max_memory must be at least",
        SGD.unlink,
        PLAN.unlink,
        command="--resume run --max-memory 1KB",
        status=2,
    )._replace(varies=SIZE),
    Fault(
        "a new one with `--max-memory` too small",
        fresh(f"{GRID} --max-memory 1KB"),
        2,
        "argument .*--max-memory.*: max_memory must be at least",
        varies=SIZE,
    ),
    Fault(
        "a new one whose last batch is too small for batch normalisation",
        fresh(LAST),
        2,
        "--batch-size 431: the last batch of an epoch holds 1 example: batch_norm: .*--drop-last",
    ),
    Fault(
        "a new one that is refused, and the corrected command",
        fresh(f"{GRID} --batch-size 5000", GRID),
        same=GRID,
    ),
]
