"""What importing the library costs and shows."""

import subprocess
import sys

import jaxlearn


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
