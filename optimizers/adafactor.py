from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.adafactor,
    update_rule="v = rows x columns of g^2;  w = w - min(lr, 1 / sqrt(t)) * rms(w) * clip(g / sqrt(v))",
    memory="0, and n + m for a matrix of n x m (1 in a vector)",
    pros="the least memory of the adaptive methods; steps relative to the parameters",
    cons="no momentum",
    when="memory is short",
    search=(1e-3, 1e-1),
)
