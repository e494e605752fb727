"""Update rules in plain numpy that need more than one leaf's gradient: norms, estimates, further parameters.

As in papers.py: `params` is a list of float64 arrays, `grads` a list over steps of such lists, the result a
list over steps of the parameters after the step.
"""

import numpy as np

from tests.jaxlearn.optim.papers import zeros


def novograd(params, grads, *, learning_rate, b1=0.95, b2=0.98, eps=1e-8, weight_decay=0.0):
    """Ginsburg et al. (2019), Algorithm 1, https://arxiv.org/abs/1905.11286: v is a number for each leaf."""
    w, m, v, trajectory = list(params), zeros(params), [0.0] * len(params), []
    for t, step in enumerate(grads, 1):
        for i, g in enumerate(step):
            v[i] = np.sum(g**2) if t == 1 else b2 * v[i] + (1 - b2) * np.sum(g**2)
            m[i] = b1 * m[i] + (g / (np.sqrt(v[i]) + eps) + weight_decay * w[i])  # m_1 has no factor 1 - b1
            w[i] = w[i] - learning_rate * m[i]
        trajectory.append(list(w))
    return trajectory


def madgrad(params, grads, *, learning_rate, momentum=0.9, eps=1e-6, weight_decay=0.0, decoupled=False):
    """Defazio & Jelassi (2021), Algorithm 1, https://arxiv.org/abs/2101.11075, as the authors' code runs it.

    https://github.com/facebookresearch/madgrad adds eps to the learning rate too.
    """
    x, s, v, trajectory = list(params), zeros(params), zeros(params), []
    lr = learning_rate + eps
    for k, step in enumerate(grads):
        lamb = lr * np.sqrt(k + 1)
        for i, g in enumerate(step):
            g = g if decoupled else g + weight_decay * x[i]
            s[i] = s[i] + lamb * g
            v[i] = v[i] + lamb * g**2
            z = params[i] - s[i] / (np.cbrt(v[i]) + eps)
            x[i] = momentum * x[i] + (1 - momentum) * z - (lr * weight_decay * x[i] if decoupled else 0.0)
        trajectory.append(list(x))
    return trajectory


def dadapt_adamw(
    params,
    grads,
    *,
    learning_rate=1.0,
    b1=0.9,
    b2=0.999,
    eps=1e-8,
    estim_lr0=1e-6,
    weight_decay=0.0,
    bias_correction=False,
    growth_rate=np.inf,
):
    """Defazio & Mishchenko (2023), "Adam with D-Adaptation", https://arxiv.org/abs/2301.07733.

    As https://github.com/facebookresearch/dadaptation, DAdaptAdam with decouple=True, runs it: r divides by
    the second moments of the last step. `bias_correction` is their use_bias_correction, off by default.
    """
    x, m, v, s, trajectory = list(params), zeros(params), zeros(params), zeros(params), []
    d, r, root = estim_lr0, 0.0, np.sqrt(b2)
    for t, step in enumerate(grads, 1):
        correction = np.sqrt(1 - b2**t) / (1 - b1**t) if bias_correction else 1.0
        dlr = d * learning_rate * correction
        product = sum(np.sum(g * s[i] / (np.sqrt(v[i]) + eps)) for i, g in enumerate(step))
        r = root * r + (1 - root) * dlr * product
        for i, g in enumerate(step):
            m[i] = b1 * m[i] + (1 - b1) * dlr * g
            v[i] = b2 * v[i] + (1 - b2) * g**2
            s[i] = root * s[i] + (1 - root) * dlr * g
            x[i] = x[i] - weight_decay * dlr * x[i]
            x[i] = x[i] - m[i] / (np.sqrt(v[i]) + eps)
        d = max(d, min(r / ((1 - root) * sum(np.sum(np.abs(y)) for y in s)), d * growth_rate))
        trajectory.append(list(x))
    return trajectory


def prodigy(
    params,
    grads,
    *,
    learning_rate=1.0,
    b1=0.9,
    b2=0.999,
    b3=None,
    eps=1e-8,
    estim_lr0=1e-6,
    estim_lr_coef=1.0,
    weight_decay=0.0,
    safeguard_warmup=False,
    bias_correction=False,
    growth_rate=np.inf,
):
    """Mishchenko & Defazio (2024), the Adam version, https://arxiv.org/abs/2306.06101.

    As https://github.com/konstmish/prodigy runs it: r and s are divided by d_0, `bias_correction` is their
    use_bias_correction, off by default; eps is multiplied by the new d, the step by the old one.
    """
    x, m, v, s, trajectory = list(params), zeros(params), zeros(params), zeros(params), []
    d, d_max, r, b3 = estim_lr0, estim_lr0, 0.0, np.sqrt(b2) if b3 is None else b3
    for t, step in enumerate(grads, 1):
        correction = np.sqrt(1 - b2**t) / (1 - b1**t) if bias_correction else 1.0
        dlr = d * learning_rate * correction
        product = sum(np.sum(g * (params[i] - x[i])) for i, g in enumerate(step))
        r = b3 * r + d / estim_lr0 * dlr * product
        for i, g in enumerate(step):
            m[i] = b1 * m[i] + (1 - b1) * d * g
            v[i] = b2 * v[i] + (1 - b2) * (d * g) ** 2
            s[i] = b3 * s[i] + d / estim_lr0 * (d if safeguard_warmup else dlr) * g
        d_hat = estim_lr_coef * r / sum(np.sum(np.abs(y)) for y in s)
        if d == estim_lr0:
            d = max(d, d_hat)
        d_max = max(d_max, d_hat)
        d = min(d_max, d * growth_rate)
        for i in range(len(x)):
            x[i] = x[i] - weight_decay * dlr * x[i]
            x[i] = x[i] - dlr * m[i] / (np.sqrt(v[i]) + d * eps)
        trajectory.append(list(x))
    return trajectory


def schedule_free_sgd(
    params,
    grads,
    *,
    learning_rate=1.0,
    warmup_steps=0,
    b1=0.9,
    weight_decay=0.0,
    weight_lr_power=2.0,
    evaluation=False,
):
    """Defazio et al. (2024), equations 3 to 5, https://arxiv.org/abs/2405.15682.

    The result is y, where the gradients are taken; with `evaluation` x, their average. The decay is at y.
    """
    x, y, z, trajectory = list(params), list(params), list(params), []
    lr_max, weight_sum = 0.0, 0.0
    for t, step in enumerate(grads, 1):
        lr = learning_rate(t - 1) if callable(learning_rate) else learning_rate
        lr = lr * min(1, t / warmup_steps) if warmup_steps else lr
        lr_max = max(lr, lr_max)
        weight_sum = weight_sum + lr_max**weight_lr_power
        c = lr_max**weight_lr_power / weight_sum
        for i, g in enumerate(step):
            z[i] = z[i] - lr * (g + weight_decay * y[i])
            x[i] = (1 - c) * x[i] + c * z[i]
            y[i] = (1 - b1) * z[i] + b1 * x[i]
        trajectory.append(list(x if evaluation else y))
    return trajectory


def schedule_free_adamw(
    params,
    grads,
    *,
    learning_rate=0.0025,
    warmup_steps=0,
    b1=0.9,
    b2=0.999,
    eps=1e-8,
    weight_decay=0.0,
    weight_lr_power=2.0,
    correct_learning_rate=False,
    evaluation=False,
):
    """Defazio et al. (2024), Algorithm 1, https://arxiv.org/abs/2405.15682, as the authors' code runs it.

    https://github.com/facebookresearch/schedule_free corrects the bias of v. `correct_learning_rate`, as in
    the paper, multiplies the learning rate by sqrt(1 - b2^t) instead, and with it the weights of the average.
    The result is y, where the gradients are taken; with `evaluation` x, their average. The decay is at y.
    """
    x, y, z, v, trajectory = list(params), list(params), list(params), zeros(params), []
    lr_max, weight_sum = 0.0, 0.0
    for t, step in enumerate(grads, 1):
        lr = learning_rate(t - 1) if callable(learning_rate) else learning_rate
        lr = lr * min(1, t / warmup_steps) if warmup_steps else lr
        correction = 1 - b2**t
        if correct_learning_rate:
            lr, correction = lr * np.sqrt(correction), 1.0
        lr_max = max(lr, lr_max)
        weight_sum = weight_sum + lr_max**weight_lr_power
        c = lr_max**weight_lr_power / weight_sum
        for i, g in enumerate(step):
            v[i] = b2 * v[i] + (1 - b2) * g**2
            z[i] = z[i] - lr * (g / (np.sqrt(v[i] / correction) + eps) + weight_decay * y[i])
            x[i] = (1 - c) * x[i] + c * z[i]
            y[i] = (1 - b1) * z[i] + b1 * x[i]
        trajectory.append(list(x if evaluation else y))
    return trajectory


def sophia(
    params,
    grads,
    hessians,
    *,
    learning_rate,
    b1=0.965,
    b2=0.99,
    eps=1e-12,
    gamma=0.01,
    weight_decay=0.1,
    update_interval=10,
    bias_correction=False,
    refresh_first=True,
):
    """Liu et al. (2024), Algorithm 3, https://arxiv.org/abs/2305.14342.

    `hessians` is like `grads`: estimates of the diagonal at the parameters before the step. Those of steps 1,
    1 + k, 1 + 2 k, ... are used, ahead of the step, or without `refresh_first` after it as in optax. The
    paper corrects no bias of m.
    """
    theta, m, h, trajectory = list(params), zeros(params), zeros(params), []
    for t, step in enumerate(grads, 1):
        for i, g in enumerate(step):
            h_new = h[i]
            if (t - 1) % update_interval == 0:
                h_new = b2 * h[i] + (1 - b2) * hessians[t - 1][i]
            h[i] = h_new if refresh_first else h[i]
            m[i] = b1 * m[i] + (1 - b1) * g
            m_hat = m[i] / (1 - b1**t) if bias_correction else m[i]
            theta[i] = theta[i] - learning_rate * weight_decay * theta[i]
            theta[i] = theta[i] - learning_rate * np.clip(m_hat / np.maximum(gamma * h[i], eps), -1, 1)
            h[i] = h_new
        trajectory.append(list(theta))
    return trajectory


def sam(params, gradient, *, steps, learning_rate, rho=0.05, momentum=0.0, adaptive=False, eta=0.0):
    """Foret et al. (2021), Algorithm 1 and equation 2, https://arxiv.org/abs/2010.01412, around SGD.

    `gradient(params, t)` is the list of gradients at step t. `adaptive`: ASAM, Kwon et al. (2021), Algorithm
    1, https://arxiv.org/abs/2102.11600, with T_w = |w| + eta for every leaf. The norms are over all leaves.
    """
    w, v, trajectory = list(params), zeros(params), []
    for t in range(1, steps + 1):
        g = gradient(w, t)
        scale = [np.abs(x) + eta if adaptive else np.ones_like(x) for x in w]  # T_w
        norm = np.sqrt(sum(np.sum((k * y) ** 2) for k, y in zip(scale, g, strict=True)))
        ascent = [x + rho * k**2 * y / norm for x, k, y in zip(w, scale, g, strict=True)]
        for i, y in enumerate(gradient(ascent, t)):
            v[i] = momentum * v[i] + y
            w[i] = w[i] - learning_rate * v[i]
        trajectory.append(list(w))
    return trajectory


def lookahead(params, grads, *, learning_rate, sync_period=5, slow_step_size=0.5, momentum=0.0, slow=False):
    """Zhang et al. (2019), Algorithm 1, https://arxiv.org/abs/1907.08610, around SGD.

    The result is theta, the fast weights, where the gradients are taken; with `slow` phi. The momentum buffer
    is kept at a synchronization.
    """
    theta, phi, v, trajectory = list(params), list(params), zeros(params), []
    for t, step in enumerate(grads, 1):
        for i, g in enumerate(step):
            v[i] = momentum * v[i] + g
            theta[i] = theta[i] - learning_rate * v[i]
            if t % sync_period == 0:
                phi[i] = phi[i] + slow_step_size * (theta[i] - phi[i])
                theta[i] = phi[i]
        trajectory.append(list(phi if slow else theta))
    return trajectory
