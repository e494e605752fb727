"""Downloads: what is fetched is the registered file or nothing, and the cache holds whole files or none."""

import hashlib
import http.server
import os
import resource
import ssl
import time
from pathlib import Path
from typing import ClassVar

import pytest

from jaxlearn import data
from jaxlearn.data import _download
from jaxlearn.data._idx import NAMES

# a key that guards nothing, and a certificate of 127.0.0.1 for it, until 2120
CERTIFICATE = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1fWVdBI54/6LCopT
9fj8EcS70IjDAg4ic4due/WRzwehRANCAARHvYwcuxUaNJFrvvjyF7yGciPcr/lz
pT0uo7DqE1Tou9dCNdVcx5X4apZbuulqdUFGxbDFJiW/Gbx1dRsNYRHE
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBjjCCATOgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAkxMjcuMC4w
LjEwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CTEyNy4wLjAuMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEe9jBy7FRo0kWu+
+PIXvIZyI9yv+XOlPS6jsOoTVOi710I11VzHlfhqllu66Wp1QUbFsMUmJb8ZvHV1
Gw1hEcSjdDByMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgKEMB0GA1Ud
DgQWBBSt/gmVHeO4jkH8IBE9fW+/lPC4CTAfBgNVHSMEGDAWgBSt/gmVHeO4jkH8
IBE9fW+/lPC4CTAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYCIQDv
lVNmaTBXvkdFcq3isHPfDiRcE5HDUiFr3MicjVtlmAIhAIov39XKQZxO96vxtPSx
s1FMKfE8ZvWOXiSXXrBOxLgI
-----END CERTIFICATE-----
"""


@pytest.fixture
def small_register(tmp_path, monkeypatch, write_idx, serve, cache):
    """Small files that count as the registered ones, and the folder that a mirror serves them from."""
    folder = write_idx(tmp_path / "mirror" / "mnist")
    files = {
        name: _download.RegisteredFile(
            "http://127.0.0.1:9/", path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for name in NAMES
        for path in [folder / name]
    }
    monkeypatch.setattr(_download, "registered_files", lambda name: files)
    monkeypatch.setenv("JAXLEARN_MIRROR", serve(tmp_path / "mirror"))
    return folder


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_known_of_the_files_is_what_tensorflow_datasets_registers():
    tfds = pytest.importorskip("tensorflow_datasets")
    for name in ("mnist", "fashion_mnist", "kmnist"):
        there = {info.filename: (url, info) for url, info in tfds.builder_cls(name).url_infos.items()}
        for file, known in _download.registered_files(name).items():
            url, info = there[file]
            assert (known.size, known.sha256) == (int(info.size), info.checksum)
            assert known.url == url or name == "fashion_mnist"
            assert known.url.endswith(f"/{file}")


def test_a_download_fills_the_cache_and_the_cache_is_used(small_register, cache, monkeypatch):
    first = data.load("mnist")
    assert "downloaded" in first.origin
    monkeypatch.setenv("JAXLEARN_MIRROR", "http://127.0.0.1:9")
    second = data.load("mnist")
    assert "from the cache" in second.origin
    assert first.train.images.tobytes() == second.train.images.tobytes()
    assert sorted(p.name for p in (cache / "mnist").iterdir()) == sorted(NAMES)


def test_auto_downloads_mnist(small_register):
    assert data.load().name == "mnist"


def test_a_damaged_cache_is_mended(small_register, cache):
    data.load("mnist")
    path = cache / "mnist" / NAMES[0]
    path.write_bytes(path.read_bytes()[:-10])
    assert "downloaded" in data.load("mnist").origin
    assert path.read_bytes() == (small_register / NAMES[0]).read_bytes()


@pytest.mark.parametrize("broken", NAMES)
def test_a_broken_file_is_never_cached(broken, small_register, cache):
    content = bytearray((small_register / broken).read_bytes())
    content[-1] ^= 1
    (small_register / broken).write_bytes(content)
    with pytest.raises(data.DataError, match="is not the registered file"):
        data.load("mnist")
    assert not (cache / "mnist" / broken).exists()
    assert {p.name for p in cache.rglob("*") if p.is_file()} == set(NAMES[: NAMES.index(broken)])


def test_another_length_is_told_before_the_download(small_register, cache):
    (small_register / NAMES[0]).write_bytes(b"short")
    with pytest.raises(data.DataError, match="is 5 bytes long, the registered file is"):
        data.load("mnist")
    assert not cache.exists()


def test_a_missing_file_is_told(small_register, cache):
    (small_register / NAMES[0]).unlink()
    with pytest.raises(data.DataError, match="answers with status 404"):
        data.load("mnist")
    (small_register / NAMES[0]).touch()


def test_a_transfer_that_breaks_off_leaves_nothing(small_register, cache, tmp_path, serve, monkeypatch):
    class BreaksOff(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def copyfile(self, source, output):
            output.write(source.read(10))

    monkeypatch.setenv("JAXLEARN_MIRROR", serve(tmp_path / "mirror", BreaksOff))
    with pytest.raises(data.DataError, match="broke off|is not the registered file"):
        data.load("mnist")
    assert not files(cache)


def test_a_server_that_never_answers_costs_seconds(small_register, tmp_path, serve, monkeypatch):
    class Hangs(http.server.SimpleHTTPRequestHandler):
        def do_HEAD(self):
            time.sleep(6)

    monkeypatch.setenv("JAXLEARN_MIRROR", serve(tmp_path, Hangs))
    monkeypatch.setattr(_download, "PROBE_SECONDS", 0.3)
    start = time.monotonic()
    with pytest.raises(data.DataError, match="does not answer"):
        data.load("mnist")
    assert time.monotonic() - start < 2


class Answers(http.server.BaseHTTPRequestHandler):
    """Tells the right length, then sends a file in its own way; `sent` is what the server has sent so far."""

    def __init__(self, *args, directory):
        self.folder = Path(directory)
        super().__init__(*args)

    def log_message(self, *args):
        pass

    def content(self):
        return (self.folder / self.path.strip("/")).read_bytes()

    def head(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_HEAD(self):
        self.head(Content_Length=str(len(self.content())))

    def write(self, content, pause=0.0):
        """Whether there is still someone to send to."""
        time.sleep(pause)
        try:
            self.wfile.write(content)
        except OSError:
            return False
        return True


class Endless(Answers):
    def do_GET(self):
        self.head()
        while self.write(bytes(2**16)):
            pass


class Trickles(Answers):
    cache = None
    kept: ClassVar = []

    def do_GET(self):
        self.head(Content_Length=str(len(self.content())))
        for byte in self.content():
            self.kept.extend(path for path in files(self.cache) if path.name in NAMES or path.stat().st_size)
            if not self.write(bytes([byte]), pause=0.02):
                break


class Decorates(Answers):
    """Calls the file a content that was compressed for the transfer, as some servers do with .gz files."""

    def do_GET(self):
        self.head(Content_Encoding="gzip")
        self.write(self.content())


class Redirects(Answers):
    """To the same path at another address, behind content that never ends."""

    to = ""

    def do_HEAD(self):
        self.head(302, Location=self.to + self.path)

    def do_GET(self):
        self.do_HEAD()
        while self.write(bytes(2**16)):
            pass


@pytest.fixture
def mirror(small_register, serve, tmp_path, monkeypatch):
    """`mirror(handler)` makes the mirror answer in another way, and is its address."""

    def answer(handler):
        address = serve(tmp_path / "mirror", handler)
        monkeypatch.setenv("JAXLEARN_MIRROR", address)
        return address

    return answer


@pytest.fixture
def serve_https(serve, tmp_path, monkeypatch):
    """`serve_https(handler)` is the https address of a mirror on this machine that this process trusts."""
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(CERTIFICATE)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return lambda handler: serve(tmp_path / "mirror", handler, context)


def test_a_transfer_that_never_ends_is_cut(mirror, cache):
    mirror(Endless)
    with pytest.raises(data.DataError, match=r"sends more than the registered \d+ bytes"):
        data.load("mnist")
    assert not files(cache)


def test_a_transfer_that_trickles_is_given_up_and_no_part_of_it_kept(mirror, cache, monkeypatch):
    monkeypatch.setattr(_download, "FETCH_SECONDS", 0.3)
    monkeypatch.setattr(_download, "SLOWEST", 10**9)
    monkeypatch.setattr(Trickles, "cache", cache)
    mirror(Trickles)
    start = time.monotonic()
    with pytest.raises(data.DataError, match=r"broke off \(not done after 0.3 s\)"):
        data.load("mnist")
    assert time.monotonic() - start < 2
    assert not Trickles.kept
    assert not files(cache)


def test_a_file_is_taken_as_it_is(mirror):
    mirror(Decorates)
    assert "downloaded" in data.load("mnist").origin


def test_redirects_are_followed_but_not_for_ever(mirror, monkeypatch):
    good = os.environ["JAXLEARN_MIRROR"]
    monkeypatch.setattr(Redirects, "to", good)
    mirror(Redirects)
    assert "downloaded" in data.load("mnist").origin


def test_redirects_in_a_circle_end(mirror, monkeypatch, cache):
    monkeypatch.setattr(Redirects, "to", mirror(Redirects))
    with pytest.raises(data.DataError, match="leads from one address to another, more than 5 times"):
        data.load("mnist")
    assert not cache.exists()


def test_https_does_not_lead_to_http(small_register, serve_https, cache, monkeypatch):
    monkeypatch.setattr(Redirects, "to", os.environ["JAXLEARN_MIRROR"])  # which has the right files
    monkeypatch.setenv("JAXLEARN_MIRROR", serve_https(Redirects))
    with pytest.raises(data.DataError, match="https://127.* leads to 'http://127.*', which is not https"):
        data.load("mnist")
    assert not cache.exists()


def test_https_leads_to_https(small_register, serve_https, monkeypatch):
    monkeypatch.setattr(Redirects, "to", serve_https(Decorates))
    monkeypatch.setenv("JAXLEARN_MIRROR", serve_https(Redirects))
    assert "downloaded" in data.load("mnist").origin


def test_an_unknown_certificate_is_refused(small_register, serve_https, monkeypatch):
    monkeypatch.setenv("JAXLEARN_MIRROR", serve_https(Decorates))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(data.DataError, match=r"does not answer \(SSLError\)"):
        data.load("mnist")


def test_a_registered_address_may_be_without_https(small_register, cache, monkeypatch):
    """The registered SHA-256 is what protects."""
    files = _download.registered_files("mnist")
    mirror = os.environ["JAXLEARN_MIRROR"]
    there = {name: file._replace(url=f"{mirror}/mnist/{name}") for name, file in files.items()}
    monkeypatch.setattr(_download, "registered_files", lambda name: there)
    monkeypatch.delenv("JAXLEARN_MIRROR")
    assert "downloaded" in data.load("mnist").origin
    for path in (cache / "mnist").iterdir():
        path.unlink()
    content = bytearray((small_register / NAMES[0]).read_bytes())
    content[-1] ^= 1
    (small_register / NAMES[0]).write_bytes(content)
    with pytest.raises(data.DataError, match="is not the registered file"):
        data.load("mnist")
    assert not any((cache / "mnist").iterdir())


@pytest.mark.parametrize("wrong", ["localhost:8000", "/srv/data", "ftp://x", "file:///srv", "https://a\nb"])
def test_a_mirror_that_is_no_address(wrong, small_register, monkeypatch):
    monkeypatch.setenv("JAXLEARN_MIRROR", wrong)
    with pytest.raises(data.DataError, match="JAXLEARN_MIRROR must be an address such as https") as caught:
        data.load("mnist")
    assert str(caught.value).isprintable()


def test_a_full_disk_leaves_nothing(small_register, cache):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(data.DataError, match="cannot be written: File too large; set JAXLEARN_CACHE"):
            data.load("mnist")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize("place", ["file", "file/below", "file/further/below"])
def test_a_cache_that_cannot_be_written(place, small_register, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("JAXLEARN_CACHE", str(tmp_path / place))
    with pytest.raises(data.DataError, match=f"{NAMES[0]} cannot be written: Not a directory; set JAXLEARN"):
        data.load("mnist")


def test_a_pipe_in_the_cache_is_replaced(small_register, cache):
    (cache / "mnist").mkdir(parents=True)
    os.mkfifo(cache / "mnist" / NAMES[0])
    assert "downloaded" in data.load("mnist").origin
    assert (cache / "mnist" / NAMES[0]).is_file()


def test_a_folder_in_the_cache_is_told(small_register, cache):
    (cache / "mnist" / NAMES[0]).mkdir(parents=True)
    with pytest.raises(data.DataError, match="cannot be written: Is a directory"):
        data.load("mnist")
    assert [path.name for path in (cache / "mnist").iterdir()] == [NAMES[0]]


def test_a_damaged_cache_without_a_network_is_told(small_register, cache, monkeypatch):
    data.load("mnist")
    (cache / "mnist" / NAMES[1]).write_bytes(b"")
    monkeypatch.setenv("JAXLEARN_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(data.DataError, match=f"{NAMES[1]} is empty; .*, and http://.* does not answer"):
        data.load("mnist")
