import gzip
import http.server
import threading
from functools import partial

import numpy as np
import pytest

from jaxlearn.data._idx import FILES


def _write(folder, sizes=(20, 10)):
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for (images, labels), size in zip(FILES.values(), sizes, strict=True):
        pixels = random.integers(0, 256, (size, 28, 28), np.uint8).tobytes()
        header = np.array([2051, size, 28, 28], ">u4").tobytes()
        (folder / images).write_bytes(gzip.compress(header + pixels))
        header = np.array([2049, size], ">u4").tobytes()
        (folder / labels).write_bytes(
            gzip.compress(header + (np.arange(size) % 10).astype(np.uint8).tobytes())
        )
    return folder


@pytest.fixture
def write_idx():
    """`write_idx(folder)` writes four small files in MNIST's layout."""
    return _write


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    """`serve(folder)` is the address of a web server on this machine that serves a folder.

    With an SSL context it is an address of https.
    """
    servers = []

    def start(folder, handler=_Quiet, context=None):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
        servers.append(server)
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        return f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and no mirror but a closed door."""
    monkeypatch.setenv("JAXLEARN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("JAXLEARN_MIRROR", "http://127.0.0.1:9")
    return tmp_path / "cache"
