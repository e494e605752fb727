"""What makes a run fast, as far as a program shows it: times are in `benchmarks/`."""

import re

import jax
import numpy as np
import pytest

from jaxlearn import data, nn, optim, training
from models import MODELS

CNN = nn.sequential(nn.conv2d(4, 3), nn.relu, nn.max_pool(2), nn.conv2d(4, 3), nn.flatten, nn.linear(3))
MLP = nn.sequential(nn.flatten, nn.linear(5), nn.sigmoid, nn.linear(3))
NONE = data.Split(np.zeros((0, 10, 10, 1), np.uint8), np.zeros(0, np.int32))


def make_split(examples, size=10):
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (examples, size, size, 1), dtype=np.uint8)
    return data.Split(images, random.integers(0, 3, examples).astype(np.int32))


def compile_run(model, at_a_time=None):
    train = make_split(40)
    return training.compile_run(
        model, optim.adam(), train, NONE, make_split(20), batch_size=8, seed=0, at_a_time=at_a_time
    )


def compiled_epoch(model):
    run, train = training.make_run(model, optim.adam(), batch_size=8), make_split(40)
    state = run.init(training.draw_start(model, jax.random.key(0), (10, 10, 1)), train)
    return jax.jit(run.advance, donate_argnums=0).lower(state, train).compile(), state


@pytest.fixture
def for_a_cpu():
    """What is compiled in a test is for a CPU, where there is a GPU, too."""
    with jax.default_device(jax.devices("cpu")[0]):
        yield


@pytest.mark.parametrize("at_a_time", [None, 16])
def test_nothing_is_compiled_once_a_run_is(at_a_time):
    program = compile_run(MLP, at_a_time)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: compiled.append(event) if "backend_compile" in event else None
    )
    ((state, _),) = training.fit(program, 1)
    program.test(state)
    assert compiled == []
    jax.jit(lambda x: 3 * x)(1.0)
    assert compiled


def test_an_epoch_moves_nothing_between_host_and_device_but_what_it_measured():
    program = compile_run(MLP)
    positions = training.run_parts(program, training.Position(program.state), 1)
    with jax.transfer_guard("disallow"):
        *_, position = positions
        program.test(position.state)
    assert np.isfinite(position.reports[0].train_loss)


def test_an_epoch_writes_the_new_state_over_the_old():
    compiled, state = compiled_epoch(MLP)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves((state.params, state.opt_state)))
    assert compiled.memory_analysis().alias_size_in_bytes >= size


@pytest.mark.usefixtures("for_a_cpu")
@pytest.mark.parametrize("name", ["cnn", "cnn-bn", "cnn-large", "resnet"])
def test_every_convolution_of_an_epoch_is_in_the_form_that_is_fast_on_a_cpu(name):
    """XLA makes plain loops of all others inside of a loop, and of those that it fuses in loops."""
    model, split = MODELS[name](3), make_split(64, 28)
    run = training.make_run(model, optim.adam(), batch_size=32)
    start = jax.eval_shape(lambda key: training.draw_start(model, key, (28, 28, 1)), jax.random.key(0))
    state = jax.eval_shape(run.init, start, split)
    program = jax.jit(run.advance).lower(state, split).compile().as_text()
    custom = set(re.findall(r"kind=kCustom, calls=(%[\w.-]+)", program))
    convolutions = 0
    for computation in re.split(r"\n}\n", program):
        name = computation.strip().split(" ")[0]
        for line in re.findall(r".* convolution\(.*", computation):
            convolutions += 1
            assert "dim_labels=b01f_01io->b01f" in line
            assert not re.search(r"pad=[^ ,}]*-|lhs_reversal|feature_group_count|batch_group_count", line)
            assert "fused_computation" not in name or name in custom
    assert convolutions >= 3
    assert "select-and-scatter(" not in program


@pytest.mark.usefixtures("for_a_cpu")
def test_pooling_is_no_window_of_a_reduction():
    """XLA's own pooling takes ten times as long on a CPU, inside of a loop."""
    compiled, _ = compiled_epoch(CNN)
    assert not re.search(r"\b(reduce-window|select-and-scatter)\(", compiled.as_text())


@pytest.mark.usefixtures("for_a_cpu")
def test_the_gradient_of_a_weight_is_a_product_that_keeps_the_rows_of_both():
    """(outputs, batch) times (batch, inputs) into the weight's own layout, with no copy turned round."""
    compiled, _ = compiled_epoch(MLP)
    product = r"= f32\[(\d+,\d+)\]\{1,0\} dot\([^)]*\), lhs_contracting_dims=\{0\}"
    assert "5,100" in re.findall(product, compiled.as_text())
