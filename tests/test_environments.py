"""Which Python makes an environment, and when it is made again: with Pythons that only note what they do."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
SUPPORTED = [
    version
    for classifier in PROJECT["classifiers"]
    if re.fullmatch(r"3\.\d+", version := classifier.rpartition(" :: ")[2])
]
TOOLS = "bash cat dirname grep head ls make mv rm sed sh sort tail touch tr".split()

# answers a program as a Python of that version would; notes everything else; makes environments of itself
PYTHON = """#!{real} -S
import os, platform, shutil, sys
from pathlib import Path

name, args = Path(sys.argv[0]).name, sys.argv[1:]
if args[:1] == ["-c"]:
    sys.argv = ["-c", *args[2:]]
    sys.base_prefix = "/python/{version}"
    sys.abiflags = "{abiflags}"
    sys.version_info = {info}
    platform.python_version = lambda: "{version}"
    platform.python_implementation = lambda: "{implementation}"
    sys.modules["jax"] = type(sys)("jax")
    sys.modules["jax"].__version__ = sys.version = "{version}"
    exec(args[1])
else:
    with Path("{calls}").open("a") as calls:
        print("{version}", *([name] if name in ("ruff", "mypy") else []), *args, file=calls)
    if args[:3] == ["-m", "venv", "--clear"]:
        folder = Path(args[3])
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "bin").mkdir(parents=True)
        for name in "python", "ruff", "mypy":
            shutil.copy(__file__, folder / "bin" / name)
    if os.environ.get("CUT_OFF", "nothing") in " ".join(args):
        sys.exit(1)
"""


class Project:
    """A copy of what makes environments, and a PATH of its own without any Python."""

    def __init__(self, folder):
        self.folder, self.path, self.calls = folder / "project", folder / "path", folder / "calls"
        self.path.mkdir()
        shutil.copytree(ROOT / ".ci", self.folder / ".ci")
        for name in "Makefile", "pyproject.toml", "constraints.txt":
            shutil.copy(ROOT / name, self.folder)
        for tool in TOOLS:
            (self.path / tool).symlink_to(shutil.which(tool))

    def script(self, path, text):
        """A program on the PATH, or at a path of its own."""
        path = self.path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def python(self, version, path="python3", implementation="CPython", abiflags=""):
        """An interpreter that says it is of this version."""
        info = tuple(int(part) for part in version.split("."))
        real = os.path.realpath(sys.executable)
        self.script(path, PYTHON.format(**locals(), calls=self.calls))

    def shim(self, path):
        """An interpreter that refuses, as pyenv's do."""
        self.script(path, f"#!/bin/sh\necho 'pyenv: {path}: command not found\n\nhelp' >&2\nexit 127\n")

    def run(self, *command, **environment):
        result = subprocess.run(
            command,
            cwd=self.folder,
            env={"PATH": str(self.path), "LC_ALL": "C", **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.output, self.errors = result.stdout, result.stderr.splitlines()
        self.log = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return result.returncode

    def make(self, *arguments, **environment):
        """What the interpreters were asked to do: environments made, extras installed, commands run."""
        self.code = self.run("make", *arguments, **environment)
        return [_short(call) for call in self.log]


def _short(call):
    version, *args = call.split()
    match args:
        case "-m", "venv", "--clear", folder:
            return f"{version} makes {folder}"
        case "-m", "pip", "install", *_, what:
            return f"{version} installs {what}"
        case "-m", module, *_:
            return f"{version} runs {module}"
        case command, *_:
            return f"{version} runs {command}"


@pytest.fixture
def project(tmp_path):
    if not shutil.which("make"):
        pytest.skip("needs make")
    return Project(tmp_path)


MADE = ["3.11.7 makes .venv", "3.11.7 installs .[train]", "3.11.7 runs train.py"]


@pytest.fixture
def trained(project):
    """After `make train`."""
    project.python("3.11.7")
    assert project.make("train") == MADE
    return project


def test_an_environment_is_made_once(trained):
    assert trained.make("train") == ["3.11.7 runs train.py"]
    assert trained.make("test") == ["3.11.7 installs .[test]", "3.11.7 runs pytest"]
    assert trained.make("test") == ["3.11.7 runs pytest"]
    assert trained.make("train") == ["3.11.7 runs train.py"]


def test_the_tests_need_what_train_needs(project):
    project.python("3.11.7")
    assert project.make("test") == ["3.11.7 makes .venv", "3.11.7 installs .[test]", "3.11.7 runs pytest"]
    assert project.make("train") == ["3.11.7 runs train.py"]


def test_another_version_makes_it_again(trained):
    trained.python("3.13.0", "python3.13")
    assert trained.make("train", "PYTHON=python3.13") == [call.replace("3.11.7", "3.13.0") for call in MADE]
    assert trained.make("train", "PYTHON=python3.13") == ["3.13.0 runs train.py"]
    assert trained.make("train") == MADE


def test_a_newer_patch_makes_it_again(trained):
    trained.python("3.11.8")
    assert trained.make("train") == [call.replace("3.11.7", "3.11.8") for call in MADE]


def test_the_environments_own_python_makes_nothing_again(trained):
    """With the environment activated, `python3` is the environment's."""
    assert trained.make("train", "PYTHON=.venv/bin/python") == ["3.11.7 runs train.py"]


def test_another_folder_makes_it_again(trained):
    """An editable install leads to the folder that it was made in."""
    trained.folder = trained.folder.rename(trained.folder.with_name("elsewhere"))
    assert trained.make("train") == MADE


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_other_requirements_are_installed_into_it(trained, name):
    later = (trained.folder / ".venv" / "train").stat().st_mtime + 10
    os.utime(trained.folder / name, (later, later))
    assert trained.make("train") == ["3.11.7 installs .[train]", "3.11.7 runs train.py"]


@pytest.mark.parametrize("moment", ["venv", "install"])
def test_what_was_cut_off_is_made_again(project, moment):
    project.python("3.11.7")
    assert project.make("train", CUT_OFF=moment) == MADE[: 1 + (moment == "install")]
    assert project.code != 0
    assert project.make("train") == MADE


def test_an_environment_whose_second_install_was_cut_off_is_made_again(trained):
    assert trained.make("test", CUT_OFF="install") == ["3.11.7 installs .[test]"]
    assert trained.make("train") == MADE


def test_an_environment_of_unknown_origin_is_made_again(project):
    project.python("3.11.7")
    project.script(project.folder / ".venv" / "bin" / "python", "#!/bin/sh\necho never used\n")
    assert project.make("train") == MADE


@pytest.mark.parametrize("target", ["train", "test", "bench", "lint", "test-newest"])
def test_an_old_python_is_refused_in_one_line(trained, target):
    trained.python("3.10.13", "python3.10")
    assert trained.make(target, "PYTHON=python3.10") == []
    refusal, *others = trained.errors
    assert refusal == (
        "PYTHON=python3.10 is CPython 3.10.13 in /python/3.10.13: jaxlearn needs Python 3.11 or newer"
    )
    assert all(line.startswith("make") for line in others)
    assert trained.code != 0
    assert trained.make("train") == ["3.11.7 runs train.py"]


def test_a_python_that_refuses_to_run_is_refused_in_one_line(trained):
    trained.shim("python3.13")
    assert trained.make("train", "PYTHON=python3.13") == []
    assert trained.errors[0] == (
        "PYTHON=python3.13 is no Python that runs (pyenv: python3.13: command not found):"
        " jaxlearn needs Python 3.11 or newer"
    )
    assert all(line.startswith("make") for line in trained.errors[1:])
    assert trained.code != 0


def test_a_python_that_is_not_there_is_refused_in_one_line(project):
    assert project.make("train") == []
    assert re.fullmatch(r"PYTHON=python3 is no Python that runs \(.*\): .*3\.11 or newer", project.errors[0])
    assert all(line.startswith("make") for line in project.errors[1:])
    assert not (project.folder / ".venv").exists()


def newest(project):
    assert project.run(".ci/newest-python") == 0
    return project.output.strip()


def test_the_newest_python_is_found_by_running_them(project):
    project.python("3.11.7")
    assert newest(project) == "python3"
    project.python("3.12.1", "python3.12")
    assert newest(project) == "python3.12"
    project.shim("python3.13")
    assert newest(project) == "python3.12"
    project.script("pyenv", f"#!/bin/sh\necho '{project.folder}/py env'\n")
    at = str(project.folder / "py env" / "versions" / "{}" / "bin" / "python3")
    project.python("3.13.9", at.format("3.13.9"))
    project.python("3.13.10", at.format("3.13.10"))
    project.python("3.10.13", at.format("3.10.13"))
    assert newest(project) == at.format("3.13.10")
    project.python("3.14.1", at.format("pypy"), implementation="PyPy")
    project.python("3.14.1", at.format("3.14.1t"), abiflags="t")
    project.python("3.99.0", at.format("3.99.0"))
    assert newest(project) == at.format("3.13.10")


def test_where_no_python_is_supported_a_line_says_so(project):
    project.python("3.10.13")
    assert project.run(".ci/newest-python") == 1
    (line,) = project.errors
    assert f"({' '.join(SUPPORTED)})" in line
    assert project.make("test-newest") == []
    assert project.errors[0] == line
    assert project.code != 0


NEWEST = ["makes .venv-newest", "installs .[test]", "runs mypy", "runs pytest"]


def test_the_newest_python_has_an_environment_without_constraints(trained):
    trained.python("3.13.0", "python3.13")
    assert trained.make("test-newest") == [f"3.13.0 {call}" for call in NEWEST]
    assert "Python 3.13.0 with JAX 3.13.0" in trained.output
    assert not any("constraint" in call for call in trained.log)
    assert trained.log[-1].endswith("--maxprocesses=4")
    assert trained.make("train") == ["3.11.7 runs train.py"]
    assert trained.make("test-newest", "PYTHON=python3") == [f"3.11.7 {call}" for call in NEWEST]


def test_a_part_of_the_tests_runs_there_for_every_change(trained):
    trained.python("3.13.0", "python3.13")
    trained.make("check-newest")
    part = trained.log[-1].partition("--maxprocesses=4")[2].split()
    assert part
    assert all((ROOT / name).exists() for name in part)


def test_ci_checks_both_ends(project):
    project.python("3.11.7")
    project.python("3.13.0", "python3.13")
    assert project.run(".ci/run") == 0
    assert [_short(call) for call in project.log if "-m pytest" in call] == [
        "3.13.0 runs pytest",
        "3.11.7 runs pytest",
    ]


def test_ci_says_where_there_is_one_end(project):
    project.python("3.11.7")
    project.python("3.11.9", "python3.11")
    assert project.run(".ci/run") == 0
    assert "no Python newer than 3.11 runs here: nothing is checked on one\n" in project.output
    assert [call.split()[0] for call in project.log if "-m pytest" in call] == ["3.11.7"]


@pytest.mark.parametrize("python", SUPPORTED)
def test_every_python_has_one_pin_of_each_dependency(python):
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    pinned = sorted(pin.name for pin in pins if pin.marker is None or pin.marker.evaluate(environment))
    requirements = map(Requirement, [*PROJECT["dependencies"], *chain(*EXTRAS.values()), "hatchling"])
    assert pinned == sorted({requirement.name for requirement in requirements} - {"jaxlearn"})


def test_train_installs_what_the_examples_of_the_readme_import():
    code = re.findall(r"^(?:>>>|\.\.\.) (.*import .*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    modules = {
        name.split(".")[0]
        for node in ast.walk(ast.parse("\n".join(code)))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    ours = {"jaxlearn", "models", "optimizers", "train"}
    owners = metadata.packages_distributions()
    needed = {owners[name][0].lower() for name in modules - ours - sys.stdlib_module_names}
    assert "optax" in needed
    assert needed <= {Requirement(line).name for line in [*PROJECT["dependencies"], *EXTRAS["train"]]}
