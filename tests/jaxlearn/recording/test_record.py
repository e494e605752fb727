"""What a run leaves behind, and what it does not."""

import hashlib
import json
import sys
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlearn import _files, data, nn, optim, recording, training
from jaxlearn.cli._folder import check_folder, claim_folder, claim_fresh_folder
from jaxlearn.recording._console import with_progress

IDENTITY = {"dataset": "digits", "model": "linear", "optimizer": "adam", "seed": 0}


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def program(digits, held_out=100, opt=None, seed=0, **options):
    train, validation = data.hold_out(digits.train, held_out)
    model = nn.sequential(nn.flatten, nn.linear(10))
    opt = opt or optim.adam(1e-2)
    splits = train, validation, digits.test
    return training.compile_run(model, opt, *splits, batch_size=64, seed=seed, **options)


def test_a_run_leaves_the_files_and_keys_it_promises(digits, tmp_path, capsys):
    folder = tmp_path / "deep" / "run"
    result, summary = recording.record_run(program(digits), folder, 3, config={"seed": 0}, about=IDENTITY)
    files = {"config.json", "metrics.jsonl", "summary.json", "curves.png", "model.safetensors", "checkpoints"}
    assert {p.name for p in folder.iterdir()} == files
    assert json.loads((folder / "config.json").read_text()).items() > {"seed": 0}.items()
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    keys = "epoch train_loss train_accuracy val_loss val_accuracy learning_rate seconds"
    assert [list(line) for line in lines] == [keys.split()] * 3
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert lines[0]["learning_rate"] == 0.01
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert set(summary) >= {"test_loss", "test_accuracy", "macro_f1", "micro_f1", "train_seconds", "version"}
    assert summary["test_accuracy"] == pytest.approx(np.trace(result.confusion) / 360, abs=1e-6)
    assert summary["test_accuracy"] > 0.85
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 3
    assert all(part in shown[1] for part in ("epoch 2/3", "loss", "val accuracy", "examples/s", "left"))


def test_a_terminal_gets_a_bar_below_the_lines(digits, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    run = program(digits)
    *_, last = with_progress(training.run_parts(run, training.Position(run.state), 2), run, 2)
    state, report = last.state, last.reports[-1]
    out = capsys.readouterr().out
    for part in ("epoch 1/2  loss", "epoch 2/2  loss", "epochs", "2/2", "examples/s", "left"):
        assert part in out
    assert (int(state.step), report.epoch) == (42, 2)


def test_without_validation_its_numbers_are_null(digits, tmp_path):
    recording.record_run(program(digits, held_out=0), tmp_path, 1, about=IDENTITY)
    line = json.loads((tmp_path / "metrics.jsonl").read_text())
    assert line["val_loss"] is None
    assert line["val_accuracy"] is None


def test_losses_that_are_not_finite_are_null(digits, tmp_path, capsys):
    run = program(digits, opt=optim.skip_nonfinite(optim.sgd(0.1)), loss=lambda *_: jnp.nan)
    _, summary = recording.record_run(run, tmp_path, 1, about=IDENTITY, nonfinite="skip")
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["train_loss"] is None
    assert summary["updates_skipped"] == 21
    assert "21 updates skipped so far" in capsys.readouterr().out


def test_same_seed_same_digest(digits):
    def digest(seed):
        *_, (state, _) = training.fit(program(digits, seed=seed), 2)
        return recording.params_digest(state.params)

    assert digest(0) == digest(0) != digest(1)


def test_params_digest_is_the_hash_of_the_bytes():
    params = {"b": np.arange(3, dtype=np.float32), "a": np.float32(7)}
    want = hashlib.sha256(params["a"].tobytes() + params["b"].tobytes()).hexdigest()
    assert recording.params_digest(params) == want
    assert recording.params_digest(jax.tree.map(jax.numpy.asarray, params)) == want


def test_a_checkpoint_holds_the_whole_state(digits, tmp_path):
    first = program(digits)
    *_, (state, _) = training.fit(first, 1)
    training.save_checkpoint(tmp_path / "1", state)
    loaded = training.load_checkpoint(tmp_path / "1", program(digits, seed=5).state)
    chex.assert_trees_all_equal(loaded._replace(key=0), state._replace(key=0))
    assert (jax.random.key_data(loaded.key) == jax.random.key_data(state.key)).all()
    # and goes on where it was
    ends = [next(training.fit(first, 2, start=each)) for each in (loaded, state)]
    chex.assert_trees_all_equal(*(after.params for after, _ in ends))


def test_folders_that_cannot_be_used_are_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="is a file; a new or empty folder is needed"):
        check_folder(tmp_path / "file")
    with pytest.raises(OSError, match="cannot be written"):
        check_folder(tmp_path / "file" / "below")
    with pytest.raises(OSError, match="cannot be written"):
        check_folder(Path("/proc/run"))
    with pytest.raises(OSError, match="is not empty"):
        check_folder(tmp_path)
    (tmp_path / "config.json").touch()
    with pytest.raises(OSError, match="holds a run already"):
        check_folder(tmp_path)
    check_folder(tmp_path / "new" / "deep")
    assert {p.name for p in tmp_path.iterdir()} == {"file", "config.json"}


def test_a_fresh_folder_counts_up(tmp_path):
    with claim_fresh_folder(tmp_path / "run") as first, claim_fresh_folder(first) as second:
        assert (first, second) == (tmp_path / "run", tmp_path / "run-2")
    assert not list(tmp_path.iterdir())  # nothing was written
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "file").touch()
    with claim_fresh_folder(tmp_path / "run") as folder:
        assert folder == tmp_path / "run-2"


def test_a_claimed_folder_is_refused(tmp_path):
    folder = tmp_path / "deep" / "run"
    message = f"{folder} is in use by another run"
    with claim_folder(folder), pytest.raises(FileExistsError, match=message):
        claim_folder(folder).__enter__()
    with claim_folder(folder):
        (folder / "config.json").touch()
    with pytest.raises(FileExistsError, match="holds a run already"):
        claim_folder(folder).__enter__()
    with claim_folder(folder, with_run=True):
        pass
    assert (folder / "config.json").exists()


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "summary.json"
    _files.write_json(path, {"a": 1})
    monkeypatch.setattr(_files.os, "replace", lambda *args: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        _files.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text there")
def test_a_folder_whose_name_is_no_text(tmp_path):
    """Names that are no UTF-8 are in Python's text as what UTF-8 has no bytes for."""
    folder = tmp_path / "no\udcfftext"
    folder.mkdir()
    state = {"weight": jnp.arange(3.0)}
    training.save_checkpoint(folder / "7", state)
    chex.assert_trees_all_equal(training.load_checkpoint(folder / "7", state), state)
    _files.write_text(folder / "report.md", f"輸出 in {folder.name}")
    assert (folder / "report.md").read_bytes() == "輸出 in no\\udcfftext".encode()
