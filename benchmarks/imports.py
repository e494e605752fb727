"""What `import jaxlearn` costs on top of `import jax`: fresh processes, one and the other in turn."""

import statistics
import subprocess
import sys
import time

REPEATS = 11


def seconds(module: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - start


pairs = [(seconds("jax"), seconds("jaxlearn")) for _ in range(REPEATS + 1)][1:]
extra = sorted(b - a for a, b in pairs)
print(f"import jax       {statistics.median(a for a, _ in pairs):.3f} s (median of {REPEATS})")
print(f"import jaxlearn  {statistics.median(b for _, b in pairs):.3f} s")
print(f"on top, by pair  {statistics.median(extra):.3f} s ({extra[0]:.3f} to {extra[-1]:.3f})")
