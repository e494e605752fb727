"""A fault, and what must hold whatever it is."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import PIL.Image

from jaxlearn._store import read_arrays
from tests.faults.bench import Act, Ended, Place

STOPPING = "stopping after this update; once more stops at once"
LONGEST = 250  # characters of a line in the table
JSON = "(?<=cut short: )(?!it ).*?(?=;|$)"  # what Python says of it, in every version in other words
PLACES = {"run", "runs", "kept", "moved-run", "prepared"}  # where a command may write


class Fault(NamedTuple):
    """What is done, and how it must end.

    Attributes:
      done: what is done, as the table tells it.
      act: does it.
      status: of the process.
      says: what the last line of stderr must hold, a regular expression; nothing: there is no line.
      goes_on: what the output must hold, such as where a run goes on.
      same: the command line of an undisturbed run or comparison whose numbers must come out, after
        `--resume` where the command did not get to the end.
      lines: of stderr that tell what is wrong.
      varies: a regular expression for what the last line has otherwise every time.
      torn: whether it ends so soon that `.name.new` may stay and nothing need be said.
    """

    done: str
    act: Act
    status: int = 0
    says: str = ""
    goes_on: str = ""
    same: str = ""
    lines: int = 1
    varies: str = ""
    torn: bool = False


def try_out(fault: Fault, place: Place) -> tuple[str, list[str]]:
    """Does it. Returns what happened, as the table tells it, and everything that ought not to have."""
    ended = fault.act(place)
    wrong = [*wrong_end(fault, ended), *half_written(fault, place), *lost(ended, place), *strayed(place)]
    happened = f"exit {ended.status}"
    last = (ended.err.splitlines() or [""])[-1]
    if fault.says:
        happened += f": {code(shorten(place, last, fault.varies))}"
    if fault.goes_on:
        happened += f"; {code(found(fault.goes_on, ended.out))}"
    if fault.same:
        wrong += other_numbers(fault, ended, place)
        again = "after `--resume` the" if ended.status else "the"
        happened += f"; {again} numbers of an undisturbed run"
    return happened, wrong


def wrong_end(fault: Fault, ended: Ended) -> Iterator[str]:
    lines = [line for line in ended.err.splitlines() if line != STOPPING]
    said = lines[-1] if lines else ""
    if ended.status != fault.status:
        yield f"exit status {ended.status}, not {fault.status}"
    if "Traceback" in ended.out + ended.err:
        yield "a traceback"
    if strange := [line for line in lines if not line.startswith("train.py: ")]:
        yield f"stderr has {len(strange)} lines of something else, such as {strange[0]!r}"
    if not fault.torn and len(lines) != (fault.lines if fault.says else 0):
        yield f"{len(lines)} lines on stderr"
    if not re.search(fault.says, said):
        yield f"the last line does not say {fault.says!r}"
    if not re.search(fault.goes_on, ended.out):
        yield f"the output does not say {fault.goes_on!r}"


def half_written(fault: Fault, place: Place) -> Iterator[str]:
    """Everything that the command has written is there whole."""
    assert place.before
    now, old = place.contents(), set(place.before.files.values())
    for name, digest in now.files.items():
        path = place.folder / name
        if digest in old:
            continue
        if re.search(r"(^|/)\.[^/]*\.new(/|$)", name):
            if not fault.torn and not name.startswith("moved-run/"):  # while it was written, say
                yield f"{name} is left"
        elif not can_be_read(path):
            yield f"{name} is half written"


def can_be_read(path: Path) -> bool:
    readers: dict[str, Callable[[str], object]] = {
        ".json": json.loads,
        ".jsonl": lambda text: [json.loads(line) for line in text.splitlines()],
        ".html": lambda text: text.index("</html>"),
        ".csv": lambda text: list(zip(*csv.reader(text.splitlines()), strict=True)),
    }
    try:
        if path.suffix == ".png":
            PIL.Image.open(io.BytesIO(path.read_bytes())).load()
        elif path.suffix == ".safetensors":
            read_arrays(path)
        elif path.suffix in readers:
            readers[path.suffix](path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        return False
    return True


def lost(ended: Ended, place: Place) -> Iterator[str]:
    """What could be read before still can: a command that is refused changes nothing at all."""
    before, now = place.before, place.contents()
    assert before
    begun = re.search("going on after|from the beginning|^comparing", ended.out, re.MULTILINE)
    refused = ended.status == 2 or (ended.status and before.files and not begun)  # 2 is always a refusal
    if refused and now != before:
        changed = sorted({*dict(before.files.items() ^ now.files.items()), *before.folders ^ now.folders})
        yield f"it was refused, but {', '.join(changed[:3])} changed"
    for name, digest in before.files.items():
        if "sweeps" in Path(name).parts and now.files.get(name) != digest:
            yield f"{name} is lost"
    for name in before.checkpoints & now.checkpoints:  # elsewhere, if something was wrong with it
        if before.files[name] not in now.files.values():
            yield f"{name} was overwritten"
    if before.checkpoints and not now.checkpoints and place.run.exists():
        yield "no checkpoint can be read any more"


def strayed(place: Place) -> Iterator[str]:
    """Nothing is written but where it was asked for."""
    assert place.before
    for name in place.contents().files.keys() - place.before.files.keys():
        if Path(name).parts[0] not in PLACES:
            yield f"{name} has been written"


def other_numbers(fault: Fault, ended: Ended, place: Place) -> Iterator[str]:
    if ended.status:
        name = str(place.run.relative_to(place.folder))
        again = (place.process if "," in fault.same else place.main)("--resume", name)
        if (again.status, again.err) != (0, ""):
            yield f"it did not go on: exit {again.status}, {again.err}"
            return
        yield from half_written(fault._replace(torn=False), place)
    if numbers(place.run) != numbers(place.bench.undisturbed(fault.same)):
        yield "the numbers are not those of an undisturbed run"


def numbers(folder: Path) -> bytes | str:
    table = folder / "results.csv"
    if table.exists():
        return table.read_bytes()
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))["params_digest"]


def found(pattern: str, output: str) -> str:
    """What a pattern finds in the output."""
    match = re.search(pattern, output)
    return match[0] if match else ""


def shorten(place: Place, line: str, varies: str) -> str:
    """A line without what is different every time, and not too long."""
    line = line.replace(str(place.folder), "DIR").removeprefix("train.py: ")
    line = re.sub(r"\b[0-9a-f]{32}\b", "HASH", line)
    line = re.sub(rf"{JSON}|{varies}" if varies else JSON, "...", line)
    return line if len(line) <= LONGEST else line[:LONGEST] + "..."


def code(text: str) -> str:
    return "`" + text.replace("`", "'") + "`"


def row(group: str, done: str, happened: str) -> str:
    """A row of a table of Markdown."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (group, done, happened)) + " |"
