"""Rules that see a parameter as a matrix or a tensor, in plain numpy, straight from their papers.

As in papers.py: `params` is a list of float64 arrays, `grads` a list over steps of such lists, the result a
list over steps of the parameters after the step.
"""

import numpy as np


def unfold(g, axis):
    """Kolda & Bader's matricization: row j holds the entries of `g` with index j along `axis`."""
    return np.moveaxis(g, axis, 0).reshape(g.shape[axis], -1)


def fold(matrix, shape, axis):
    """The tensor of this shape whose `unfold` is `matrix`; `matrix` may have another number of rows."""
    others = [size for i, size in enumerate(shape) if i != axis]
    return np.moveaxis(matrix.reshape([matrix.shape[0], *others]), 0, axis)


def mode_product(g, matrix, axis):
    """$g \\times_i M$: multiplies every fibre of `g` along `axis` by `matrix` from the left."""
    return fold(matrix @ unfold(g, axis), g.shape, axis)


def matrix_power(matrix, exponent):
    """A power of a symmetric positive definite matrix."""
    eigenvalues, eigenvectors = np.linalg.eigh(matrix)
    return eigenvectors @ np.diag(eigenvalues**exponent) @ eigenvectors.T


def shampoo(
    params,
    grads,
    *,
    learning_rate,
    eps=1e-4,
    momentum=0.0,
    gbar_weight=1.0,
    update_interval=1,
    max_dim=None,
    weight_decay=0.0,
):
    """Gupta, Koren & Singer (2018), Algorithm 2, https://arxiv.org/abs/1802.09568.

    A tensor of order k has k statistics, all with the exponent -1/(2k): -1/2 for a vector, -1/4 for a
    matrix. A scalar counts as a vector of length 1. The statistics are sums, and start at `eps` times the
    identity.

    `momentum` is not in Algorithm 2. It is that of the authors' `tf.contrib.opt.ShampooOptimizer`, their
    `gbar`: the gradients are averaged (momentum * average + gbar_weight * gradient) and then
    preconditioned; the statistics see the raw gradients. `update_interval`, their `svd_interval`, is how
    often the roots are taken, starting with the first step. A dimension above `max_dim` is left alone, and k
    counts the others. The decoupled decay is AdamW's.
    """
    w = [np.atleast_1d(p) for p in params]
    gbar = [np.zeros_like(p) for p in w]
    h = [[eps * np.eye(size) for size in p.shape] for p in w]
    roots = [[None] * p.ndim for p in w]
    trajectory = []
    for t, step in enumerate(grads):
        for j, g in enumerate(step):
            g = np.atleast_1d(g)
            axes = [i for i in range(g.ndim) if max_dim is None or g.shape[i] <= max_dim]
            k = len(axes)
            gbar[j] = momentum * gbar[j] + gbar_weight * g
            precond = gbar[j]
            for i in axes:
                h[j][i] = h[j][i] + unfold(g, i) @ unfold(g, i).T  # H_t^i = H_{t-1}^i + G_t^(i)
                if t % update_interval == 0:
                    roots[j][i] = matrix_power(h[j][i], -1 / (2 * k))
                precond = mode_product(precond, roots[j][i], i)  # G x_i (H_t^i)^(-1/2k)
            w[j] = w[j] - learning_rate * (precond + weight_decay * w[j])
        trajectory.append([x.reshape(p.shape) for x, p in zip(w, params, strict=True)])
    return trajectory


def project(g, bases):
    for axis, q in bases.items():
        g = mode_product(g, q.T, axis)
    return g


def project_back(g, bases):
    for axis, q in bases.items():
        g = mode_product(g, q, axis)
    return g


def soap(
    params,
    grads,
    *,
    learning_rate,
    b1=0.95,
    b2=0.95,
    shampoo_beta=None,
    eps=1e-8,
    weight_decay=0.0,
    precondition_frequency=10,
    max_precond_dim=10000,
    precondition_1d=False,
    skip_first=True,
):
    """Vyas et al. (2024), Algorithm 3, https://arxiv.org/abs/2409.11321, as the authors' soap.py runs it.

    https://github.com/nikhilvyas/SOAP, with merge_dims=False, normalize_grads=False, correct_bias=True:

    - The first gradient only starts the statistics, (1 - b2) G G^T, and their eigenbases, by `eigh`. The
      parameters keep still, the moments stay zero and Adam's step count stays 0: without `skip_first` this
      gradient makes a step in the basis that it has just given.
    - Every later step projects the gradient by the bases of the last step, moves the parameters, decays
      them (after the step, by `learning_rate * weight_decay`), then averages the statistics. When Adam's
      step count is a multiple of `precondition_frequency`, a step of power iteration and QR refreshes the
      bases.
    - A refresh first sorts the columns by their Rayleigh quotients, the largest first, and the second
      moments with them. The second moments are otherwise left as they are in the new basis. The first
      moment is an average of unprojected gradients here; the code turns it back and forth, which is the
      same.
    - Adam's eps is added to the uncorrected root: m / (sqrt(v) + eps) * sqrt(1 - b2^t) / (1 - b1^t).
    - A dimension above `max_precond_dim`, a scalar, and a vector unless `precondition_1d`, has no basis.
    """
    beta = b2 if shampoo_beta is None else shampoo_beta
    trajectory = []
    p = list(params)
    states = [None] * len(p)
    for step in grads:
        for j, g in enumerate(step):
            if states[j] is None:
                axes = [i for i in range(g.ndim) if g.shape[i] <= max_precond_dim]
                axes = [] if g.ndim == 1 and not precondition_1d else axes
                gg = {i: (1 - beta) * unfold(g, i) @ unfold(g, i).T for i in axes}
                q = {i: np.linalg.eigh(gg[i])[1][:, ::-1] for i in axes}
                states[j] = gg, q, np.zeros_like(g), np.zeros_like(g), 0
                if skip_first:
                    continue
            gg, q, m, v, t = states[j]
            t = t + 1
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * project(g, q) ** 2
            n = project_back(project(m, q) / (np.sqrt(v) + eps), q)
            p[j] = p[j] - learning_rate * np.sqrt(1 - b2**t) / (1 - b1**t) * n
            p[j] = p[j] - learning_rate * weight_decay * p[j]
            for i in q:
                if t > 1 or skip_first:  # the first gradient is in the statistics already
                    gg[i] = beta * gg[i] + (1 - beta) * unfold(g, i) @ unfold(g, i).T
                if t % precondition_frequency == 0:
                    order = np.argsort(-np.diag(q[i].T @ gg[i] @ q[i]), kind="stable")
                    v = np.take(v, order, axis=i)
                    q[i] = np.linalg.qr(gg[i] @ q[i][:, order])[0]
            states[j] = gg, q, m, v, t
        trajectory.append(list(p))
    return trajectory


def centralize(grad):
    """Yong et al. (2020), equation 1, https://arxiv.org/abs/2004.01461, for one step's list of gradients.

    Takes the mean of each output's weights from them: over all axes but the first. Vectors stay as they are.
    """
    return [g - np.mean(g, axis=tuple(range(1, g.ndim)), keepdims=True) if g.ndim > 1 else g for g in grad]


def unitwise_norm(x):
    """Brock et al. (2021): the norm of each output's weights; of a whole vector."""
    axes = tuple(range(1, x.ndim)) if x.ndim > 1 else None
    return np.sqrt(np.sum(x**2, axis=axes, keepdims=True))


def adaptive_grad_clip(params, grad, *, clipping=0.01, eps=1e-3):
    """Brock et al. (2021), equation 3, https://arxiv.org/abs/2102.06171, for one step's list of gradients."""
    clipped = []
    for w, g in zip(params, grad, strict=True):
        limit = clipping * np.maximum(unitwise_norm(w), eps)
        norm = unitwise_norm(g)
        clipped.append(np.where(norm > limit, limit * g / np.where(norm > 0, norm, 1), g))
    return clipped
