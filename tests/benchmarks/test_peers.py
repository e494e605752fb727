"""Peers as processes of their own, and their turns; the peer is numpy's network, which starts at once."""

import math
import time

import pytest

from benchmarks.measured import Failed, measure_in_turn
from benchmarks.peer import Peer, PeerError, show_end


class Scripted:
    """A peer that tells when it is asked, and fails where it has to."""

    def __init__(self, name, asked, fails=None, why="gone"):
        self.name, self.asked, self.fails, self.why = name, asked, fails, why

    def answer(self, what, value):
        self.asked.append(f"{self.name} {what}")
        if what == self.fails:
            raise PeerError(self.why)
        return value

    def start(self):
        return self.answer("start", 7.0)

    def measure(self, seed):
        return self.answer(seed, [float(seed), 0.5, 0.0])

    def close(self):
        self.asked.append(f"{self.name} end")


def test_peers_start_one_after_another_and_measure_in_turn():
    asked = []
    found = measure_in_turn({name: Scripted(name, asked) for name in "ab"}, 2)
    assert asked == ["a start", "b start", "a 0", "b 0", "a 1", "b 1", "a end", "b end"]
    assert found["a"] == found["b"] == ([0.0, 1.0], [0.5, 0.5], 7.0)


@pytest.mark.parametrize(("fails", "reason", "turns"), [
    ("start", "did not start", []), (0, "ended while measuring", ["b 0"]),
    (1, "ended while measuring", ["b 0", "b 1"]),
])  # fmt: skip
def test_a_peer_that_fails_is_told_and_the_others_go_on(fails, reason, turns, capsys):
    asked = []
    peers = {"a": Scripted("a", asked), "b": Scripted("bee", asked, fails), "c": Scripted("c", asked)}
    found = measure_in_turn(peers, 3)
    assert list(found) == ["a", "b", "c"]
    assert found["b"] == Failed(reason)
    assert found["a"].seconds == found["c"].seconds == [0.0, 1.0, 2.0]
    assert [line for line in asked if line.startswith("bee")] == (
        ["bee start", *(turn.replace("b", "bee") for turn in turns), "bee end"]
    )
    assert capsys.readouterr().err == f"benchmarks.run: b, bee, {reason}: gone\n"


def test_a_peer_without_memory_says_so():
    why = "XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes."
    found = measure_in_turn({"a": Scripted("a", [], 1, why)}, 3)
    assert str(found["a"]) == "out of memory"


def test_peers_end_also_where_the_turns_are_interrupted():
    asked = []
    peers = {"a": Scripted("a", asked), "b": Scripted("b", asked)}
    peers["a"].measure = lambda seed: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        measure_in_turn(peers, 3)
    assert asked[-2:] == ["a end", "b end"]


@pytest.fixture
def start_peer(problems):
    peers = []

    def start(model="mlp", module="numpy_network"):
        options = {"folder": str(problems), "model": model, "batch": 32}
        peers.append(Peer(module, "epoch", options))
        return peers[-1]

    yield start
    for peer in peers:
        peer.close()


def test_a_peer_measures_in_a_process_of_its_own(start_peer):
    peer = start_peer()
    assert peer.name == "numpy_network.epoch (model mlp, batch 32)"
    assert peer.start() > 0
    seconds, loss, memory = peer.measure(0)
    assert 0 < seconds < 60
    assert math.isfinite(loss)
    assert memory > 2**20 or math.isnan(memory)
    peer.close()
    assert peer.process.returncode == 0


def test_a_peer_that_does_not_start_says_why(start_peer, capfd):
    with pytest.raises(PeerError, match=r"^FileNotFoundError: .*no-such-model-0\.npz'$"):
        start_peer("no-such-model").start()
    with pytest.raises(PeerError, match=r"^ModuleNotFoundError: .*'benchmarks\.peers\.nobody'$"):
        start_peer(module="nobody").start()
    assert "Traceback" in capfd.readouterr().err


def test_a_peer_that_ended_before_it_is_asked_says_why(start_peer):
    peer = start_peer(module="nobody")
    peer.process.wait()
    with pytest.raises(PeerError, match=r"^ModuleNotFoundError: "):
        peer.start()


def test_a_peer_that_ends_in_the_middle_says_why(start_peer, problems):
    peer = start_peer()
    peer.start()
    (problems / "mlp-1.npz").unlink()
    peer.measure(0)
    with pytest.raises(PeerError, match=r"^FileNotFoundError: .*mlp-1\.npz'$"):
        peer.measure(1)


def test_a_peer_that_is_killed_leaves_the_others_their_turns(start_peer, capsys):
    class Doomed(Peer):
        def measure(self, seed):
            if seed == 1:
                self.process.kill()
                time.sleep(0.1)
            return super().measure(seed)

    peers = {"a": start_peer(), "b": start_peer()}
    peers["b"].__class__ = Doomed
    found = measure_in_turn(peers, 3)
    assert len(found["a"].seconds) == 3
    assert found["b"] == Failed("ended while measuring")
    assert capsys.readouterr().err.endswith(", ended while measuring: the process was killed by SIGKILL\n")


def test_the_end_of_a_process_is_told_by_its_status():
    assert show_end(0) == "the process ended with exit status 0"
    assert show_end(3) == "the process ended with exit status 3"


def test_what_a_library_prints_is_no_answer(start_peer, tmp_path, monkeypatch):
    noise = "import numpy\nnumpy.load = lambda *a, load=numpy.load: (print('loading'), load(*a))[1]\n"
    (tmp_path / "sitecustomize.py").write_text(noise)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    peer = start_peer()
    assert peer.start() > 0
    assert len(peer.measure(0)) == 3
