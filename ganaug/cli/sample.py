"""The command ``ganaug sample``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganaug import cli
from ganaug.cli.options import Force, Output, Quiet, Seed, Verbose, read_rows
from ganaug.files import Kind, kind_for, kinds_of

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter


def sample(
    model: Annotated[Path, typer.Argument(help="What ganaug augment --save-model wrote.")],
    output: Output,
    n: Annotated[
        str | None,
        typer.Option(
            "-n",
            "--rows",
            help="How many: 100 of the classes that the GAN was trained to add to, in their "
            "proportions; or by class, '{\"yes\": 100}'.",
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The column of labels, if not the one trained with.")
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Draw synthetic rows or images from a saved GAN.

    Cells are written plainly, as 1234.5 and 2024-12-31, for a GAN knows values, and not how a file
    spelled them; `ganaug augment` writes rows spelled like the real ones.

    For example, the second for as many rows as the GAN was trained to add, the third of one class:

    - `ganaug sample y.gan -n 100 -o new.csv`
    - `ganaug sample y.gan -o new.parquet --seed 7`
    - `ganaug sample digits.gan -n '{"8": 100}' -o eights`
    """
    kind = kind_for(output)
    kind.check_output(output, force)
    cli.check_model(model)
    from ganaug.augmenter import GANAugmenter

    augmenter = GANAugmenter.load(model)
    from ganaug.frames import as_pandas

    _check_kind(kind, augmenter, model, output, force)
    column = kind.label_column(augmenter, target)
    counts = None if n is None else read_rows(n, augmenter.classes_.tolist())
    X_new, y_new = map(as_pandas, augmenter.sample(counts, random_state=seed))
    write = partial(kind.write_new, augmenter=augmenter, X_new=X_new, y_new=y_new, column=column)
    cli.write_table(output, write, f"{len(y_new)} synthetic {kind.noun}")


def _check_kind(
    kind: Kind, augmenter: GANAugmenter, model: Path, output: Path, force: bool
) -> None:
    """Refuse an output whose name is of a kind that the GAN does not make."""
    possible = kinds_of(augmenter.encoder_)
    if kind not in possible:
        possible[0].check_output(output, force)  # its message may say how to name the output
        raise ValueError(f"{model} makes images; name a folder to make, not {output}.")
