"""Random damage to IDX files: what is read is what the file holds, and all else is one line that names it."""

import contextlib
import gzip
import math
import random
import struct
import time
import tracemalloc
import zlib

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from jaxlearn import data
from jaxlearn.data._idx import FILES, NAMES, read_folder, read_idx

NUMBERS = (0, 1, 2, 9, 27, 28, 255, 256, 2049, 2051, 2**16, 2**20, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
SECONDS = 1.0  # for one file; nearly all take a thousandth of it


def whole_file(chance, magic):
    """An IDX file of a few examples; one in twenty is longer than what is read of a file at a time."""
    sizes = [chance.randint(0, 15) for _ in range(magic % 256)]
    if chance.random() < 0.05:
        sizes = [1] * len(sizes[1:]) + [chance.randint(2**17, 2**18)]
    count = math.prod(sizes)
    content = chance.randbytes(count) if chance.random() < 0.5 else bytes([chance.randint(0, 11)]) * count
    return struct.pack(f">{1 + len(sizes)}I", magic, *sizes) + content


def change_header(chance, content):
    place = 4 * chance.randint(0, 3)
    number = chance.choice([*NUMBERS, chance.getrandbits(32)])
    return content[:place] + struct.pack(">I", number) + content[place + 4 :]


def change_byte(chance, content):
    place = chance.randrange(len(content) + 1)
    return content[:place] + chance.randbytes(1) + content[place + 1 :]


def flip_bit(chance, content):
    changed = bytearray(content or b"\0")
    # at either end are the headers and the checksums
    places = [chance.randrange(len(changed)), chance.randrange(min(len(changed), 20)), -chance.randint(1, 8)]
    changed[max(chance.choice(places), -len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def insert(chance, content):
    place = chance.choice([0, len(content), chance.randrange(len(content) + 1)])
    added = chance.choice([chance.randbytes(chance.randint(1, 9)), bytes(chance.choice([1, 8, 512, 2**17]))])
    return content[:place] + added + content[place:]


def cut(chance, content):
    place = chance.randrange(len(content) + 1)
    return content[:place] + content[place + chance.choice([1, 4, len(content)]) :]


def double(chance, content):
    start, end = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return chance.choice([content + content, content[:end] + content[start:]])


def add_fields(chance, content):
    """Gives a gzip header an extra field, a name or a comment, of any length."""
    flags = chance.choice([4, 8, 16, 12, 24, 28])
    length = chance.choice([0, 1, 100, 2**16 - 1])
    name = b"n" * chance.choice([0, 5, 2**10, 2**17]) + b"\0"
    fields = struct.pack("<H", length) + bytes(length) if flags & 4 else b""
    fields += name * (bool(flags & 8) + bool(flags & 16))
    return content[:3] + bytes([flags]) + content[4:10] + fields + content[10:]


def pack(chance, content):
    """gzip at any level, all at once or with empty blocks within."""
    packer = zlib.compressobj(chance.randint(0, 9), wbits=31)
    if chance.random() < 0.8:
        return packer.compress(content) + packer.flush()
    place = chance.randrange(len(content) + 1)
    blank = packer.compress(content[:place]) + packer.flush(zlib.Z_FULL_FLUSH)
    blank += chance.choice([0, 1, 1000, 30_000]) * packer.flush(zlib.Z_FULL_FLUSH)
    return blank + packer.compress(content[place:]) + packer.flush()


INSIDE = (change_header, change_header, change_byte, insert, cut, double)
OUTSIDE = (change_byte, flip_bit, flip_bit, insert, cut, double, add_fields)


def replace(path, content):
    path.unlink()  # some file systems wait for the disk when a file is written over
    path.write_bytes(content)


def look_into(packed, fields):
    """The numbers that the first 128 KB of a gzip file hold, and all of its content if it is one member."""
    stream = zlib.decompressobj(wbits=31)
    numbers, content = (0,), None
    with contextlib.suppress(zlib.error):
        start = stream.decompress(packed[: 2**17], 4 * fields)
        if len(start) == 4 * fields:
            numbers = struct.unpack(f">{fields}I", start)
        stream.decompress(stream.unconsumed_tail + packed[2**17 :])
    if stream.eof and not stream.unused_data:
        content = gzip.decompress(packed)
    return numbers, content


def reading(read, path, *args):
    """What `read(path, ...)` returns, or the line of its DataError."""
    try:
        return read(path, *args)
    except data.DataError as error:
        line = str(error)
    assert line.isprintable()
    return line


def check_file(path, magic, packed):
    """Reads a file: an array of all that it holds, or the line that says why not, soon and small."""
    fields = 1 + magic % 256
    numbers, content = look_into(packed, fields)
    promised = math.prod(numbers[1:])
    right = content is not None and numbers[0] == magic and 0 < promised == len(content) - 4 * fields
    right = right and len(packed) <= 2 * promised + 2**17  # not nearly all of it around its content
    replace(path, packed)
    start = time.perf_counter()
    tracemalloc.start()
    result = reading(read_idx, path, magic)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.perf_counter() - start < SECONDS
    assert peak < 3 * min(promised, 1032 * len(packed)) + 2**20
    if isinstance(result, str):
        assert result.startswith(f"{path} ")
        assert not right
    else:
        assert right
        assert (result.shape, result.dtype) == (numbers[1:], np.uint8)
        assert result.tobytes() == content[4 * fields :]
    return result


def check_folder(folder, name, result):
    """Reads the folder: the file is a part of what comes, or the line is that of the file, if it had one."""
    both = reading(read_folder, folder)
    if isinstance(both, str):
        assert both == result if isinstance(result, str) else both.startswith(str(folder))
        return
    split = both[0] if name in FILES["train"] else both[1]
    np.testing.assert_array_equal(split.images[..., 0] if result.ndim == 3 else split.labels, result)
    assert len(split.images) == len(split.labels)
    assert split.labels.max() < 10


def check(folder, seed):
    """Puts a file, damaged up to twice before it is compressed and up to twice after, among good ones."""
    chance = random.Random(seed)
    inside, outside = divmod(seed % 9, 3)
    name = chance.choice(NAMES)
    magic = 2051 if "images" in name else 2049
    good = (folder / name).read_bytes()
    content = gzip.decompress(good) if chance.random() < 0.5 else whole_file(chance, magic)
    for _ in range(inside):
        content = chance.choice(INSIDE)(chance, content)
    packed = pack(chance, content)
    for _ in range(outside):
        packed = chance.choice(OUTSIDE)(chance, packed)
    try:
        result = check_file(folder / name, magic, packed)
        check_folder(folder, name, result)
    finally:
        replace(folder / name, good)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four good files, of 7 and 3 images of 5 x 4 pixels."""
    folder = tmp_path_factory.mktemp("mnist")
    for (images, labels), count in zip(FILES.values(), (7, 3), strict=True):
        pixels = struct.pack(">4I", 2051, count, 5, 4) + bytes(range(20 * count))
        (folder / images).write_bytes(gzip.compress(pixels))
        (folder / labels).write_bytes(gzip.compress(struct.pack(">2I", 2049, count) + bytes(range(count))))
    return folder


@hypothesis.given(seed=st.integers(0, 2**64 - 1))
@hypothesis.settings(max_examples=300)
def test_a_damaged_file_is_read_as_it_is_or_named(folder, seed):
    check(folder, seed)


@pytest.mark.slow
@hypothesis.given(seed=st.integers(0, 2**64 - 1))
@hypothesis.settings(max_examples=100_000, derandomize=False)
def test_a_hundred_thousand_damaged_files(folder, seed):
    check(folder, seed)
