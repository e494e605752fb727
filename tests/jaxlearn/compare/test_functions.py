"""Surfaces, the ways of optimizers down them, the choice of a learning rate, and the picture."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy.optimize import rosen, rosen_der

from jaxlearn import optim
from jaxlearn.compare.functions import SURFACES, Descent, Surface, choose, descend, tune
from jaxlearn.report import descents_table
from jaxlearn.report._trajectories import plot_descents

BOWL = Surface("bowl", lambda p: p @ p - 2, (-1.0, 0.0), ((0.0, 0.0),), -2.0, (-2, 2, -2, 2), "x² + y² - 2")
SIGNS = {"²": "**2", "³": "**3", "xy": "x*y", "100 (": "100*("}


def march(learning_rate):
    """Walks to the right by `learning_rate` in each step, wherever it is."""
    return optim.Transform(lambda params: (), lambda g, state, params: (jnp.stack([learning_rate, 0.0]), ()))


def down(surface, optimizer, steps):
    return jax.tree.map(np.asarray, jax.jit(lambda: descend(surface, optimizer, steps))())


def descent(final, values=(1.0, 0.5), rates=(0.1, 0.2, 0.3), **fields):
    points = np.stack([np.linspace(-1, 0, len(values)), np.zeros(len(values))], axis=1)
    fields = {"optimizer": "sgd", "steps_to": None, "points": points, **fields}
    return Descent(rates=list(rates), final=np.array(final), values=np.array(values), **fields)


@pytest.mark.parametrize("surface", SURFACES.values(), ids=list(SURFACES))
def test_the_minima_are_minima_and_there_is_nothing_below(x64, surface):
    for minimum in surface.minima:
        point = jnp.array(minimum)
        np.testing.assert_allclose(surface.f(point), surface.least, rtol=0, atol=1e-20)
        np.testing.assert_allclose(jax.grad(surface.f)(point), 0, atol=1e-12)
        assert np.linalg.eigvalsh(jax.hessian(surface.f)(point)).min() > 0.1
    left, right, bottom, top = surface.bounds
    grid = np.meshgrid(np.linspace(left, right, 401), np.linspace(bottom, top, 401))
    points = np.stack(grid, axis=-1).reshape(-1, 2)
    values = np.asarray(jax.jit(jax.vmap(surface.f))(points))
    assert values.min() >= surface.least
    # and where it is low, one of the minima is near: none is missing
    lowest = points[values - surface.least < 0.02]
    distances = np.linalg.norm(lowest[:, None] - np.array(surface.minima), axis=2)
    assert distances.min(axis=1).max() < 0.5
    assert set(distances.argmin(axis=1)) == set(range(len(surface.minima)))


@pytest.mark.parametrize("surface", SURFACES.values(), ids=list(SURFACES))
def test_the_formula_is_that_of_the_function_and_all_points_are_in_the_picture(x64, surface):
    assert SURFACES[surface.name] is surface
    points = np.random.default_rng(0).uniform(-3, 3, (20, 2))
    text = surface.formula
    for sign, code in SIGNS.items():
        text = text.replace(sign, code)
    expected = [eval(text, {"x": x, "y": y}) for x, y in points]
    np.testing.assert_allclose(jax.vmap(surface.f)(jnp.array(points)), expected, rtol=1e-12)
    left, right, bottom, top = surface.bounds
    for x, y in (surface.start, *surface.minima):
        assert left < x < right
        assert bottom < y < top


def test_rosenbrock_is_scipys(x64):
    points = np.random.default_rng(0).normal(size=(20, 2))
    values = jax.vmap(SURFACES["rosenbrock"].f)(jnp.array(points))
    np.testing.assert_allclose(values, [rosen(p) for p in points], rtol=1e-12)


def test_the_saddle_is_one_and_its_start_is_beside_the_ridge(x64):
    f = SURFACES["saddle"].f
    np.testing.assert_array_equal(jax.grad(f)(jnp.zeros(2)), 0)
    np.testing.assert_allclose(jax.hessian(f)(jnp.zeros(2)), [[2, 0], [0, -2]], atol=1e-12)
    points, values = down(SURFACES["saddle"], optim.sgd(0.1), 100)
    assert np.abs(points[20]).max() < 0.06  # the gradient leads to the saddle first
    assert values[-1] < 1e-6


def test_sgd_goes_the_way_of_a_loop_in_numpy(x64):
    points, values = down(SURFACES["rosenbrock"], optim.sgd(1e-3), 50)
    expected = [np.array(SURFACES["rosenbrock"].start)]
    for _ in range(50):
        expected.append(expected[-1] - 1e-3 * rosen_der(expected[-1]))
    assert points.shape == (51, 2)
    np.testing.assert_allclose(points, expected, rtol=1e-11)
    np.testing.assert_allclose(values, [rosen(p) for p in expected], rtol=1e-11)


def test_adam_of_optax_goes_the_way_of_a_loop(x64):
    surface, adam = SURFACES["himmelblau"], optax.adam(0.1)
    with jax.numpy_dtype_promotion("standard"):  # optax counts in int32
        points, _ = down(surface, adam, 30)
    point = jnp.array(surface.start)
    state, step = adam.init(point), jax.jit(lambda p, s: adam.update(jax.grad(surface.f)(p), s, p))
    for expected in points[1:]:
        with jax.numpy_dtype_promotion("standard"):
            updates, state = step(point, state)
        point = point + updates
        np.testing.assert_allclose(point, expected, rtol=1e-11)


def test_an_update_is_given_the_value_the_function_and_the_gradient(x64):
    def update(grads, state, params, *, value, value_fn, grad):
        expected, gradient = jax.value_and_grad(value_fn)(params)
        return -0.1 * (2 * grads - grad) * value / expected + gradient - grad, state

    told = optim.Transform(lambda params: (), update)
    np.testing.assert_allclose(down(BOWL, told, 5)[0], down(BOWL, optim.sgd(0.1), 5)[0], rtol=1e-12)


@pytest.mark.parametrize("lbfgs", [optim.lbfgs(1.0), optax.lbfgs()], ids=["jaxlearn", "optax"])
def test_lbfgs_is_there_soon(lbfgs):
    _, values = down(SURFACES["rosenbrock"], lbfgs, 40)
    assert values[-1] < 1e-8


def test_what_is_drawn_of_an_average_is_the_average():
    plain, _ = down(BOWL, optim.sgd(0.1), 6)
    averaged, values = down(BOWL, optim.average_parameters(optim.sgd(0.1)), 6)
    means = np.cumsum(plain[1:], axis=0) / np.arange(1, 7)[:, None]
    np.testing.assert_allclose(averaged[1:], means, rtol=1e-6)
    np.testing.assert_allclose(values, (averaged**2).sum(axis=1) - 2, rtol=1e-6)


def test_a_run_in_the_grid_is_the_run_alone_and_all_are_one_program():
    surface, rates, made = SURFACES["beale"], [1e-3, 1e-2, 1e-1, 0.5], []

    def make(learning_rate):
        made.append(learning_rate)
        return optim.adam(learning_rate)

    found = tune(surface, "adam", make, rates, 40)
    assert len(made) == 1
    alone = [down(surface, optim.adam(jnp.float32(rate)), 40) for rate in rates]
    np.testing.assert_allclose(found.final, [values[-1] for _, values in alone], rtol=1e-4)
    for mine, expected in zip((found.points, found.values), alone[found.chosen], strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-3, atol=1e-5)
    assert (found.optimizer, found.rates, found.rate) == ("adam", rates, rates[found.chosen])
    assert found.final[found.chosen] == found.final.min()


def test_one_rate_is_a_grid_too():
    found = tune(BOWL, "sgd", optim.sgd, [0.5], 3)
    points, values = down(BOWL, optim.sgd(jnp.float32(0.5)), 3)
    np.testing.assert_array_equal(found.points, points)
    np.testing.assert_array_equal(found.values, values)
    assert (found.final.shape, found.chosen, found.edge, found.steps_to) == ((1,), 0, None, 1)


def test_the_end_counts_and_not_a_lucky_middle():
    found = tune(BOWL, "march", march, [0.5, 0.125, 0.1, 0.075], 10)  # 0.125 is there after 8
    np.testing.assert_allclose(found.final, [14, 0.25**2 - 2, -2, 0.25**2 - 2], atol=1e-5)
    assert (found.rate, found.steps_to, found.edge) == (0.1, 10, None)
    assert found.diverged == 1  # 0.5 ends above the start
    np.testing.assert_allclose(found.points[:, 0], np.linspace(-1, 0, 11), atol=1e-6)


def test_the_budget_decides():
    assert tune(BOWL, "march", march, [0.1, 0.2], 5).rate == 0.2
    assert tune(BOWL, "march", march, [0.1, 0.2], 10).rate == 0.1


def test_rates_that_diverge_are_counted_and_never_chosen():
    surface = SURFACES["rosenbrock"]
    found = tune(surface, "sgd", optim.sgd, [0.1, 1e-3, 1.0], 100)
    assert np.isnan(found.final[[0, 2]]).all()
    assert (found.rate, found.diverged, found.edge, found.steps_to) == (1e-3, 2, "smallest", None)
    none = tune(surface, "sgd", optim.sgd, [0.1, 0.5, 1.0], 100)
    assert (none.rate, none.diverged, none.edge, none.steps_to) == (0.1, 3, "smallest", None)
    assert descents_table(surface, [none])[0]["above the least at the end"] == "nan"


def test_the_first_of_equally_good_rates_is_chosen():
    assert choose(np.array([np.inf, 1.0, 0.5, 0.5, -np.inf, np.nan])) == 2
    # from (-1, 0) to (-0.75, 0) and to (0.75, 0), which are equally high
    assert tune(BOWL, "march", march, [0.25, 1.75], 1).rate == 0.25


@pytest.mark.parametrize(
    ("final", "rates", "edge"),
    [
        ([0, 1, 2], (0.1, 0.2, 0.3), "smallest"),
        ([2, 1, 0], (0.1, 0.2, 0.3), "largest"),
        ([0, 1, 2], (0.3, 0.2, 0.1), "largest"),
        ([2, 1, 2], (0.1, 0.2, 0.3), None),
        ([1, 2], (0.1, 0.2), None),
        ([1], (0.1,), None),
    ],
)
def test_a_rate_at_the_edge_is_told(final, rates, edge):
    assert descent(final, rates=rates).edge == edge


def test_ending_above_the_start_or_nowhere_is_diverging():
    assert descent([0.5, 1.0, 1.1, np.nan, np.inf, -np.inf], rates=range(6)).diverged == 4


def test_the_table_says_it_in_words():
    ends = descent([1.5, -2 + 2**-10, 3.0], (2.0, -2 + 2**-10), steps_to=7, optimizer="adam")
    first, second = descents_table(BOWL, [ends, descent([np.inf, 3.0, -1.0], optimizer="lion")])
    assert list(first.values()) == ["adam", "0.2", "0.000977", "7", "1/3"]
    assert list(second.values()) == ["lion", "0.3 (largest tried)", "1", "-", "2/3"]
    assert list(first) == list(second)


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Draws descents; gives the path and the figure that was saved there."""
    figures = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *args, **kw: (figures.append(self), save(self, *args, **kw))
    )

    def draw(surface, descents):
        plot_descents(tmp_path / "way.png", surface, descents)
        return tmp_path / "way.png", figures[-1]

    return draw


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_picture_is_whole_and_shows_every_way(draw):
    surface = SURFACES["himmelblau"]
    makers = {"sgd": optim.sgd, "adam": optim.adam}
    descents = [tune(surface, name, make, [1e-3, 1e-2, 0.1], 30) for name, make in makers.items()]
    path, figure = draw(surface, descents)
    assert [file.name for file in path.parent.iterdir()] == ["way.png"]
    with Image.open(path) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", (1650, 825))
        colors = {color[:3] for _, color in image.convert("RGBA").getcolors(2**24)}
    assert {(0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2), (255, 255, 0)} <= colors  # both ways, and the minima
    ways, heights = figure.axes
    for number, found in enumerate(descents):
        np.testing.assert_array_equal(np.transpose(ways.lines[2 * number].get_data()), found.points)
        np.testing.assert_array_equal(heights.lines[number].get_ydata(), found.values)
    assert labels(figure) == ["sgd, rate 0.01", "adam, rate 0.1", "start", "minima"]
    assert figure.get_suptitle() == f"himmelblau: {surface.formula}"


def test_heights_are_above_the_least_and_one_minimum_is_one(draw):
    _, figure = draw(BOWL, [descent([-1.0], values=(-1.0, -1.5, -1.75), rates=(0.1,))])
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), [1, 0.5, 0.25])
    np.testing.assert_allclose(figure.axes[1].get_ylim(), [0.125, 2])
    assert labels(figure)[1:] == ["start", "minimum"]


def test_a_run_that_diverges_or_arrives_does_not_change_the_scale(draw):
    far = np.array([[-1.0, 0.0], [1e38, -1e38], [np.inf, np.nan], [np.nan, np.nan]])
    lost = descent([np.nan], (-1.0, 1e38, np.inf, np.nan), (0.1,), points=far)
    there = descent([-2.0], (-1.0, -1.5, -2.0), (0.1,))
    path, figure = draw(BOWL, [lost, there])
    ways, heights = figure.axes
    assert (*ways.get_xlim(), *ways.get_ylim()) == BOWL.bounds
    np.testing.assert_allclose(heights.get_ylim(), [0.25, 10])
    _, figure = draw(BOWL, [descent([-2.0], (-1.0, -2 + 2**-52), (0.1,))])
    np.testing.assert_allclose(figure.axes[1].get_ylim(), [1e-12, 2])
    assert path.exists()


def test_many_optimizers_look_different_and_their_names_are_beside_the_axes(draw):
    many = [descent([0.5], optimizer=f"schedule_free_adamw_{n}", rates=(0.003162,)) for n in range(28)]
    _, figure = draw(BOWL, many)
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[1].lines}
    assert len(looks) == 28
    assert [line.get_color() for line in figure.axes[0].lines[:56:2]] == [
        line.get_color() for line in figure.axes[1].lines
    ]
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.x1
    for axes in figure.axes:
        assert axes.get_tightbbox().y0 >= legend.y1
        assert axes.bbox.height > 400


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"steps must be in \[1, inf\), got 0"):
        descend(BOWL, optim.sgd(0.1), 0)
    with pytest.raises(ValueError, match="rates must hold at least one learning rate, got none"):
        tune(BOWL, "sgd", optim.sgd, [], 5)
    for rate in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match=rf"rates must be in \[0, inf\), got {rate}"):
            tune(BOWL, "sgd", optim.sgd, [0.1, rate], 5)


def test_nothing_is_not_drawn(tmp_path):
    with pytest.raises(ValueError, match="descents must hold at least one, got none"):
        plot_descents(tmp_path / "way.png", BOWL, [])
    assert not list(tmp_path.iterdir())
