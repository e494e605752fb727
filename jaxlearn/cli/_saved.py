"""What a trained model makes of test examples or of image files."""

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxlearn
from jaxlearn import data, training
from jaxlearn._files import to_json
from jaxlearn.nn import Layer

from ._choice import load_data
from ._process import pick_devices, pick_precision
from ._single import print_scores
from ._terminal import pick, print_table, usage

FULL = {"digits", "fashion_mnist"}  # examples of these fill their images, those of MNIST 20 of 28 pixels


def use_saved(args: argparse.Namespace, models: Mapping[str, Callable[..., Layer]]) -> None:
    """--eval and --predict: what a trained model makes of test examples or of image files."""
    pick_devices(args.device)
    pick_precision(args.precision)
    try:
        saved = jaxlearn.load(args.eval)
    except ValueError as error:
        raise training.CheckpointError(str(error)) from None
    folder = args.out or (args.eval if args.eval.is_dir() else args.eval.parent)
    try:
        name, sizes, classes, shape, dataset = (
            saved.config[key] for key in ("model", "sizes", "classes", "shape", "dataset")
        )
    except KeyError as missing:
        raise data.DataError(
            f"{args.eval} was not saved by {args.prog}: its config has no {missing}"
        ) from None
    with usage(f"--eval {args.eval}"):
        model = pick("--eval", name, models)(classes, **sizes)
    if args.predict:
        predict_files(args, folder, partial(training.predict, model, saved.params, saved.model_state),
                      partial(data.read_picture, shape=tuple(shape), box=1 if dataset in FULL else 20 / 28),
                      f"{dataset}, {name}")  # fmt: skip
        return
    if args.dataset == "auto":
        args.dataset, args.data_dir = dataset, args.data_dir or saved.config.get("data_dir")
    test = load_data(args)[0].test
    with usage(f"--eval {args.eval}"):
        score = jax.jit(partial(training.evaluate, model))
        print_scores(score(saved.params, saved.model_state, *test))
        answers = training.predict(model, saved.params, saved.model_state, test.images)
    folder.mkdir(parents=True, exist_ok=True)
    training.plot_mistakes(folder / "mistakes.png", *test, answers, f"{args.dataset}, {name}")
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
    training.plot_answers(seen, images, [path.name for path in args.predict], answers, title)
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
