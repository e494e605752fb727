"""Trains a model with an optimizer: `python train.py --opt adam`. See --help and --list."""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # importing takes a second, and Ctrl-C ends that, too

from jaxlearn import cli
from models import MODELS
from optimizers import OPTIMIZERS


def main(argv: list[str] | None = None) -> int:
    return cli.main(MODELS, OPTIMIZERS, argv, prog="train.py")


if __name__ == "__main__":
    main()
