"""What a model consists of, and what one example costs."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
from jax.extend.core import Jaxpr, jaxprs_in_params

from ._layer import Layer, Part, Shape


class Row(NamedTuple):
    """One line of a summary.

    Attributes:
      path: of the layer in the parameters, "2/inner/0"; of the model itself "".
      layer: its name.
      output: shape of what it makes of one example.
      parameters: how many numbers it learns, the layers inside it included.
      flops: multiplications and additions of its matrix products and convolutions, for one example
        forward, each counted by itself; what else it does is left out, as
        `torch.utils.flop_counter` leaves it out.
    """

    path: str
    layer: str
    output: Shape
    parameters: int
    flops: int


def summarize(model: Layer, shape: Shape) -> list[Row]:
    """A row for the model and for every layer inside it; nothing is computed.

    Args:
      model: any layer.
      shape: of one example.

    Raises:
      ValueError: the layers do not fit together.

    >>> from jaxlearn import nn
    >>> model = nn.sequential(nn.flatten, nn.linear(10))
    >>> for row in summarize(model, (28, 28, 1)):
    ...     print(row)
    Row(path='', layer='sequential', output=(10,), parameters=7850, flops=15680)
    Row(path='0', layer='flatten', output=(784,), parameters=0, flops=0)
    Row(path='1', layer='linear(10)', output=(10,), parameters=7850, flops=15680)
    """
    params, state = jax.eval_shape(lambda: model.init(jax.random.key(0), shape))
    return list(_rows(Part("", model, params, state, shape), ""))


def summary(model: Layer, shape: Shape) -> None:
    """Prints a table of the layers of a model, their shapes, parameters and cost; see `Row`.

    Args:
      model: any layer.
      shape: of one example.

    Raises:
      ImportError: rich is missing, which `pip install 'jaxlearn[train]'` brings.
      ValueError: the layers do not fit together.

    >>> from jaxlearn import nn
    >>> summary(nn.sequential(nn.flatten, nn.linear(10)), (28, 28, 1))
    layer           output  parameters   FLOPs
    sequential      (10,)        7,850  15,680
      0 flatten     (784,)           0       0
      1 linear(10)  (10,)        7,850  15,680
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("layer", no_wrap=True)
    table.add_column("output", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("FLOPs", justify="right", no_wrap=True)
    for row in summarize(model, shape):
        *above, place = row.path.split("/")
        name = f"{'  ' * (len(above) + 1)}{place} {row.layer}" if row.path else row.layer
        table.add_row(name, str(row.output), f"{row.parameters:,}", f"{row.flops:,}")
    with_table = Console(highlight=False, width=200)
    with with_table.capture() as captured:
        with_table.print(table)
    print("\n".join(line.rstrip() for line in captured.get().rstrip().splitlines()))


def _rows(part: Part, path: str) -> Iterator[Row]:
    layer, params, state, shape = part.layer, part.params, part.state, part.shape
    x = jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(layer.input_type))
    program = jax.make_jaxpr(lambda p, s, x: layer.apply(p, s, x)[0])(params, state, x)
    parameters = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
    yield Row(path, layer.name, program.out_avals[0].shape, parameters, _flops(program.jaxpr))
    for inner in layer.parts(params, state, shape):
        yield from _rows(inner, f"{path}/{inner.name}".lstrip("/"))


def _flops(program: Jaxpr) -> int:
    return sum(_equation_flops(equation) for equation in program.eqns)


def _equation_flops(equation: Any) -> int:
    name, parameters = equation.primitive.name, equation.params
    if name in ("dot_general", "conv_general_dilated"):
        left, right = (operand.aval.shape for operand in equation.invars)
        output = equation.outvars[0].aval.shape
        if name == "dot_general":
            contracted = math.prod(left[axis] for axis in parameters["dimension_numbers"][0][0])
        else:
            features = parameters["dimension_numbers"].rhs_spec[0]
            contracted = math.prod(right) // right[features]
        return 2 * math.prod(output) * contracted
    inner = [_flops(program) for program in jaxprs_in_params(parameters)]
    if name == "cond":  # one of them runs
        return max(inner)
    return sum(inner) * (parameters["length"] if name == "scan" else 1)
