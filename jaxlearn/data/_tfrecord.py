"""TensorFlow's format of records, TFRecord: each has its length and two checksums."""

from pathlib import Path

import numpy as np

from ._dataset import DataError
from ._idx import show_path

_HEAD, _TAIL = 12, 4  # bytes: the length and its checksum before a record, the record's checksum behind it
_POLYNOMIAL = np.uint32(0x82F63B78)  # of CRC-32C, its bits reversed
MASK = np.uint32(0xA282EAD8)  # added to a checksum, so that those of checksums differ


def read_tfrecords(path: Path) -> list[bytes]:
    """The records in a file.

    Raises:
      DataError: the file is missing or cannot be read, is damaged or cut short.

    Source: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{show_path(path)} cannot be read: {error.strerror}") from None
    starts, lengths, at = [], [], 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 8], "little")
        starts.append(at + _HEAD)
        lengths.append(length)
        at += _HEAD + length + _TAIL
    if at != len(content) or not _are_whole(np.frombuffer(content, np.uint8), starts, lengths):
        raise DataError(f"{show_path(path)} is damaged or cut short; get it again, or prepare the set again")
    return [content[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def _are_whole(content: np.ndarray, starts: list[int], lengths: list[int]) -> bool:
    """Whether every length and every record has its checksum."""
    begins, sizes = np.array(starts, int), np.array(lengths, int)
    heads = begins - _HEAD
    of_lengths = checksums(content, heads, np.full(len(heads), 8)) == _numbers(content, heads + 8)
    return bool(of_lengths.all()) and bool(
        (checksums(content, begins, sizes) == _numbers(content, begins + sizes)).all()
    )


def _numbers(content: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The little-endian uint32 at each place."""
    return content[places[:, None] + np.arange(4)].copy().view("<u4").ravel()


def checksums(content: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The masked CRC-32C of many stretches of bytes, a byte of each at a time.

    >>> turned = checksums(np.frombuffer(b"123456789", np.uint8), np.array([0]), np.array([9])) - MASK
    >>> [hex(crc) for crc in turned >> 17 | turned << 15]  # the check value of every table of CRC-32C
    ['0xe3069283']
    """
    longest_first = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[longest_first], lengths[longest_first]
    crc = np.full(len(starts), 0xFFFFFFFF, np.uint32)
    for place in range(int(lengths.max(initial=0))):
        left = np.searchsorted(-lengths, -place, side="left")  # so many are longer
        crc[:left] = _TABLE[(crc[:left] ^ content[starts[:left] + place]) & 255] ^ (crc[:left] >> 8)
    crc = ~crc
    masked = (crc >> 15 | crc << 17) + MASK
    return masked[np.argsort(longest_first)]


def _table() -> np.ndarray:
    numbers = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        numbers = np.where(numbers & 1, (numbers >> 1) ^ _POLYNOMIAL, numbers >> 1)
    return numbers


_TABLE = _table()
