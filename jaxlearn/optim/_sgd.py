"""Stochastic gradient descent, in PyTorch's form."""

from jaxlearn._check import is_zero

from ._decay import prepare_gradient
from ._leafwise import Scalar
from ._learning_rate import scale_by_learning_rate
from ._trace import trace
from ._transform import Transform, chain


def sgd(
    learning_rate: Scalar = 1e-3,
    momentum: Scalar = 0.0,
    dampening: Scalar = 0.0,
    weight_decay: Scalar = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> Transform:
    r"""Stochastic gradient descent with all the flags of `torch.optim.SGD`, and its defaults.

    $$g_t \leftarrow g_t + \lambda\,\theta_{t-1}, \qquad
      b_t = \mu\,b_{t-1} + (1-\tau)\,g_t, \qquad
      \theta_t = \theta_{t-1} - \eta_t\,b_t$$

    with $b_1 = g_1$; with Nesterov momentum the step is $\eta_t\,(g_t + \mu\,b_t)$. The learning rate
    multiplies the buffer, so a lower one acts on past gradients at once; in `momentum` it does not.

    Memory: none, or one number for each parameter with momentum.

    Args:
      learning_rate: $\eta$ in [0, inf), or a schedule.
      momentum: $\mu$ in [0, inf).
      dampening: $\tau$; 0 where `nesterov` is used.
      weight_decay: $\lambda$ in [0, inf), an L2 penalty added to the gradient.
      nesterov: look one step ahead; needs momentum.
      maximize: ascend.

    Raises:
      ValueError: a hyperparameter outside its range, or Nesterov momentum with dampening or without
        momentum.

    Source: Robbins & Monro (1951), https://doi.org/10.1214/aoms/1177729586; Algorithm 8.1 of
    Goodfellow et al., Deep Learning (2016). Equal to `optax.sgd`, which has neither dampening nor
    weight decay.

    >>> from jaxlearn import optim
    >>> opt = optim.sgd(0.1, momentum=0.9)
    >>> params = {"w": 1.0}
    >>> updates, state = opt.update({"w": 2.0}, opt.init(params), params)
    >>> print(optim.apply_updates(params, updates)["w"])
    0.8
    """
    buffer = trace(momentum, dampening, nesterov)
    return chain(
        *prepare_gradient(weight_decay, maximize),
        *([] if is_zero(momentum) else [buffer]),
        scale_by_learning_rate(learning_rate),
    )
