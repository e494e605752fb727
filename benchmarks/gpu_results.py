"""Measures what `gpu.py` says: `python -m benchmarks.run FOLDER --device gpu` writes RESULTS-gpu.md."""

import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import machine
from .gpu import COMPILED, EAGER, SECTIONS, Row, Work, missing_torch
from .measured import Failed, tell
from .peer import ROOT
from .problem import written_problems
from .tables import heading, line, write_readme

RESULTS = ROOT / "benchmarks" / "RESULTS-gpu.md"
REHEARSAL = {  # of every section a little, for a CPU
    "device": "cpu", "seeds": 2, "target": 0.5, "epochs": 1, "classifier": "mlp", "examples": 5120,
    "models": ("mlp",), "batches": (256,), "rates": 2, "grid_seeds": 2, "parameters": (100_000,),
    "updates": 5, "precise": ("mlp",),
}  # fmt: skip


class Done(NamedTuple):
    """What a section came to.

    Attributes:
      lines: of the results.
      header, rows: the table's, as far as it was measured.
      complete: every number of jaxlearn is there.
    """

    lines: list[str]
    header: Sequence[str]
    rows: list[Row]
    complete: bool


def measure_section(name: str, work: Work) -> Done:
    """Prints each line as soon as it is known."""
    began = time.perf_counter()
    lines: list[str] = []
    header: Sequence[str] = ()
    rows: list[Row] = []
    complete = True

    def say(*more: str) -> None:
        lines.extend(more)
        print(*more, sep="\n", flush=True)

    try:
        section = SECTIONS[name](work)
        header = section.header
        say(f"## {section.title}", "", section.about, "", *heading(header))
        for row in section.rows:
            rows.append(row)
            say(line(row))
        complete = not any(
            isinstance(cell, Failed) and title not in (EAGER, COMPILED)
            for row in rows for title, cell in zip(header, row, strict=True)
        )  # fmt: skip
    except Exception as error:  # whatever it is, the other sections can be measured
        traceback.print_exc()
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        tell(f"the section {name} failed: {reason}")
        say("", f"The section {name} failed: {reason}")
        complete = False
    say("", f"Measured in {time.perf_counter() - began:.0f} s.", "")
    return Done(lines, header, rows, complete)


def readme_lines(about: str, done: Mapping[str, Done]) -> list[str]:
    """The medians of a few rows."""

    def median(cell: str | Failed) -> str:
        return str(cell).partition(" (")[0]

    lines = [about, "", f"| work | jaxlearn | {EAGER} | {COMPILED} |", "|---|--:|--:|--:|"]
    for model, batch, ours, eager, _, compiled, *_ in done["examples"].rows:
        medians = map(median, (ours, eager, compiled))
        lines.append(line([f"{model}, batch {batch}, images a second", *medians]))
    for parameters, _, ours, *_, eager, _ in done["adam"].rows:
        lines.append(line([f"Adam, {parameters} parameters, GB/s", median(ours), median(eager), ""]))
    for _, _, longer, _ in done["grid"].rows:
        runs = done["grid"].header[0]
        lines.append(line([f"MLP, {runs} as one program, times as long as one run", longer, "", ""]))
    return lines


def results(device: Any, repeats: int, seconds: float, done: Mapping[str, Done]) -> str:
    import jax

    version = " ".join(device.client.platform_version.split())
    precision = jax.config.jax_default_matmul_precision or "default"
    sections = "\n".join(text for section in done.values() for text in section.lines)
    return f"""# Benchmarks on a GPU

Made by `make bench ARGS="--device gpu"` in {seconds:.0f} s. {device.device_kind}, driver
{machine.gpu_driver()}, {version}; {machine.describe()}
Each time and rate is the median of n = {repeats} (least to largest) unless told otherwise, taken in turn in
one run; a ratio is that of the medians, above 1 where jaxlearn, or bfloat16, is faster. Data are on the
device before, and it has finished when the time is taken. Precision of products of float32 numbers: JAX's
`{precision}`, in PyTorch `high`; where the device has TF32, both `default` and `high` use it. PyTorch: fused
Adam, channels last, cuDNN's fastest convolutions; torch.compile with `mode="reduce-overhead"`, which replays
CUDA graphs.

{sections.rstrip()}
"""


def main(mnist: Path, rows: str | None, repeats: int, rehearse: bool = False) -> None:
    """Measures, and writes the results unless only some rows are asked for, or a rehearsal; ends here without
    a GPU. The exit status is 1 where a section failed or a number of jaxlearn is missing."""
    from jaxlearn.cli._process import pick_devices
    from jaxlearn.cli._terminal import UsageError, pick

    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the peers share its memory
    chosen = rows.split(",") if rows else list(SECTIONS)
    try:
        device = pick_devices("cpu" if rehearse else "gpu")[0]
        for name in chosen:
            pick("--rows", name, SECTIONS)
    except (OSError, UsageError) as error:
        sys.exit(f"benchmarks.run: {error}")
    began = time.perf_counter()
    with written_problems(mnist) as folder:
        work = Work(folder, repeats=repeats)._replace(**REHEARSAL if rehearse else {})
        if missing := missing_torch(work.device):
            tell(missing)
        done = {name: measure_section(name, work) for name in chosen}
    seconds = time.perf_counter() - began
    print(f"All of it in {seconds:.0f} s.")
    if not (rows or rehearse):
        RESULTS.write_text(results(device, repeats, seconds, done), encoding="utf-8")
        versions = ", ".join(f"{name} {machine.version(name)}" for name in ("jax", "torch"))
        about = f"One {device.device_kind}, {versions}; medians of n = {repeats}:"
        if not write_readme("gpu benchmarks", readme_lines(about, done)):
            tell("README.md has no marks for the table of a GPU")
    if not all(section.complete for section in done.values()):
        sys.exit(1)
