"""What a trained model makes of test examples or of image files."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxlearn
from jaxlearn import data, report, training
from jaxlearn._files import CheckpointError, to_json

from ._arguments import App
from ._build import load_dataset
from ._config import RunConfig, from_json
from ._process import pick_devices, pick_precision
from ._single import print_scores
from ._terminal import pick, print_table, usage

FULL = {"digits", "fashion_mnist"}  # examples of these fill their images, those of MNIST 20 of 28 pixels


def use_saved(app: App, args: argparse.Namespace) -> None:
    """--eval and --predict: what a trained model makes of test examples or of image files."""
    pick_devices(getattr(args, "device", "auto"))
    pick_precision(getattr(args, "precision", None))
    try:
        saved = jaxlearn.load(args.eval)
    except ValueError as error:
        raise CheckpointError(str(error)) from None
    folder = args.out or (args.eval if args.eval.is_dir() else args.eval.parent)
    config = from_json(saved.config, f"the model in {args.eval}")
    if not isinstance(config, RunConfig):
        raise CheckpointError(f"the model in {args.eval} is that of a comparison, not of a run")
    with usage(f"--eval {args.eval}"):
        model = pick("--eval", config.model, app.models)(config.classes, **config.sizes)
    if args.predict:
        box = 1 if config.dataset in FULL else 20 / 28
        predict_files(args, folder, partial(training.predict, model, saved.params, saved.model_state),
                      partial(data.read_picture, shape=config.shape, box=box),
                      f"{config.dataset}, {config.model}")  # fmt: skip
        return
    name, data_dir = getattr(args, "dataset", "auto"), getattr(args, "data_dir", None)
    name, data_dir = (config.dataset, data_dir or config.data_dir) if name == "auto" else (name, data_dir)
    test = load_dataset(name, data_dir).test
    with usage(f"--eval {args.eval}"):
        score = jax.jit(partial(training.evaluate, model))
        print_scores(score(saved.params, saved.model_state, *test))
        answers = training.predict(model, saved.params, saved.model_state, test.images)
    folder.mkdir(parents=True, exist_ok=True)
    report.plot_mistakes(folder / "mistakes.png", *test, answers, f"{name}, {config.model}")
    print(f"\nmistakes in {folder / 'mistakes.png'}")


def predict_files(
    args: argparse.Namespace,
    folder: Path,
    predict: Callable[[np.ndarray], np.ndarray],
    read: Callable[[Path], data.Picture],
    title: str,
) -> None:
    pictures = [read(path) for path in args.predict]
    images = np.stack([picture.image for picture in pictures])
    answers, seen = predict(images), folder / "seen.png"
    folder.mkdir(parents=True, exist_ok=True)
    report.plot_answers(seen, images, [path.name for path in args.predict], answers, title)
    rows = [describe_answer(*row) for row in zip(args.predict, pictures, answers, strict=True)]
    if args.format == "json":
        print(to_json({"seen": str(seen), "answers": rows}))
        return
    print_table([_as_text(row) for row in rows])
    print(f"\nwhat the model saw in {seen}")


def describe_answer(path: Path, picture: data.Picture, probabilities: np.ndarray) -> dict[str, Any]:
    best = int(probabilities.argmax())
    return {
        "file": str(path),
        "class": best,
        "probability": float(probabilities[best]),
        "inverted": picture.inverted,
        "probabilities": probabilities.tolist(),
    }


def _as_text(row: dict[str, Any]) -> dict[str, str]:
    second = int(np.argsort([-chance for chance in row["probabilities"]])[1])
    return {
        "file": row["file"],
        "class": str(row["class"]),
        "probability": f"{row['probability']:.4f}",
        "next": f"{second} ({row['probabilities'][second]:.4f})",
        "read as": "bright on dark" + (", inverted" if row["inverted"] else ""),
    }
