from jaxlearn import optim

from ._recipe import Recipe

RECIPE = Recipe(
    factory=optim.soap,
    update_rule="adam in the eigenbasis of L and R, means of g * g' and g' * g",
    memory="2, and 2 n^2 for each dimension of n",
    pros="fewer steps than adam",
    cons="a QR decomposition at every tenth",
    when="steps are dear and matrices small",
    search=(1e-4, 1e-1),
    # a longer dimension would take far longer than the gradients
    defaults={"max_precond_dim": 512},
)
