"""What importing the library costs and shows."""

import re
import subprocess
import sys
from pathlib import Path

import jaxlearn

LIBRARY = Path(jaxlearn.__file__).parent


def test_import_is_light():
    heavy = "tensorflow_datasets matplotlib sklearn optax scipy.stats rich orbax requests".split()
    heavy += ["PIL", "safetensors"]
    code = f"import sys, jaxlearn; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_every_public_name_is_there_and_documented():
    for module in (getattr(jaxlearn, name) for name in jaxlearn.__all__ if not name.startswith("_")):
        names = getattr(module, "__all__", [])
        assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
        for name in names:
            assert getattr(module, name).__doc__ or name == "Schedule", f"{module.__name__}.{name}"


def test_no_package_imports_a_private_module_of_another():
    """What several need is a module of `jaxlearn` itself, such as jaxlearn/_files.py."""
    private = re.compile(r"^\s*(?:from|import) (jaxlearn\.(\w+)\._\w+)", re.MULTILINE)
    found = [
        f"{path.relative_to(LIBRARY)}: {module}"
        for path in LIBRARY.rglob("*.py")
        for module, package in private.findall(path.read_text(encoding="utf-8"))
        if package != path.relative_to(LIBRARY).parts[0]
    ]
    assert not found


def test_packages_know_those_below_them_alone():
    """Nothing but the command line knows the command line, say."""
    layers = [
        "losses metrics nn optim schedules",
        "data",
        "training",
        "compare",
        "report",
        "recording",
        "cli",
    ]
    above = {name: layers[i + 1 :] for i, layer in enumerate(layers) for name in layer.split()}
    imported = re.compile(r"^\s*from jaxlearn(?:\.(\w+))?(?:\.\w+)* import (.*)$", re.MULTILINE)
    for path in LIBRARY.glob("*/**/*.py"):
        for package, names in imported.findall(path.read_text(encoding="utf-8")):
            known = {package} if package else set(re.split(r"\W+", names))
            higher = {name for layer in above[path.relative_to(LIBRARY).parts[0]] for name in layer.split()}
            assert not known & higher, path
