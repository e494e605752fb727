"""AdamW: Adam with decoupled weight decay, and NAdamW, the same with Nesterov momentum."""

from ._adam import scale_by_adam
from ._decay import decoupled, prepare_gradient
from ._leafwise import Scalar
from ._learning_rate import scale_by_learning_rate
from ._mask import Mask
from ._transform import Transform, chain


def adamw(
    learning_rate: Scalar = 1e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 1e-2,
    amsgrad: bool = False,
    maximize: bool = False,
    mask: Mask | None = None,
) -> Transform:
    r"""AdamW with all the flags of `torch.optim.AdamW`, and its defaults.

    $$\theta_t = \theta_{t-1} - \eta_t \left(\frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}
      + \lambda\,\theta_{t-1}\right)$$

    where $\hat m$ and $\hat v$ are bias-corrected running means of $g$ and $g^2$: `scale_by_adam`.

    Memory: two numbers for each parameter, three with amsgrad.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      weight_decay: $\lambda$ in [0, inf), multiplied by the learning rate.
      amsgrad: divide by the largest second moment so far.
      maximize: ascend; the decay still shrinks.
      mask: which parameters decay (all, unless given): a tree of bools or a function to one.

    Source: Loshchilov & Hutter (2019), https://arxiv.org/abs/1711.05101, where only the schedule and not
    the learning rate multiplies the decay; here, in PyTorch and in `optax.adamw` (which has a weight
    decay of 1e-4 unless told otherwise) both do.

    >>> from jaxlearn import optim
    >>> opt = optim.adamw(0.1, weight_decay=0.5)
    >>> params = {"w": 1.0}
    >>> updates, state = opt.update({"w": 2.0}, opt.init(params), params)
    >>> print(optim.apply_updates(params, updates)["w"])
    0.85
    """
    return chain(
        *prepare_gradient(0.0, maximize),
        scale_by_adam(b1, b2, eps, amsgrad),
        *decoupled(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def nadamw(
    learning_rate: Scalar = 1e-3,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 1e-2,
    mask: Mask | None = None,
) -> Transform:
    r"""AdamW with Nesterov momentum of constant strength.

    $$\theta_t = \theta_{t-1} - \eta_t \left(\frac{\beta_1 m_t / (1-\beta_1^{t+1})
      + (1-\beta_1)\,g_t / (1-\beta_1^t)}{\sqrt{\hat v_t} + \epsilon} + \lambda\,\theta_{t-1}\right)$$

    `nadam(decoupled_weight_decay=True)` is PyTorch's form, in which $\beta_1$ is warmed up.

    Memory: two numbers for each parameter.

    Args:
      learning_rate: $\eta$ in [0, inf).
      b1, b2: $\beta_1$ and $\beta_2$ in [0, 1).
      eps: $\epsilon$ in [0, inf), outside the root.
      weight_decay: $\lambda$ in [0, inf), multiplied by the learning rate.
      mask: which parameters decay (all, unless given): a tree of bools or a function to one.

    Source: Dozat (2016), https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ; Dahl et al. (2023),
    https://arxiv.org/abs/2306.07179. Equal to `optax.nadamw`, whose weight decay is 1e-4 unless told
    otherwise. Dozat multiplies $\hat v$ by $\beta_2$; here, in PyTorch and in optax it is not.

    >>> opt = nadamw(0.1, weight_decay=0.0)
    >>> print(opt.update(2.0, opt.init(1.0))[0])
    -0.14736843
    """
    return chain(
        scale_by_adam(b1, b2, eps, nesterov=True),
        *decoupled(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )
