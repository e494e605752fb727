"""Losses, updates and parameters that are no longer finite."""

import math
from contextlib import chdir
from typing import Any

from tests.faults.bench import DIGITS, SAVED, THREE, Act, Ended, Place
from tests.faults.checkpoints import NEWEST
from tests.faults.fault import Fault
from tests.jaxlearn.training import small

GROWING = f"{SAVED} --epochs 9 --opt sgd --schedule exponential:epochs=1,factor=1e15"  # from 0.2


def trained(*commands: str) -> Act:
    """Runs commands one after another; the last one counts."""

    def act(place: Place) -> Ended:
        for command in commands:
            ended = place.main(command)
        return ended

    return act


def poison(place: Place) -> Ended:
    """Makes a weight NaN in the newest checkpoint, with a sum that agrees, and goes on."""
    place.copy(THREE)
    with chdir(place.folder):
        small.rewrite(NEWEST, lambda arrays, about: arrays["state/params/1/weight"].fill(math.nan))
    return place.main("--resume run --epochs 4")


def stops(done: str, says: str, *commands: str, **more: Any) -> Fault:
    return Fault(done, trained(*commands), 1, says, **more)


def goes_through(done: str, goes_on: str, command: str) -> Fault:
    return Fault(done, trained(command), goes_on=goes_on)


def refused(option: str, says: str) -> Fault:
    return Fault(f"`{option}`", trained(f"{DIGITS} {option} --out run"), 2, says)


LOSS = r"(?<=the loss was )[\d.]+"
WHERE = r"(?<=step )\d+|(?<=rate )\S+(?=,)|(?<=was )\w+|(?<=, and ).*(?= after it)"
HUGE = f"{SAVED} --epochs 3 --opt sgd --lr 1e38"
GOOD = "checkpoints from before are in run/checkpoints; try a lower --lr or --clip 1 or --nonfinite skip"
FAULTS = [
    stops(
        "a learning rate of 1e38",
        r"epoch 1, step 2 with learning rate 1e\+38, the loss was nan, and parameter 1/bias is not finite",
        f"{HUGE} --out run",
    ),
    stops(
        "a weight decay of 1e38",
        "the loss was inf, and parameter 1/weight is not finite",
        f"{SAVED} --opt sgd --weight-decay 1e38 --out run",
    ),
    stops(
        "a division by zero in the update (Adam, `eps=0`)",
        "step 1 .* parameter 1/weight is not finite after it; .* or --nonfinite skip",
        f"{SAVED} --set eps=0 --out run",
        varies=LOSS,
    ),
    stops(
        "the same with `--nonfinite skip`: the gradient is finite, so nothing is skipped",
        "step 1 .* parameter 1/weight is not finite after it; try a lower --lr or --clip 1$",
        f"{SAVED} --epochs 1 --set eps=0 --nonfinite skip --out run",
        varies=LOSS,
    ),
    stops(
        "a learning rate that grows by 1e15 an epoch",
        f"epoch 3, .* the loss was .* {GOOD}",
        f"{GROWING} --out run",
        varies=WHERE,
    ),
    stops(
        "the same, and `--resume` after it",
        f"epoch 3, .* the loss was .* {GOOD}",
        f"{GROWING} --out run",
        "--resume run",
        goes_on="going on after 2 epochs, step 22",
        varies=WHERE,
    ),
    stops(
        "a learning rate of 1e38 for an LSTM",
        "epoch 1, .* the loss was (inf|nan)",
        f"{SAVED} --opt sgd --lr 1e38 --model lstm --set hidden=4 --out run",
        varies=WHERE,
    ),
    Fault(
        "a weight of NaN in the newest checkpoint, its sum made anew",
        poison,
        1,
        f"epoch 4, step 34 .* the loss was nan, and .* {GOOD}",
        "going on after 3 epochs, step 33",
    ),
    goes_through(
        "a learning rate of 1e38 with `--nonfinite skip`",
        "updates skipped so far",
        f"{HUGE} --nonfinite skip --out run",
    ),
    goes_through(
        "a comparison in which every run diverges",
        "4 of 4 runs diverged",
        f"{DIGITS} --opt sgd,adam --lr 1e30,1e38 --seeds 1 --epochs 1 --width 1 --out run",
    ),
    refused("--lr nan", r"learning_rate must be in \[0, inf\), got nan"),
    refused("--lr inf", r"learning_rate must be in \[0, inf\), got inf"),
    refused("--lr 1e39", r"learning_rate must be at most 3.4e\+38"),
    refused("--weight-decay nan", "weight_decay must be in"),
    refused("--weight-decay 1e39", r"weight_decay must be at most 3.4e\+38"),
    refused("--clip nan", "max_norm must be in"),
    refused("--set b1=nan", "b1 must be in"),
]
