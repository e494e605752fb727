"""Gradient descent with momentum, in the textbook's form."""

from ._decay import prepare_gradient
from ._leafwise import Scalar
from ._learning_rate import scale_by_learning_rate
from ._trace import trace
from ._transform import Transform, chain


def momentum(
    learning_rate: Scalar = 1e-2,
    momentum: Scalar = 0.9,
    weight_decay: Scalar = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> Transform:
    r"""Gradient descent with a velocity that holds the learning rate.

    $$g_t \leftarrow g_t + \lambda\,\theta_{t-1}, \qquad
      v_t = \mu\,v_{t-1} - \eta_t\,g_t, \qquad
      \theta_t = \theta_{t-1} + v_t$$

    with $v_0 = 0$; with Nesterov momentum the step is $\mu\,v_t - \eta_t\,g_t$. It is `sgd` with
    momentum and learning rate in the other order: equal while the learning rate is constant, but
    after a drop of the learning rate the velocity keeps the speed it had.

    Memory: one number for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf), or a schedule.
      momentum: $\mu$ in [0, inf).
      weight_decay: $\lambda$ in [0, inf), an L2 penalty added to the gradient.
      nesterov: look one step ahead.
      maximize: ascend.

    Source: Algorithms 8.2 and 8.3 of Goodfellow et al., Deep Learning (2016),
    https://www.deeplearningbook.org/contents/optimization.html

    >>> from jaxlearn import optim
    >>> opt = optim.momentum(0.1)
    >>> state = opt.init(0.0)
    >>> for _ in range(2):
    ...     velocity, state = opt.update(1.0, state)
    ...     print(velocity)
    -0.1
    -0.19
    """
    return chain(
        *prepare_gradient(weight_decay, maximize),
        scale_by_learning_rate(learning_rate),
        trace(momentum, nesterov=nesterov),
    )
