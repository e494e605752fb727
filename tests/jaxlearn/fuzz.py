"""Inputs that nobody would write, each drawn from one `random.Random`, so that its seed repeats it."""

import contextlib
import functools
import json
import os
import signal
import sys
from pathlib import Path

WORDS = ["", "a", "epoch", "SHA256SUMS", "../x", "/etc/passwd", "a\nb", "a\x00b", "\x1b[2J", "ä€𝄞", "\ud800"]
WORDS += ["x" * 300, "NaN", "-1", "1e999", "null", "__class__", "{0.__class__}", "$(touch made)"]
NUMBERS = [0, 1, -1, 2, 7, 12, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e-320, 1e308]
NUMBERS += [float("nan"), float("inf"), float("-inf")]


def value(random, depth=3):
    """Something that JSON can say, and some that it should not."""
    kind = random.randrange(9 if depth else 6)
    if kind < 2:
        return random.choice(NUMBERS)
    if kind < 4:
        return random.choice(WORDS)
    if kind < 6:
        return random.choice([None, True, False, [], {}])
    items = [value(random, depth - 1) for _ in range(random.randrange(4))]
    return items if kind == 6 else {random.choice(WORDS): item for item in items}


def change(random, tree):
    """A copy of what JSON has said with another value somewhere, or something more or less."""
    places = []

    def visit(node):
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            places.append((node, key))
            visit(node[key])

    visit([tree := json.loads(json.dumps(tree))])
    node, key = random.choice(places)
    action = random.randrange(6)
    if action == 0 and isinstance(node, dict):
        del node[key]
    elif action == 1 and isinstance(node, dict):
        node[random.choice(WORDS)] = value(random)
    elif action == 2 and isinstance(node, list):
        node.insert(key, value(random))
    elif action == 3:
        node[key] = deep(random)
    elif action == 4:
        node[key] = [node[key]]
    else:
        node[key] = value(random)
    return tree


def deep(random):
    tree = value(random)
    for _ in range(random.choice([10, 100, 240])):
        tree = [tree] if random.random() < 0.5 else {"a": tree}
    return tree


def spoil(random, content):
    """Bytes, some of which have changed, gone or come."""
    at, to = sorted(random.randrange(len(content) + 1) for _ in range(2))
    some = random.randbytes(random.choice([1, 1, 4, 100]))
    return random.choice(
        [
            lambda: content[:at] + some + content[at + len(some) :],  # changed
            lambda: content[:at],  # cut
            lambda: content[:at] + content[to:],
            lambda: content[:at] + some + content[at:],  # inserted
            lambda: content[:to] + content[at:],  # twice
            lambda: bytes(byte ^ 1 << random.randrange(8) for byte in content[:1]) + content[1:],
            lambda: b"",
            lambda: some,
            lambda: b"\xff\xfe" + content,
            lambda: random.choice([b"[", b'{"a":', b'"', b"9", b"\0"]) * random.choice([10, 2000, 200_000]),
        ]
    )()


def make_folder(path):
    """Whether there is a folder now, and no link that leads elsewhere."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return not path.is_symlink()


def strange(random, path):
    """Puts something that is no file in the place of one, or where there is nothing."""
    if not make_folder(path.parent):
        return
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        return
    random.choice(
        [
            lambda: path.mkdir(),
            lambda: (path / path.name).mkdir(parents=True),
            lambda: os.mkfifo(path),
            lambda: path.symlink_to(path),
            lambda: path.symlink_to("/dev/zero"),
            lambda: path.symlink_to("/nowhere"),
            lambda: path.symlink_to("/"),
            lambda: path.symlink_to(path.parent),
        ]
    )()


watches = []  # what looks at the events of `sys.audit`: Python forgets no hook


@functools.cache
def listen():
    def tell(event, arguments):
        for watch in watches:
            watch(event, arguments)

    sys.addaudithook(tell)


@contextlib.contextmanager
def hooked(watch):
    """Calls `watch(event, arguments)` for each event of `sys.audit`."""
    listen()
    watches.append(watch)
    try:
        yield
    finally:
        watches.remove(watch)


class TooLong(BaseException):
    """That nothing catches by accident."""


@contextlib.contextmanager
def within(seconds):
    """Ends what takes longer, be it asleep in the system."""

    def tell(*_):
        raise TooLong(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, tell)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def memory():
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def number(which):
    """Tells with which number an error came."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"input {which}")
        raise
