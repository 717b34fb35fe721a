"""The command ``ganaug quality``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganaug.cli.options import (
    As,
    DateFormat,
    Decimal,
    Drop,
    Encoding,
    NaValues,
    Quiet,
    Seed,
    Sep,
    Thousands,
    Verbose,
    read_options,
)
from ganaug.cli.screen import note, tell
from ganaug.files import kind_at


def quality(
    real: Annotated[Path, typer.Argument(help="The real rows that synthetic ones are to be like.")],
    synthetic: Annotated[
        Path, typer.Argument(help="Synthetic rows, alone or as ganaug augment writes them.")
    ],
    target: Annotated[
        str | None,
        typer.Option(help="The column of class labels: each class is then looked at alone."),
    ] = None,
    held_out: Annotated[
        Path | None,
        typer.Option(help="Real rows that the GAN has not seen; only with them copies are found."),
    ] = None,
    as_: As = None,
    drop: Drop = None,
    seed: Seed = 0,
    sep: Sep = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    date_format: DateFormat = None,
    na_values: NaValues = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Measure how close synthetic rows or images are to real ones, and whether they are copies.

    Each number comes with what real rows have in the place of synthetic ones, and with which way
    is good. Of a table that `ganaug augment` has written, the rows marked as synthetic count as
    synthetic and the others as real; of a folder, the images named so.

    For example:

    - `ganaug quality train.csv new.csv --target y`
    - `ganaug quality train.csv bigger.csv --target y --held-out test.csv`
    - `ganaug quality digits more-digits`
    """
    kind = kind_at(real, as_)
    if kind_at(synthetic, as_) is not kind:
        raise ValueError(f"{real} and {synthetic} must be of one kind, such as two tables.")
    options = read_options(sep, encoding, decimal, thousands, date_format, na_values, drop)
    paths = {"real": real, "synthetic": synthetic}
    if held_out is not None:
        paths["held_out"] = held_out
    kinds = kind.read_classes(paths, target, options)
    for name, classes in kinds.items():
        tell(f"{paths[name]}: {sum(map(len, classes.values()))} {kind.noun}")
    tell("Loading scikit-learn ...")
    from ganaug.quality import report

    absent = [label for label in kinds["synthetic"] if label not in kinds["real"]]
    if absent:
        raise ValueError(f"{synthetic} has a class {absent[0]!r}, and {real} has not.")
    measured, reasons = False, []
    for label in kinds["synthetic"]:
        rows = {name: classes[label] for name, classes in kinds.items() if label in classes}
        try:
            found = report(**rows, encoder=kind.encoder, random_state=seed)
        except ValueError as error:
            reasons.append(f"{label} is not measured: {error}" if label else str(error))
            continue
        measured = True
        if label:
            print(f"\n{target or 'class'} {label}")
        print(found)
    if not measured:
        raise ValueError(" ".join(reasons))
    for reason in reasons:
        note(reason)
