"""IDX files, and every way in which one can be wrong."""

import gzip
import zlib

import numpy as np

from jaxlearn.data._idx import NAMES


def header(*numbers):
    return np.array(numbers, ">u4").tobytes()


def packed(*numbers, content=b"", name=b"", extra=b""):
    """A gzip file of numbers and bytes, its header with a name or an extra field."""
    whole = gzip.compress(header(*numbers) + content)
    flags = 8 * bool(name) + 4 * bool(extra)
    fields = (len(extra).to_bytes(2, "little") + extra if extra else b"") + (name + b"\0" if name else b"")
    return whole[:3] + bytes([flags]) + whole[4:10] + fields + whole[10:]


def bomb(*numbers, blocks):
    """Numbers and `blocks` MB of zeros, without the checksum that nobody gets to."""
    pack = zlib.compressobj(9, wbits=31)
    start = pack.compress(header(*numbers)) + pack.flush(zlib.Z_FULL_FLUSH)
    return start + blocks * (pack.compress(bytes(10**6)) + pack.flush(zlib.Z_FULL_FLUSH))


IMAGES, LABELS = NAMES[0], NAMES[1]
HUGE = 2**32 - 1
ONE = packed(2051, 1, 1, 1, content=b"0")
LONG = packed(2051, 1, 1, 1, content=b"0", name=b"n" * (2**17 - len(ONE) - 1))
END = "must end where its gzip stream ends; more bytes follow"
FAULTS = {
    "missing": (IMAGES, None, "is missing: a folder with train-images-idx3-ubyte.gz, .* is needed"),
    "a page of the web": (IMAGES, b"<html>404</html>", "is not a whole gzip file; the original"),
    "not gzipped": (IMAGES, header(2051, 1, 1, 1) + b"0", "is not gzipped; rename it to train-images-idx3-"),
    "empty": (IMAGES, b"", "is empty; get it again"),
    "nothing in gzip": (IMAGES, gzip.compress(b""), "is damaged or cut short: it has no complete header"),
    "short header": (IMAGES, packed(2051, 1), "is damaged or cut short: it has no complete header"),
    "garbage behind": (IMAGES, ONE + b"junk", END),
    "a second member": (IMAGES, ONE + ONE, END),
    "zeros behind": (IMAGES, ONE + bytes(2**17 - len(ONE) + 1), END),
    "a byte behind 128 KB": (IMAGES, LONG + b"0", END),
    "labels as images": (IMAGES, packed(2049, 1, content=b"0"), "holds labels where images .* swapped"),
    "images as labels": (LABELS, ONE, "holds images where labels .* swapped"),
    "other content": (IMAGES, packed(7, 1, 1, 1, content=b"0"), r"holds something else \(magic 7\) where"),
    "real numbers": (IMAGES, packed(0x0D03, 1, 1, 1, content=bytes(4)), r"something else \(magic 3331\)"),
    "few bytes": (IMAGES, packed(2051, 20, 28, 28, content=b"0"), "must hold 15680 bytes .* holds only 1"),
    "a byte less": (IMAGES, packed(2051, 2, 2, 2, content=bytes(7)), "must hold 8 bytes .* holds only 7"),
    "a byte more": (LABELS, packed(2049, 20, content=bytes(21)), "must hold 20 bytes .* it holds more"),
    "2^31 + 1": (LABELS, packed(2049, 2**31 + 1), "claims 2147483649 bytes of labels; the most read is"),
    "2^64": (IMAGES, packed(2051, 2**22, 2**21, 2**21), "claims 18446744073709551616 bytes of images"),
    "largest sizes": (IMAGES, packed(2051, HUGE, HUGE, HUGE), "the most read is 2147483648"),
    "claims a GB": (IMAGES, packed(2051, 10**6, 25, 40), "more than a gzip file of 3. bytes can hold"),
    "no images": (IMAGES, packed(2051, 0, 28, 28), "claims to hold no images; at least one is needed"),
    "no labels": (LABELS, packed(2049, 0), "claims to hold no labels; at least one is needed"),
    "no pixels": (IMAGES, packed(2051, HUGE, 0, HUGE), "claims to hold no images; at least one is needed"),
    "bomb": (IMAGES, bomb(2051, 20, 28, 28, blocks=100), "must hold 15680 bytes .* it holds more"),
    "larger bomb": (IMAGES, bomb(2051, 20, 28, 28, blocks=2000), "long, far more than the 15680 bytes"),
    "long name": (IMAGES, packed(2051, 1, 1, 1, content=b"0", name=b"n" * 2**24), "has no complete header"),
    "label 10": (LABELS, packed(2049, 20, content=bytes(7) + b"\n" * 13), "the label 10 at index 7; .* to 9"),
    "fewer labels": (LABELS, packed(2049, 19, content=bytes(19)), "20 images of .* 19 labels; there must be"),
    "other size": (IMAGES, packed(2051, 20, 2, 2, content=bytes(80)), "mixes sizes: .* must be the same"),
}  # fmt: skip
