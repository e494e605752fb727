"""Command lines that cannot go on with a run, or that mean nothing."""

from pathlib import Path

from tests.faults.bench import SAVED, THREE, Act, Spoil, spoilt
from tests.faults.fault import Fault

COSINE = f"{SAVED} --epochs 3 --schedule cosine"


def asked(command: str, base: str = THREE, make: Spoil = lambda: None) -> Act:
    """Runs a command where there is a run of three epochs in `run`, having made something."""
    return spoilt(base, command, make)


def changed(option: str, says: str, base: str = THREE) -> Fault:
    """A command line with which the run cannot go on, for a reason that is named."""
    return Fault(f"`--resume run {option}`", asked(f"--resume run {option}", base), 2, says)


def nonsense(option: str, says: str) -> Fault:
    return Fault(f"`{option}`", asked(f"{THREE} {option} --out new"), 2, says)


def elsewhere(done: str, command: str, says: str, make: Spoil = lambda: None, status: int = 1) -> Fault:
    return Fault(done, asked(command, make=make), status, says)


REFUSED = "argument --resume: run cannot go on with this: "
FAULTS = [
    changed("--model mlp", f"{REFUSED}model is softmax there, not mlp"),
    changed("--opt sgd", f"{REFUSED}optimizer is adam there, not sgd"),
    changed("--dataset mnist", f"{REFUSED}dataset is digits there, not mnist"),
    changed("--dataset tfds:kmnist", f"{REFUSED}dataset is digits there, not tfds:kmnist"),
    changed("--seed 1", f"{REFUSED}seed is 0 there, not 1"),
    changed("--batch-size 64", f"{REFUSED}batch_size is 128 there, not 64"),
    changed("--lr 0.01", f"{REFUSED}learning_rate is 0.001 there, not 0.01"),
    changed("--set b1=0.8", f"{REFUSED}b1 is 0.9 there, not 0.8"),
    changed("--weight-decay 0.1", f"{REFUSED}weight_decay is 0.0 there, not 0.1"),
    changed("--clip 1", f"{REFUSED}clip is None there, not 1.0"),
    changed("--validation 100", f"{REFUSED}validation is 143 there, not 100"),
    changed("--schedule cosine", f"{REFUSED}schedule is constant there, not cosine"),
    changed("--drop-last", f"{REFUSED}drop_last is False there, not True"),
    changed("--nonfinite skip", f"{REFUSED}nonfinite is stop there, not skip"),
    changed("--epochs 2", "argument --epochs: run has trained 3 epochs, got 2"),
    Fault(
        "`--resume run --epochs 4` of a run with a cosine schedule of 3 epochs",
        asked("--resume run --epochs 4", COSINE),
        2,
        "argument --epochs: .*cosine would have begun otherwise",
    ),
    changed(
        "--set hidden=9",
        f"{REFUSED}hidden is 5 there, not 9",
        f"{SAVED} --epochs 1 --model mlp --set hidden=5",
    ),
    changed("--out other", "argument --out: other contradicts --resume run"),
    changed("--opt adam,sgd --lr 0.1", f"{REFUSED}it holds a single run"),
    changed("--seeds 1 --lr 0.1", f"{REFUSED}it holds a single run"),
    changed("--function saddle", "argument --function: saddle contradicts --resume run"),
    elsewhere("`--resume` of a folder that is not there", "--resume nowhere", "nowhere.* is missing"),
    elsewhere("`--resume` of a file", "--resume file", "file.* is missing", Path("file").touch),
    elsewhere("`--resume` of an empty folder", "--resume empty", "empty.* is missing", Path("empty").mkdir),
    elsewhere("`--resume` of a folder whose name has a line break", "--resume 'a\nb'", r"a\\nb.* is missing"),
    elsewhere(
        "`--resume` of a folder whose name has 300 characters",
        f"--resume {'x' * 300}",
        "x.*File name too long",
    )._replace(varies="x{99,}"),
    elsewhere("`--eval` of a folder that is not there", "--eval nowhere", "nowhere is missing"),
    elsewhere(
        "`--predict` without `--eval`", "--predict x.png", "argument --predict: needs --eval", status=2
    ),
    nonsense(
        "--model cnn-bn --batch-size 431",
        "--batch-size 431: the last batch of an epoch holds 1 example: batch_norm: .*--drop-last",
    ),
    nonsense("--function saddle --set b1=0.8,0.9 --lr 0.1,0.2", "argument --set: only the learning rate"),
    nonsense("--format json", "argument --format: json needs --predict"),
    nonsense("--save-every 0s", "argument --save-every: must be a time such as 30s"),
    nonsense("--save-every -1epochs", "argument --save-every: expected one argument"),
    nonsense("--save-every nans", "argument --save-every: must be a time such as 30s"),
    nonsense("--save-every 1e999s", "argument --save-every: must be a time such as 30s"),
    nonsense("--save-every often", "argument --save-every: must be a time such as 30s"),
    nonsense("--keep 0", "argument --keep: must be a whole number from 1 up"),
    nonsense("--keep many", "argument --keep: must be a whole number from 1 up"),
    nonsense("--nonfinite ignore", "argument --nonfinite: invalid choice: 'ignore'")._replace(
        varies=r"(?<=\().*(?=\))"  # quoted until Python 3.11
    ),
    nonsense("--epochs 99999999999999999999", "argument --epochs: must be a whole number"),
    nonsense("--resume", "argument --resume: expected one argument"),
    elsewhere("`--out` of a folder with a run", f"{THREE} --out run", "run holds a run already"),
    elsewhere(
        "`--out` of a folder with something else",
        f"{THREE} --out some",
        "some is not empty",
        lambda: Path("some/thing").mkdir(parents=True),
    ),
    elsewhere("`--out` of a file", f"{THREE} --out file", "file is a file", Path("file").touch),
    elsewhere(
        "`--out` below a file", f"{THREE} --out file/run", "file/run cannot be written", Path("file").touch
    ),
    elsewhere(
        "`--out /proc/run`, where nobody may write", f"{THREE} --out /proc/run", "/proc/run cannot be written"
    ),
    elsewhere(
        "`--out` of a link to itself", f"{THREE} --out loop", "loop", lambda: Path("loop").symlink_to("loop")
    ),
    elsewhere(
        "`--out` of a name of 300 characters", f"{THREE} --out {'x' * 300}", "x.*File name too long"
    )._replace(varies="x{99,}"),
]
