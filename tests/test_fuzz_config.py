"""A `config.json` with anything in it: a run goes on with it, or is refused in a line; no word of it is run."""

import json
import shlex
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from jaxlearn import cli, training
from tests.jaxlearn import fuzz
from tests.jaxlearn.slow import every
from tests.test_train import run

OPTIONS = "opt model dataset data-dir epochs batch-size validation lr schedule weight-decay clip set seed device"
OPTIONS += " out resume save-every keep nonfinite eval predict seeds target max-memory width function steps list"
OPTIONS = [f"--{name}" for name in OPTIONS.split()] + ["-h", "-hh", "--he", "--", "-x", "@train.py", "--opt=lion"]
RUNS = "__import__('os').system('touch made')"  # a word that would be seen if it were evaluated
VALUES = ["adam", "sgd,adam", "adam,adam", "softmax", "mlp,cnn", "digits", "auto", "tfds:x", "1", "0", "-1", "2", "3"]
VALUES += ["1e-3", "nan", "inf", "1e999", "9" * 5000, "1e-4:1:9", "1e-4:1:100000000", "1e-3,0.1", "search:3", "search:x"]
VALUES += ["cosine", "cosine:warmup=9", "step:epochs=0", "b1=0.9,0.95", "hidden=5", "hidden=-5", "layers=100000000"]
VALUES += ["30s", "1epochs", "cpu", "tpu", "skip", "2GB", "saddle", "/dev/zero", "x" * 10_000, "٣", "\x1b[2J"]
VALUES += [RUNS, f"b1={RUNS}", "$(touch made)", "`touch made`", ";touch made", f"cosine:end={RUNS}", *fuzz.WORDS]
HOSTILE = {"os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "pickle.find_class", "compile"}


def command(random):
    words = []
    for _ in range(random.choice([0, 1, 1, 2, 3, 6])):
        words += [random.choice(OPTIONS)] * (random.random() < 0.95)
        words += [random.choice(VALUES)] * (random.random() < 0.9)
    join = random.choice([shlex.join, " ".join])
    start = random.choice(["python train.py "] * 8 + ["", "python ", "a b c "])
    return start + join(words) + random.choice([""] * 8 + ["'", '"', "\\", "\n#", " x" * 100_000])


def write_strange(random, path, config):
    fuzz.strange(random, path)


def write_long(random, path, config):
    size = random.choice([2**20, 2**24, 2**25])
    if random.random() < 0.5:
        config = config | {"command": config["command"] + " x" * (size // 2)}
        path.write_text(json.dumps(config))
    else:
        path.write_bytes(random.choice([b"[", b" ", b'{"a":']) * size)


def write_changed(random, path, config):
    for _ in range(random.choice([1, 1, 2, 4])):
        config = fuzz.change(random, config)
    path.write_text(json.dumps(config))


def write_command(random, path, config):
    path.write_text(json.dumps(config | {"command": command(random)}))


def write_spoilt(random, path, config):
    path.write_bytes(fuzz.spoil(random, json.dumps(config).encode()))


def write_anything(random, path, config):
    path.write_text(json.dumps(random.choice([fuzz.value, fuzz.value, lambda r: fuzz.deep(r)])(random)))


WAYS = {write_changed: 30, write_command: 40, write_spoilt: 20, write_anything: 7, write_strange: 2.9, write_long: 0.1}
