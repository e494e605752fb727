"""L-BFGS: steps of Newton's method, with a Hessian guessed from the last gradients."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxlearn._check import check_whole
from jaxlearn._dtype import compute_dtype, from_pairs, to_pairs

from ._history import History, dot, inverse_hessian_times, remember
from ._leafwise import PyTree, Scalar
from ._learning_rate import LearningRateState
from ._numeric import zero_of
from ._schedule import schedulable
from ._sharding import place_like, replicated
from ._transform import Transform, hyperparameters, increment
from ._wolfe import Point, strong_wolfe


class LbfgsState(NamedTuple):
    """State of `lbfgs`. Vectors hold all parameters in a row, in float32 or wider.

    Attributes:
      rate: the learning rate.
      n_iter: iterations so far, over all updates; int32 of shape ().
      func_evals: evaluations of the loss so far; int32 of shape ().
      step: the last step; shape (n,).
      grad: the gradient before it; shape (n,).
      history: the steps before that one.
    """

    rate: LearningRateState
    n_iter: jax.Array
    func_evals: jax.Array
    step: jax.Array
    grad: jax.Array
    history: History


class _Options(NamedTuple):
    line_search: str | None
    max_iter: int
    max_eval: int
    learning_rate: jax.Array
    tolerance_grad: jax.Array
    tolerance_change: jax.Array


class _Iterate(NamedTuple):
    """Where the iterations of one update stand: at `x`, after `n_iter` iterations and `evals` evaluations."""

    x: jax.Array
    value: jax.Array
    grad: jax.Array
    n_iter: jax.Array
    evals: jax.Array
    done: jax.Array
    state: LbfgsState


def _iterate(loss_and_grad: Callable[[jax.Array], Any], o: _Options, at: _Iterate) -> _Iterate:
    """One iteration: a direction, a step along it, and whether to go on."""
    history = remember(at.state.history, at.state.step, at.grad - at.state.grad)
    d = -inverse_hessian_times(history, at.grad)
    # nothing is known of the curvature at first: the parameters move by 1 at most, all together
    cautious = jnp.where(at.state.n_iter == 0, jnp.minimum(1, 1 / jnp.sum(jnp.abs(at.grad))), 1)
    t = cautious * o.learning_rate
    start = Point(jnp.zeros_like(t), at.value, dot(at.grad, d), at.grad)
    n_iter = at.n_iter + 1
    none = jnp.zeros_like(at.evals)

    def evaluate(t: jax.Array) -> Point:
        value, grad = loss_and_grad(at.x + t * d)
        return Point(t, value, dot(grad, d), grad)

    def walk() -> tuple[Point, jax.Array]:
        if o.line_search == "strong_wolfe":
            return strong_wolfe(evaluate, start, t, _largest(d), o.max_eval - at.evals)
        # the point after the last step is evaluated by whoever makes the next update
        last = start._replace(t=t), none
        return jax.lax.cond(n_iter < o.max_iter, lambda: (evaluate(t), none + 1), lambda: last)

    downhill = ~(start.slope > -o.tolerance_change)
    point, evals = jax.lax.cond(downhill, walk, lambda: (start, none))
    step = jnp.where(downhill, point.t, t) * d  # PyTorch notes the step down even if it is not made
    done = (
        ~downhill
        | (n_iter == o.max_iter)
        | (at.evals + evals >= o.max_eval)
        | (_largest(point.grad) <= o.tolerance_grad)
        | (_largest(step) <= o.tolerance_change)
        | (jnp.abs(point.value - at.value) < o.tolerance_change)
    )
    state = LbfgsState(
        rate=at.state.rate,
        n_iter=increment(at.state.n_iter),
        func_evals=at.state.func_evals + evals,
        step=step,
        grad=at.grad,
        history=history,
    )
    return _Iterate(at.x + point.t * d, point.value, point.grad, n_iter, at.evals + evals, done, state)


def _largest(x: jax.Array) -> jax.Array:
    return jnp.max(jnp.abs(x), initial=0)


def _flatten(tree: PyTree) -> tuple[jax.Array, Callable[[jax.Array], PyTree]]:
    """All real numbers of a tree in a row, in float32 or wider, and the way back to the tree's own dtypes."""
    pairs = jax.tree.map(lambda leaf: replicated(to_pairs(leaf)), tree)
    dtypes = [compute_dtype(leaf.dtype) for leaf in jax.tree.leaves(pairs)]
    widest = max(dtypes, key=lambda dtype: dtype.itemsize, default=jnp.dtype("float32"))
    row, unravel = ravel_pytree(jax.tree.map(lambda leaf: leaf.astype(widest), pairs))

    def restore(new: jax.Array, leaf: Any) -> jax.Array:
        return place_like(from_pairs(new, jnp.result_type(leaf)), jnp.asarray(leaf))

    return row, lambda row: jax.tree.map(restore, unravel(row), tree)


def _shapes(tree: PyTree) -> Any:
    return jax.tree.structure(tree), [jnp.shape(leaf) for leaf in jax.tree.leaves(tree)]


@schedulable
def lbfgs(
    learning_rate: Scalar = 1.0,
    max_iter: int = 20,
    max_eval: int | None = None,
    tolerance_grad: Scalar = 1e-7,
    tolerance_change: Scalar = 1e-9,
    history_size: int = 100,
    line_search: str | None = None,
) -> Transform:
    r"""L-BFGS as `torch.optim.LBFGS`, with its defaults: an update is a whole `step(closure)`.

    $$\theta_{k+1} = \theta_k - t_k\,H_k\,g_k$$

    $H_k$ is the BFGS guess of the inverse Hessian, made from $\gamma_k I$ and the last $m$ pairs
    $s_i = \theta_{i+1} - \theta_i$ and $y_i = g_{i+1} - g_i$, with $\gamma_k = s \cdot y / y \cdot y$
    of the last pair. An update makes up to `max_iter` such iterations. It ends early when the largest
    gradient is within `tolerance_grad`, when the largest step, the change of the loss or the slope along
    the direction is within `tolerance_change`, or after `max_eval` evaluations.

    `update(grads, state, params, value_fn=loss)` needs `value_fn`, a function of the parameters that
    gives the loss, and `grads`, its gradient at `params`. With `value=`, the loss there, one evaluation
    less is made. Nothing in a chain may change the gradient before it or the step after it. Outside of
    `jax.jit` every update compiles anew.

    Memory: 2 m + 2 numbers for each parameter.

    Args:
      learning_rate: $t_k$ in [0, inf), or a schedule of the number of updates; divided by
        $\lVert g \rVert_1$ in the very first iteration if that is above 1. The line search only
        starts with it.
      max_iter: iterations in an update, 1 or more.
      max_eval: evaluations in an update, 1 or more; None is `max_iter * 5 // 4`, and so for
        `max_iter=1` a line search of one trial.
      tolerance_grad: in [0, inf).
      tolerance_change: in [0, inf).
      history_size: $m$, 1 or more.
      line_search: None, or "strong_wolfe" to choose $t_k$ by the strong Wolfe conditions. Without it
        a learning rate that is too high diverges.

    Raises:
      ValueError: a hyperparameter outside its range, or `update` without `params` or `value_fn`.
      TypeError: `max_iter`, `max_eval` or `history_size` is not a whole number.

    Source: Liu & Nocedal (1989), https://doi.org/10.1007/BF01589116; Algorithms 7.4, 3.5 and 3.6 of
    Nocedal & Wright, Numerical Optimization (2006), https://doi.org/10.1007/978-0-387-40065-5.
    `optax.lbfgs` makes one iteration an update, remembers 10 pairs and has another line search.

    >>> opt = lbfgs(line_search="strong_wolfe")
    >>> loss = lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    >>> x = jnp.array([-1.0, 1.0])
    >>> state = opt.init(x)
    >>> for _ in range(3):
    ...     updates, state = opt.update(jax.grad(loss)(x), state, x, value_fn=loss)
    ...     x = x + updates
    >>> jnp.round(x, 2)
    Array([1., 1.], dtype=float32)
    """
    max_iter = check_whole("max_iter", max_iter, 1)
    evaluations = max_iter * 5 // 4 if max_eval is None else check_whole("max_eval", max_eval, 1)
    history_size = check_whole("history_size", history_size, 1)
    hyperparameters(
        locals(), learning_rate="[0, inf)", tolerance_grad="[0, inf)", tolerance_change="[0, inf)"
    )
    if line_search not in (None, "strong_wolfe"):
        raise ValueError(f'line_search must be None or "strong_wolfe", got {line_search!r}')

    rate_state = lambda: LearningRateState(jnp.array(learning_rate, float))

    def init(params: PyTree) -> LbfgsState:
        x = _flatten(params)[0]
        zeros = lambda *shape: jnp.zeros(shape, x.dtype) + zero_of(params, x.dtype)
        no = lambda: zero_of(params, jnp.int32)
        m, n = history_size, x.size
        history = History(zeros(m, n), zeros(m, n), zeros(m), zeros() + 1, no())
        return LbfgsState(rate_state(), no(), no(), zeros(n), zeros(n), history)

    def update(
        grads: PyTree,
        state: LbfgsState,
        params: PyTree = None,
        *,
        value_fn: Callable[[PyTree], Any] | None = None,
        value: Any = None,
        **extra: Any,
    ) -> tuple[PyTree, LbfgsState]:
        if value_fn is None or (params is None and grads is not None):
            raise ValueError("lbfgs evaluates the loss: call update(grads, state, params, value_fn=loss)")
        if _shapes(grads) != _shapes(params):
            raise ValueError("gradients and parameters differ in shape")
        x, unflatten = _flatten(params)
        number = partial(jnp.asarray, dtype=x.dtype)
        loss = lambda x: number(value_fn(unflatten(x)))
        scalars = map(number, (learning_rate, tolerance_grad, tolerance_change))
        options = _Options(line_search, max_iter, evaluations, *scalars)
        grad = _flatten(grads)[0].astype(x.dtype)
        zero = zero_of(params, jnp.int32)
        # computed in the dtype of the parameters, whatever the state is kept in
        wide = lambda s: s.astype(x.dtype) if jnp.issubdtype(s.dtype, jnp.floating) else s
        at = _Iterate(
            x=x,
            value=zero.astype(x.dtype) + (loss(x) if value is None else number(value)),
            grad=grad,
            n_iter=zero,
            evals=zero + 1,
            done=_largest(grad) <= options.tolerance_grad,
            state=jax.tree.map(wide, state)._replace(func_evals=state.func_evals + 1),
        )
        iterate = partial(_iterate, jax.value_and_grad(loss), options)
        end = jax.lax.while_loop(lambda at: ~at.done, iterate, at)
        kept = jax.tree.map(lambda new, old: new.astype(old.dtype), end.state, state)
        return unflatten(end.x - x), kept._replace(rate=rate_state())

    return Transform(init, update)
