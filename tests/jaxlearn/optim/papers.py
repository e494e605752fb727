"""Update rules in plain numpy, straight from their papers or their authors' code: one function a rule.

`params` is a list of float64 arrays, `grads` a list over steps of lists like `params`; a function returns a
list over steps of the parameters after the step. Variables have the papers' names, keywords have optax's, t
counts from 1.
"""

import numpy as np


def zeros(params):
    return [np.zeros_like(p) for p in params]


def momentum(params, grads, *, learning_rate, momentum=0.9, nesterov=False):
    """Goodfellow, Bengio & Courville, Deep Learning (2016), Algorithms 8.2 and 8.3.

    Algorithm 8.3 takes its gradients at the interim points theta + alpha v. Those are what `nesterov`
    returns: the points where the next gradient is taken, which is what a library keeps as the parameters.
    """
    theta, v, trajectory = list(params), zeros(params), []
    for step in grads:
        for i, g in enumerate(step):
            v[i] = momentum * v[i] - learning_rate * g
            theta[i] = theta[i] + v[i]
        look_ahead = momentum if nesterov else 0.0
        trajectory.append([x + look_ahead * y for x, y in zip(theta, v, strict=True)])
    return trajectory


def sign_sgd(params, grads, *, learning_rate, momentum=0.0):
    """Bernstein et al. (2018), Algorithm 1 (signSGD) and 2 (Signum), https://arxiv.org/abs/1802.04434."""
    x, m, trajectory = list(params), zeros(params), []
    for step in grads:
        for i, g in enumerate(step):
            m[i] = momentum * m[i] + (1 - momentum) * g
            x[i] = x[i] - learning_rate * np.sign(m[i])
        trajectory.append(list(x))
    return trajectory


def lion(params, grads, *, learning_rate, b1=0.9, b2=0.99, weight_decay=0.0):
    """Chen et al. (2023), Algorithm 2, https://arxiv.org/abs/2302.06675."""
    theta, m, trajectory = list(params), zeros(params), []
    for step in grads:
        for i, g in enumerate(step):
            c = b1 * m[i] + (1 - b1) * g
            theta[i] = theta[i] - learning_rate * (np.sign(c) + weight_decay * theta[i])
            m[i] = b2 * m[i] + (1 - b2) * g
        trajectory.append(list(theta))
    return trajectory


def lamb(params, grads, *, learning_rate, b1=0.9, b2=0.999, eps=1e-6, weight_decay=0.0):
    """You et al. (2020), Algorithm 2, https://arxiv.org/abs/1904.00962, with phi the identity.

    The ratio is 1 where a norm is 0 (the paper does not say).
    """
    x, m, v, trajectory = list(params), zeros(params), zeros(params), []
    for t, step in enumerate(grads, 1):
        for i, g in enumerate(step):
            m[i] = b1 * m[i] + (1 - b1) * g
            v[i] = b2 * v[i] + (1 - b2) * g**2
            r = m[i] / (1 - b1**t) / (np.sqrt(v[i] / (1 - b2**t)) + eps)
            update = r + weight_decay * x[i]
            x_norm, update_norm = np.sqrt(np.sum(x[i] ** 2)), np.sqrt(np.sum(update**2))
            ratio = x_norm / update_norm if x_norm > 0 and update_norm > 0 else 1.0
            x[i] = x[i] - learning_rate * ratio * update
        trajectory.append(list(x))
    return trajectory


def lars(
    params, grads, *, learning_rate, momentum=0.9, weight_decay=0.0, trust_coefficient=1e-3, norm_of_sum=False
):
    """You, Gitman & Ginsburg (2017), Algorithm 1 and equation 6, https://arxiv.org/abs/1708.03888.

    The local rate divides by ||g|| + beta ||w||, with `norm_of_sum` by ||g + beta w|| as optax does. It is
    1 where a norm is 0 (the paper does not say).
    """
    w, v, trajectory = list(params), zeros(params), []
    for step in grads:
        for i, g in enumerate(step):
            update = g + weight_decay * w[i]
            w_norm = np.sqrt(np.sum(w[i] ** 2))
            norm = np.sqrt(np.sum(g**2)) + weight_decay * w_norm
            if norm_of_sum:
                norm = np.sqrt(np.sum(update**2))
            local = trust_coefficient * w_norm / norm if w_norm > 0 and norm > 0 else 1.0  # eq. 6
            v[i] = momentum * v[i] + learning_rate * local * update
            w[i] = w[i] - v[i]
        trajectory.append(list(w))
    return trajectory


def adabelief(
    params,
    grads,
    *,
    learning_rate,
    b1=0.9,
    b2=0.999,
    eps=1e-16,
    eps_root=1e-16,
    weight_decay=0.0,
    nesterov=False,
):
    """Zhuang et al. (2020), Algorithm 2, https://arxiv.org/abs/2010.07468.

    The paper's two eps, one inside s (which averages it in at every step) and one outside of the root, are
    equal. The decoupled decay is that of the authors' code. `nesterov` is optax's.
    """
    theta, m, s, trajectory = list(params), zeros(params), zeros(params), []
    for t, step in enumerate(grads, 1):
        for i, g in enumerate(step):
            m[i] = b1 * m[i] + (1 - b1) * g
            s[i] = b2 * s[i] + (1 - b2) * (g - m[i]) ** 2 + eps_root
            m_hat, s_hat = m[i] / (1 - b1**t), s[i] / (1 - b2**t)
            if nesterov:
                m_hat = b1 * m[i] / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
            theta[i] = theta[i] * (1 - learning_rate * weight_decay)
            theta[i] = theta[i] - learning_rate * m_hat / (np.sqrt(s_hat) + eps)
        trajectory.append(list(theta))
    return trajectory


def yogi(
    params,
    grads,
    *,
    learning_rate,
    b1=0.9,
    b2=0.999,
    eps=1e-3,
    initial_accumulator_value=1e-6,
    initial_m=0.0,
    bias_correction=False,
    weight_decay=0.0,
):
    """Zaheer et al. (2018), Algorithm 2, https://papers.nips.cc/paper/8186.

    The paper corrects no bias; optax and TensorFlow do, and start m at the accumulator's value too. The
    decoupled decay is AdamW's.
    """
    x, trajectory = list(params), []
    m = [np.full_like(p, initial_m) for p in params]
    v = [np.full_like(p, initial_accumulator_value) for p in params]
    for t, step in enumerate(grads, 1):
        for i, g in enumerate(step):
            m[i] = b1 * m[i] + (1 - b1) * g
            v[i] = v[i] - (1 - b2) * np.sign(v[i] - g**2) * g**2
            correct1, correct2 = (1 - b1**t, 1 - b2**t) if bias_correction else (1, 1)
            update = (m[i] / correct1) / (np.sqrt(v[i] / correct2) + eps)
            x[i] = x[i] - learning_rate * (update + weight_decay * x[i])
        trajectory.append(list(x))
    return trajectory


def nadamw(
    params,
    grads,
    *,
    learning_rate,
    b1=0.9,
    b2=0.999,
    eps=1e-8,
    weight_decay=0.0,
    momentum_decay=None,
    nu_factor=True,
):
    """Dozat (2016), Algorithm 8, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ, with AdamW's decay.

    The momentum is b1, with `momentum_decay` b1 (1 - 0.5 * 0.96^(momentum_decay t)). `nu_factor`: the paper
    multiplies the corrected second moment by b2; optax and PyTorch do not.
    """

    def mu(t):
        return b1 if momentum_decay is None else b1 * (1 - 0.5 * 0.96 ** (momentum_decay * t))

    theta, m, n, product, trajectory = list(params), zeros(params), zeros(params), 1.0, []
    for t, step in enumerate(grads, 1):
        product = product * mu(t)
        for i, g in enumerate(step):
            m[i] = mu(t) * m[i] + (1 - mu(t)) * g
            n[i] = b2 * n[i] + (1 - b2) * g**2
            m_hat = mu(t + 1) * m[i] / (1 - product * mu(t + 1)) + (1 - mu(t)) * g / (1 - product)
            n_hat = (b2 if nu_factor else 1) * n[i] / (1 - b2**t)
            theta[i] = theta[i] - learning_rate * (m_hat / (np.sqrt(n_hat) + eps) + weight_decay * theta[i])
        trajectory.append(list(theta))
    return trajectory


def adan(
    params,
    grads,
    *,
    learning_rate,
    b1=0.98,
    b2=0.92,
    b3=0.99,
    eps=1e-8,
    weight_decay=0.0,
    no_prox=False,
    weight=None,
):
    """Xie et al. (2022), Algorithm 1, https://arxiv.org/abs/2208.06677, and
    https://github.com/sail-sg/Adan.

    The decay rates are those of the authors' code, 1 minus the paper's betas. `weight` multiplies the
    differences of gradients: 1 - the paper's beta_2, which is `b2` here, and which optax takes as 1 - `b2`.
    """
    weight = b2 if weight is None else weight
    theta, m, v, n, trajectory = list(params), zeros(params), zeros(params), zeros(params), []
    previous = grads[0]
    for t, step in enumerate(grads, 1):
        for i, g in enumerate(step):
            diff = g - previous[i]
            m[i] = b1 * m[i] + (1 - b1) * g
            v[i] = b2 * v[i] + (1 - b2) * diff
            n[i] = b3 * n[i] + (1 - b3) * (g + weight * diff) ** 2
            eta = learning_rate / (np.sqrt(n[i] / (1 - b3**t)) + eps)
            update = eta * (m[i] / (1 - b1**t) + weight * v[i] / (1 - b2**t))
            if no_prox:
                theta[i] = (1 - learning_rate * weight_decay) * theta[i] - update
            else:
                theta[i] = (theta[i] - update) / (1 + learning_rate * weight_decay)
        previous = step
        trajectory.append(list(theta))
    return trajectory


def ademamix_alpha(t, alpha, warmup):
    """Pagliardini et al. (2024), section 3: a linear warm-up."""
    return min(t * alpha / warmup, alpha) if warmup else alpha


def ademamix_b3(t, b3, b_start, warmup):
    """Pagliardini et al. (2024), section 3: linear in the half-life."""
    if not warmup:
        return b3
    log_start, log_end, a = np.log(b_start), np.log(b3), t / warmup
    return min(np.exp(log_start * log_end / ((1 - a) * log_end + a * log_start)), b3) if a < 1 else b3


def ademamix(
    params,
    grads,
    *,
    learning_rate,
    b1=0.9,
    b2=0.999,
    b3=0.9999,
    alpha=5.0,
    eps=1e-8,
    weight_decay=0.0,
    alpha_warmup=None,
    b3_warmup=None,
):
    """Pagliardini, Ablin & Grangier (2024), Algorithm 1, https://arxiv.org/abs/2409.03137.

    The slow average m2 is not corrected. The schedules see t = 1 in the first step.
    """
    theta, m1, m2, nu, trajectory = list(params), zeros(params), zeros(params), zeros(params), []
    for t, step in enumerate(grads, 1):
        alpha_t, b3_t = ademamix_alpha(t, alpha, alpha_warmup), ademamix_b3(t, b3, b1, b3_warmup)
        for i, g in enumerate(step):
            m1[i] = b1 * m1[i] + (1 - b1) * g
            m2[i] = b3_t * m2[i] + (1 - b3_t) * g
            nu[i] = b2 * nu[i] + (1 - b2) * g**2
            update = (m1[i] / (1 - b1**t) + alpha_t * m2[i]) / (np.sqrt(nu[i] / (1 - b2**t)) + eps)
            theta[i] = theta[i] - learning_rate * (update + weight_decay * theta[i])
        trajectory.append(list(theta))
    return trajectory


def adopt(params, grads, *, learning_rate, b1=0.9, b2=0.9999, eps=1e-6, weight_decay=0.0, clip=True):
    """Taniguchi et al. (2024), Algorithm 2, https://arxiv.org/abs/2411.02853; `clip=False` for c_t
    infinite.

    The first gradient is the paper's g_0: it only starts v, neither it nor the decay moves the parameters.
    The decoupled decay is that of https://github.com/iShohei220/adopt.
    """
    theta, m, trajectory = list(params), zeros(params), []
    v = [g**2 for g in grads[0]]
    for t, step in enumerate(grads):
        for i, g in enumerate(step):
            if t == 0:
                continue
            theta[i] = theta[i] - learning_rate * weight_decay * theta[i]
            normalized = g / np.maximum(np.sqrt(v[i]), eps)
            c = t**0.25 if clip else np.inf
            m[i] = b1 * m[i] + (1 - b1) * np.clip(normalized, -c, c)
            theta[i] = theta[i] - learning_rate * m[i]
            v[i] = b2 * v[i] + (1 - b2) * g**2
        trajectory.append(list(theta))
    return trajectory
