"""A convolution that never gets a gradient, and one that must.

The report's convolution computes with numpy arrays and wraps the result in a fresh tensor. That tensor
knows nothing of the weights: the graph is cut, the convolutions stay as they were drawn, and the layers
behind them learn all the same, so that nothing looks wrong.

In JAX an array that is being differentiated does not become a numpy array: the same mistake is an error.
Whoever wants the cut says `stop_gradient`.

Prints:
    detour over numpy: TracerArrayConversionError
    stop_gradient:  convolution 0.0, linear layer 7.1
    straight ahead: convolution 1.0, linear layer 7.1
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxlearn import losses, nn


def norms_of_gradients(between):
    """Norms of the gradients of a convolution and of a linear layer, with something in between."""
    convolution, linear = nn.sequential(nn.conv2d(4, 3), nn.relu), nn.sequential(nn.flatten, nn.linear(3))
    params = {
        "convolution": convolution.init(jax.random.key(0), (6, 6, 1))[0],
        "linear": linear.init(jax.random.key(1), (4, 4, 4))[0],
    }
    image = jnp.arange(36.0).reshape(6, 6, 1) / 36

    def loss(params):
        features, _ = convolution.apply(params["convolution"], {}, image)
        logits, _ = linear.apply(params["linear"], {}, between(features))
        return losses.cross_entropy(logits, jnp.array(1))

    grads = jax.grad(loss)(params)
    return [jnp.linalg.norm(ravel_pytree(grads[name])[0]) for name in params]


def main() -> None:
    try:
        norms_of_gradients(lambda features: jnp.asarray(np.asarray(features)))
    except jax.errors.TracerArrayConversionError as error:
        print("detour over numpy:", type(error).__name__)
    for name, between in (("stop_gradient: ", jax.lax.stop_gradient), ("straight ahead:", nn.identity)):
        convolution, linear = norms_of_gradients(between)
        print(f"{name} convolution {convolution:.1f}, linear layer {linear:.1f}")


if __name__ == "__main__":
    main()
