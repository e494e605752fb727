"""A `config.json` with anything in it: a run goes on, or it is refused in a line; no word of it is run."""

import io
import json
import os
import shlex
import shutil
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random

import pytest

from jaxlearn import recording
from jaxlearn._files import write_signed
from jaxlearn.cli import _main, _single
from jaxlearn.cli._difference import first_difference
from jaxlearn.recording import _record
from tests.command import run
from tests.jaxlearn import fuzz
from tests.jaxlearn.sample import small_first

RUNS = "__import__('os').system('touch made')"  # a word that would be seen if it were evaluated
LIKELY = {
    "--opt": ["adam", "sgd", "sgd,adam", "adam,adam", "soap", "lion,", f"adam,{RUNS}"],
    "--model": ["mlp", "softmax", "mlp,cnn", "lstm", "resnet"],
    "--dataset": ["digits", "auto", "mnist", "tfds:x", RUNS],
    "--data-dir": [".", "/dev/zero", "$(touch made)"],
    "--lr": ["1e-3", "nan", "1e999", "1e-4:1:9", "1e-4:1:100000000", "1e-3,0.1", "search:3", "search:x"],
    "--schedule": ["cosine", "cosine:warmup=9", "step:epochs=0", "cosine:end=1e400", f"step:{RUNS}"],
    "--set": ["b1=0.9,0.95", "b1=1e-4:1:9", "hidden=5", "hidden=-5", "layers=9", "stages=9999", f"b1={RUNS}"],
    "--weight-decay": ["0", "0.1", "inf", "nan"],
    "--clip": ["1", "0", "-1", "nan"],
    "--nonfinite": ["skip", "stop"],
    "--save-every": ["30s", "1epochs", "7steps", "0s", "1e999s"],
    "--device": ["cpu", "tpu", "auto"],
    "--max-memory": ["2GB", "-1GB", "1e999GB", RUNS],
    "--function": ["saddle", "beale", RUNS],
    "--target": ["0.9", "nan"],
    **{f"--{name}": ["1", "0", "2", "100000", "4294967296", "9" * 5000, "-1", "٣"]
       for name in ("epochs", "batch-size", "validation", "seed", "seeds", "keep", "width", "steps")},
    **{f"--{name}": [".", "run", "/", "`touch made`"] for name in ("out", "resume", "eval", "predict")},
}  # fmt: skip
OPTIONS = [*LIKELY, "--list", "-h", "-hh", "--he", "--", "-x", "@train.py", "--opt=lion", ";touch made"]
VALUES = [value for values in LIKELY.values() for value in values] + fuzz.WORDS
HOSTILE = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "pickle.find_class",
    "compile",
}


def command(random):
    words = []
    for _ in range(random.choice([0, 1, 1, 2, 3, 6])):
        option = random.choice(list(LIKELY))
        words += [option, random.choice(LIKELY[option])]
    if random.random() < 0.4:
        at = random.randrange(len(words) + 1)
        words[at : at + random.randrange(3)] = [random.choice(OPTIONS), random.choice(VALUES)]
    join = random.choice([shlex.join, shlex.join, shlex.join, " ".join])
    start = random.choice(["python train.py "] * 9 + ["", "python ", "a b c "])
    return start + join(words) + random.choice([""] * 30 + ["'", '"', "\\", "\n#", " x" * 100_000])


def write(path, content):
    """As somebody might who knows how its sum is made, or without one."""
    if isinstance(content, dict):
        write_signed(path, content)
    else:
        path.write_text(json.dumps(content))


def write_strange(random, path, config):
    fuzz.strange(random, path)


def write_long(random, path, config):
    size = random.choice([2**20, 2**23, 2**25])
    if random.random() < 0.5:
        more = random.choice([" x", " --lr 1"])
        write(path, config | {"command": config["command"] + more * (size // len(more))})
    else:
        path.write_bytes(random.choice([b"[", b" ", b'{"a":']) * size)


def write_changed(random, path, config):
    for _ in range(random.choice([1, 1, 2, 4])):
        config = fuzz.change(random, config)
    write(path, config)


def write_command(random, path, config):
    write(path, config | {"command": command(random)})


def write_spoilt(random, path, config):
    path.write_bytes(fuzz.spoil(random, json.dumps(config).encode()))


def write_anything(random, path, config):
    write(path, random.choice([fuzz.value, fuzz.value, fuzz.deep])(random))


WAYS = {
    write_changed: 30,
    write_command: 40,
    write_spoilt: 20,
    write_anything: 7,
    write_strange: 2.9,
    write_long: 0.1,
}


def spoil(random, path, config):
    """Writes some `config.json` in the place of the one that was."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    random.choices(list(WAYS), WAYS.values())[0](random, path, config)


def resume(folder):
    """Status and lines of `train.py --resume`, which must end soon."""
    errors = io.StringIO()
    with redirect_stderr(errors), redirect_stdout(io.StringIO()), fuzz.within(10):
        status = run("--resume", folder)
    lines = errors.getvalue().splitlines()
    assert len(lines) in {0: (0, 1), 1: (1, 2), 2: (1, 2)}[status], lines
    for line in lines:
        assert line.startswith("train.py: ")
        assert len(line) < 10_000
    return status, lines


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run with a checkpoint, and its configuration."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    with redirect_stdout(io.StringIO()):
        options = ["--dataset", "digits", "--model", "softmax", "--epochs", 1, "--out", folder]
        assert run(*options, "--schedule", "cosine:warmup=0.5") == 0
    return folder, recording.read_config(folder)[0]


@pytest.fixture
def hostile():
    """Events that show that something was run or evaluated."""
    seen = []

    def watch(event, arguments):
        if event in HOSTILE:
            seen.append((event, arguments))

    with fuzz.hooked(watch):
        yield seen


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes files that are none")
@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize("inputs", small_first(200, 100_000))
def test_a_config_is_taken_or_refused_in_a_line(inputs, trained, hostile, monkeypatch):
    folder, config = trained
    began = []  # runs and comparisons that would have begun
    for name in ("run_one", "run_comparison", "run_function"):
        monkeypatch.setattr(_main, name, lambda *arguments: began.append(arguments))
    outcomes, most = Counter(), 0
    for number in range(inputs):
        random = Random(number)
        with fuzz.number(number):
            spoil(random, folder / "config.json", config)
            began.clear()
            status, lines = resume(folder)
            assert bool(began) == (status == 0)
            told, _ = recording.read_config(folder)  # a checkpoint tells where the file does not
            different = first_difference(told, config)
            assert different is None or (len(different.splitlines()) == 1 and len(different) < 1000)
        outcomes[status, len(lines)] += 1
        if number == inputs // 10:
            before = fuzz.memory()
        most = max(most, fuzz.memory())
    assert min(outcomes[0, 0], outcomes[0, 1], outcomes[1, 1] + outcomes[2, 1]) > inputs / 50
    assert fuzz.memory() - before < 100e6
    assert most - before < 500e6
    assert hostile == []
    assert not list(Path().iterdir())


@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize("inputs", small_first(40, 1000))
def test_with_another_config_a_run_ends_as_it_did_or_is_refused(inputs, trained, monkeypatch):
    """As above, all the way through a run that has nothing left to train."""
    folder, config = trained
    digest = json.loads((folder / "summary.json").read_text())["params_digest"]
    kept = {}

    def once(name, make):
        return lambda *arguments: kept[name] if name in kept else kept.setdefault(name, make(*arguments))

    for name in ("load_data", "compile_program"):
        monkeypatch.setattr(_single, name, once(name, getattr(_single, name)))
    monkeypatch.setattr(_record, "plot_curves", lambda *_: None)
    write(folder / "config.json", config)
    assert resume(folder) == (0, [])
    outcomes = Counter()
    for number in range(inputs):
        with fuzz.number(number):
            write(folder / "config.json", fuzz.change(Random(number), config))
            (folder / "summary.json").unlink(missing_ok=True)
            status, lines = resume(folder)
            assert len(lines) == bool(status)
            assert (folder / "summary.json").exists() == (status == 0)
            if status == 0:
                assert json.loads((folder / "summary.json").read_text())["params_digest"] == digest
                assert json.loads((folder / "config.json").read_text())["hyperparameters"]
        outcomes[status] += 1
    assert min(outcomes[0], outcomes[1] + outcomes[2]) > inputs / 50
