"""Saved parameters: what comes back is what went in, and a file that is wrong is told."""

import contextlib
import copy
import json
import math
import os
import pickle
import resource
from collections import OrderedDict
from typing import NamedTuple

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file
from safetensors.numpy import save as serialize

import jaxlearn
from jaxlearn import _files, _store, nn
from jaxlearn._files import to_json

PARAMS = {
    "0": {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.array(0.5, jnp.bfloat16)},
    "2": [np.arange(4) > 1, (np.zeros((0, 5), np.int8), None), {}],
}
STATE = {"1": {"mean": np.linspace(0, 1, 3), "count": np.array(7, np.int32)}}
CONFIG = {"model": "mlp", "sizes": {"hidden": 100}, "rate": 0.001}


def same(a, b):
    """Whether two trees are equal: containers, their order, dtypes, shapes and bits."""
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if type(a) is not type(b) or a is None:
        return a is b
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return len(a) == len(b) and all(map(same, a, b))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    jaxlearn.save(path, PARAMS, STATE, CONFIG)
    return path


def test_what_was_saved_comes_back(path):
    saved = jaxlearn.load(path)
    assert same(saved.params, PARAMS)
    assert same(saved.model_state, STATE)
    assert saved.config == CONFIG
    assert not same(saved.params, STATE)
    saved.params["0"]["weight"] += 1  # they are ordinary arrays, which can be written to
    assert jaxlearn.load(path.parent).params["0"]["weight"][0, 0] == 0  # and the run's folder will do
    assert jaxlearn.load(str(path)).config == CONFIG


def test_a_saved_model_gives_the_same_answers(path):
    model = nn.sequential(nn.flatten, nn.batch_norm(), nn.linear(3))
    params, state = model.init(jax.random.key(0), (6, 6, 1))
    jaxlearn.save(path, params, state)
    saved = jaxlearn.load(path)
    assert saved.config == {}
    x = jnp.linspace(0, 1, 36).reshape(6, 6, 1)
    want, got = (jax.jit(model.apply)(*trees, x)[0] for trees in [(params, state), saved[:2]])
    assert np.array_equal(want, got)
    assert jax.tree.structure(saved[:2]) == jax.tree.structure((params, state))


def test_plain_safetensors_reads_it_too(path):
    plain = load_file(path)
    assert set(plain) == {
        *("params/0/weight", "params/0/bias", "params/2/0", "params/2/1/0"),
        *("model_state/1/mean", "model_state/1/count"),
    }
    assert same(plain["params/0/weight"], PARAMS["0"]["weight"])
    assert same(plain["params/0/bias"], PARAMS["0"]["bias"])
    assert same(plain["model_state/1/count"], STATE["1"]["count"])


@pytest.mark.parametrize("dtype", _store.DTYPES.values(), ids=str)
def test_every_dtype(dtype, path):
    array = np.arange(7).astype(dtype)
    jaxlearn.save(path, array)
    assert same(jaxlearn.load(path).params, array)
    assert same(load_file(path)["params"], array)


def test_arrays_of_any_layout_and_origin(path):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    views = [array.T, array[:, ::2], array[..., ::-1]]
    jaxlearn.save(path, [*views, array.astype(">f4"), jnp.asarray(array), array[0, 0, 1]])
    assert same(jaxlearn.load(path).params, [*views, array, array, np.array(1, np.float32)])


def test_no_two_names_are_equal(path):
    params = {"a/b": np.zeros(1), "a": {"b": np.ones(1), "": np.ones(2)}, "a%2Fb": np.zeros(2)}
    params |= {"": np.ones(3), "\ud800": np.ones(4), "é \n": np.ones(5)}
    jaxlearn.save(path, params)
    assert same(jaxlearn.load(path).params, params)
    want = ["a%2Fb", "a/b", "a/", "a%252Fb", "", "%ED%A0%80", "%C3%A9%20%0A"]
    assert set(load_file(path)) == {f"params/{name}" for name in want}


def random_array(dtype, shape, seed):
    """Any bits at all, but of bool those that mean something."""
    random = np.random.default_rng(seed)
    if dtype == np.bool_:
        return random.random(shape) < 0.5
    return np.frombuffer(random.bytes(dtype.itemsize * math.prod(shape)), dtype).reshape(shape)


LEAVES = st.builds(
    random_array,
    st.sampled_from(list(_store.DTYPES.values())),
    st.lists(st.integers(0, 3), max_size=4).map(tuple),
    st.integers(0, 2**32 - 1),
)
KEYS = st.text() | st.sampled_from(["0", "weight", "/", "a/b", "a%2Fb", "%", "list", "é", "\udfff"])
TREES = st.recursive(
    LEAVES | st.none(),
    lambda inside: st.dictionaries(KEYS, inside) | st.lists(inside) | st.lists(inside).map(tuple),
    max_leaves=12,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | KEYS,
    lambda inside: st.lists(inside) | st.dictionaries(KEYS, inside),
    max_leaves=8,
)


@hypothesis.given(params=TREES, state=TREES, config=st.dictionaries(KEYS, JSON))
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_any_tree_comes_back_bit_for_bit(params, state, config, tmp_path):
    jaxlearn.save(tmp_path / "file", params, state, config)
    saved = jaxlearn.load(tmp_path / "file")
    assert same(saved.params, params)
    assert same(saved.model_state, state)
    assert saved.config == config
    assert sum(a.size for a in load_file(tmp_path / "file").values()) == sum(
        a.size for a in jax.tree.leaves((params, state))
    )


def test_a_config_is_what_json_can_say(path):
    jaxlearn.save(path, {}, {}, {"loss": np.nan, "best": [np.inf, (1, 2)], 3: "three"})
    assert jaxlearn.load(path).config == {"loss": None, "best": [None, [1, 2]], "3": "three"}
    for config in ({"path": path}, {"rate": np.float32(1)}, [1], {(1, 2): 3}):
        with pytest.raises(TypeError, match="^config must be a dict of what JSON can say: "):
            jaxlearn.save(path, {}, {}, config)


class Pair(NamedTuple):
    a: np.ndarray


KNOWN = "params/a must have one of the types bool, .*, got"
REFUSED = {
    "a number": ({"a": [1.0]}, "params/a/0 must be an array, or a dict, list or tuple of such, got float"),
    "text": ({"a": "b"}, "params/a must be an array.* got str"),
    "a key": ({"a": jax.random.key(0)}, "params/a must be an array of numbers, got a random key"),
    "complex": ({"a": np.zeros(2, complex)}, f"{KNOWN} complex128"),
    "objects": ({"a": np.array([{}])}, f"{KNOWN} object"),
    "letters": ({"a": np.array(["b"])}, f"{KNOWN} <U1"),
    "float8": ({"a": jnp.zeros(2, jnp.float8_e4m3fn)}, f"{KNOWN} float8_e4m3fn"),
    "another key": ({"a": {1: np.zeros(1)}}, "params/a: a key must be text, got 1"),
    "a named tuple": ({"a": Pair(np.zeros(1))}, "params/a must be an array.* got Pair"),
    "another dict": (OrderedDict(a=np.zeros(1)), "params must be an array.* got OrderedDict"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_saved_is_refused(fault, path):
    before = path.read_bytes()
    params, message = REFUSED[fault]
    with pytest.raises(TypeError, match=f"^{message}") as caught:
        jaxlearn.save(path, params)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_names_and_configs_without_end_are_refused(path):
    before = path.read_bytes()
    many = {f"{i:0100}": np.zeros(0) for i in range(30_000)}  # little to say about each, but a long header
    for params, config in (({}, {"text": "x" * 10**7}), (many, {})):
        with pytest.raises(ValueError, match="arrays and the config must take less than 10 MB"):
            jaxlearn.save(path, params, {}, config)
    assert path.read_bytes() == before


def test_equal_content_makes_equal_files(path, tmp_path):
    jaxlearn.save(tmp_path / "again", PARAMS, STATE, CONFIG)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_file_that_cannot_be_written_leaves_the_old_one(path, monkeypatch):
    monkeypatch.setattr(_files.os, "replace", lambda *args: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        jaxlearn.save(path, {})
    assert same(jaxlearn.load(path).params, PARAMS)


def safetensors_file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def forged(change):
    """A file whose SHA-256 is right although `save` would not write it: `change(about, tensors)`."""
    about = {"layout": 1, "config": {}, "tree": {"params": {"w": "params/w"}, "model_state": {}}}
    tensors = {"params/w": np.zeros(3, np.float32)}
    about = change(about, tensors) or about
    return serialize(tensors, {"jaxlearn": to_json(about | {"sha256": _store.digest(about, tensors)})})


def forged_shape(shape):
    content = forged(lambda about, tensors: tensors.update({"params/w": np.zeros((0, 1), np.int8)}))
    header = json.loads(content[8:])
    header["params/w"]["shape"] = shape
    return safetensors_file(header)


def tree(content):
    return lambda about, tensors: about.update(tree=content)


class Evil:
    def __reduce__(self):
        return os.system, ("touch executed",)


TENSOR = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
DEEP = 100_000
BROKEN = {
    "empty": b"",
    "seven bytes": b"\x02\0\0\0\0\0\0",
    "text": b"<html>404 not found</html>",
    "a pickle": pickle.dumps(Evil()),
    "zip, as torch and numpy write it": b"PK\x03\x04" + bytes(100),
    "header longer than the file": (1000).to_bytes(8, "little") + b"{}",
    "header of 2^64 - 1 bytes": b"\xff" * 8 + b"{}",
    "header of zeros": bytes(1000),
    "a list for a header": safetensors_file([]),
    "no JSON": safetensors_file(b'{"__metadata__": {"a": "b"'),
    "no UTF-8": safetensors_file(b'{"\xff": {}}'),
    "deep JSON": safetensors_file(b"[" * DEEP + b"]" * DEEP),
    "metadata of numbers": safetensors_file({"__metadata__": {"jaxlearn": 1}}),
    "tensor longer than the file": safetensors_file({"a": TENSOR}, b"123"),
    "bytes of no tensor": safetensors_file({"a": TENSOR}, b"12345"),
    "sizes that overflow": safetensors_file({"a": TENSOR | {"shape": [2**40] * 3}}, b"1234"),
    "sizes that numpy does not know": forged_shape([0, 2**64 - 1]),
    "more axes than numpy knows": forged_shape([0] * 65),
    "two tensors in one place": safetensors_file({"a": TENSOR, "b": TENSOR}, b"1234"),
    "a header of 11 MB": safetensors_file(json.dumps({"a": TENSOR}).encode() + b" " * 11_000_000, b"1234"),
    "no JSON under jaxlearn": serialize({}, {"jaxlearn": "{"}),
    "a list under jaxlearn": serialize({}, {"jaxlearn": "[]"}),
    "deep JSON under jaxlearn": serialize({}, {"jaxlearn": "[" * DEEP + "]" * DEEP}),
    "NaN under jaxlearn": serialize({}, {"jaxlearn": '{"layout": 1, "config": NaN}'}),
    "no SHA-256": serialize({}, {"jaxlearn": '{"layout": 1, "config": {}, "tree": {}}'}),
    "a tensor too many": forged(lambda about, tensors: tensors.update(more=np.zeros(1))),
    "a tensor too few": forged(lambda about, tensors: tensors.clear()),
    "a tensor twice": forged(tree({"params": ["list", "params/w", "params/w"], "model_state": {}})),
    "another container": forged(tree({"params": ["set", "params/w"], "model_state": {}})),
    "an empty container": forged(tree({"params": [], "model_state": {"w": "params/w"}})),
    "a number for a tree": forged(tree({"params": 1, "model_state": "params/w"})),
    "half a tree": forged(tree({"params": "params/w"})),
    "no tree": forged(tree("params/w")),
    "a list for a config": forged(lambda about, tensors: about.update(config=[])),
    "no config": forged(lambda about, tensors: {key: about[key] for key in ("layout", "tree")}),
}


@contextlib.contextmanager
def bounded_memory(megabytes):
    """Whoever asks for more memory than this gets a MemoryError."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + megabytes * 2**20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def check_told(path, message="is not as it was saved: damaged, cut short or no safetensors file"):
    with bounded_memory(256), pytest.raises(ValueError, match=message) as caught:
        jaxlearn.load(path)
    assert str(caught.value).startswith(f"{path} ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_told(fault, path, monkeypatch):
    monkeypatch.chdir(path.parent)
    path.write_bytes(BROKEN[fault])
    check_told(path)
    assert os.listdir() == [path.name]  # no code of it ran


def test_a_forged_file_is_read_where_nothing_is_wrong_with_it(path):
    path.write_bytes(forged(lambda about, tensors: None))
    assert same(jaxlearn.load(path).params, {"w": np.zeros(3, np.float32)})


def test_a_file_of_others_is_told(path):
    for metadata in (None, {"format": "pt"}):
        path.write_bytes(serialize({"w": np.zeros(3)}, metadata))
        check_told(path, "was not written by jaxlearn; safetensors.numpy.load_file.* reads its tensors$")
    path.write_bytes(safetensors_file({"__metadata__": None, "a": TENSOR}, b"1234"))
    check_told(path, "was not written by jaxlearn;")
    path.write_bytes(forged(lambda about, tensors: about.update(layout=2)))
    check_told(path, "was written by another version of jaxlearn; this one reads layout 1")


def test_no_file_is_told(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "run").mkdir()
    for path, message in {
        tmp_path / "nothing": "nothing is missing: a file written by jaxlearn.save is needed",
        tmp_path / "run": "run/model.safetensors is missing: a file written by jaxlearn.save is needed",
        tmp_path / "pipe": "pipe is no file: a file",
    }.items():
        with pytest.raises(FileNotFoundError, match=f"^{tmp_path}/{message}"):
            jaxlearn.load(path)


def test_every_flipped_bit_is_told(path):
    jaxlearn.save(path, {"w": np.arange(3, dtype=np.int8)}, {}, {"é": 1.5})
    whole = path.read_bytes()
    for i in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[i // 8] ^= 1 << i % 8
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match="is not as|was not written|another version"):
            jaxlearn.load(path)


def test_the_same_bytes_under_another_shape_dtype_or_name_are_told(path):
    jaxlearn.save(path, {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": np.ones((2, 3), np.int32)})
    whole = path.read_bytes()
    names = b'"params/a":', b'"params/b":'
    swapped = whole.replace(names[0], b"?").replace(names[1], names[0]).replace(b"?", names[1])
    for changed in (whole.replace(b"[2,3]", b"[3,2]", 1), whole.replace(b'"I32"', b'"F32"', 1), swapped):
        assert len(changed) == len(whole)
        assert changed != whole
        path.write_bytes(changed)
        check_told(path)


def test_a_file_is_told_wherever_it_is_cut(path):
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match="is not as"):
            jaxlearn.load(path)


def mutate(content, random):
    """Bytes changed, cut out, put in or copied, or the end cut off; a header's length often still fits."""
    at, other = random.integers(len(content), size=2)
    size = int(random.geometric(0.2))
    piece = [
        bytes([content[at] ^ 1 << random.integers(8)]),
        b"",
        random.bytes(size),
        bytes(random.integers(32, 127, size).astype(np.uint8)),
        content[other : other + size],
    ][random.integers(5)]
    rest = content[at + random.integers(size + 1) :] if random.random() < 0.9 else b""
    changed = content[:at] + piece + rest
    end = 8 + int.from_bytes(content[:8], "little")
    if 8 <= at < end < len(content) and rest:
        changed = (end - 8 + len(changed) - len(content)).to_bytes(8, "little", signed=True) + changed[8:]
    return changed or b"\0"


VALUES = [
    None,
    True,
    2,
    "",
    "list",
    "params/w",
    "params/no",
    [],
    {},
    ["list"],
    ["tuple", "params/1"],
    ["set"],
]


def mutate_forged(random):
    """A file whose SHA-256 is right, with other values somewhere in what it says of itself."""
    tensors = {"params/w": np.zeros(3, np.float32), "params/1": np.zeros((), bool)}
    trees = {"params": ["tuple", "params/w", {"a": "params/1"}, None], "model_state": {"a": ["list", {}]}}
    about = {"layout": 1, "config": {"rate": 0.1}, "tree": trees}
    for _ in range(random.integers(3)):
        inside, key = {"about": about}, "about"
        while random.random() < 0.8 and isinstance(inside[key], dict | list) and inside[key]:
            inside = inside[key]
            key = random.choice(list(inside)) if isinstance(inside, dict) else random.integers(len(inside))
        inside[key] = copy.deepcopy(VALUES[random.integers(len(VALUES))])
        if key == "about":
            return serialize(tensors, {"jaxlearn": json.dumps(inside[key])})
    return serialize(tensors, {"jaxlearn": to_json(about | {"sha256": _store.digest(about, tensors)})})


@pytest.mark.parametrize("inputs", [200, pytest.param(100_000, marks=pytest.mark.slow)])
def test_changed_files_end_in_one_clean_line(inputs, path):
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    errors, read = [], 0
    with bounded_memory(256):
        for number in range(inputs):
            changes = number % 4
            content = whole if changes else mutate_forged(random)
            for _ in range(changes):
                content = mutate(content, random)
            path.write_bytes(content)
            try:
                saved = jaxlearn.load(path)
            except ValueError as error:
                errors.append(str(error))
            else:
                read += not changes
                assert not changes or (same(saved.params, PARAMS) and same(saved.model_state, STATE))
    assert all(error.startswith(f"{path} ") and "\n" not in error for error in errors)
    assert inputs / 20 < read < inputs / 5  # of the quarter that is forged, those that could be true
    assert len(errors) > inputs * 0.7
