"""The command ``ganaug quality``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganaug.cli.options import (
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
from ganaug.files import ReadOptions, kind_at, read_images
from ganaug.files.images import SYNTHETIC
from ganaug.files.options import MARK
from ganaug.files.tables import no_target, read_frame

if TYPE_CHECKING:
    import pandas as pd


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

    - `ganaug quality train.csv new.csv`
    - `ganaug quality train.csv bigger.csv --target y --held-out test.csv`
    - `ganaug quality digits more-digits`
    """
    if kind_at(real) is not kind_at(synthetic):
        raise ValueError(f"{real} and {synthetic} must both be tables or both folders of images.")
    options = read_options(sep, encoding, decimal, thousands, date_format, na_values, drop)
    paths = {"real": real, "synthetic": synthetic, "held_out": held_out}
    kinds = {
        name: _read(path, options, target, name == "synthetic")
        for name, path in paths.items()
        if path
    }
    for name, classes in kinds.items():
        tell(f"{paths[name]}: {sum(map(len, classes.values()))} rows")
    tell("Loading scikit-learn ...")
    from ganaug.quality import report

    absent = [label for label in kinds["synthetic"] if label not in kinds["real"]]
    if absent:
        raise ValueError(f"{synthetic} has a class {absent[0]!r}, and {real} has not.")
    measured, reasons = False, []
    for label in kinds["synthetic"]:
        rows = {name: classes[label] for name, classes in kinds.items() if label in classes}
        try:
            found = report(**rows, random_state=seed)
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


def _read(
    path: Path, options: ReadOptions, target: str | None, is_synthetic: bool
) -> dict[str, Any]:
    """Return the real or the synthetic rows or images by class; without classes under no name."""
    import numpy as np

    if kind_at(path).noun == "images":
        options.check_unused(options.names(), "is for tables in files.")
        if target is not None:
            raise ValueError(f"{path} is a folder, whose classes are folders: leave out --target.")
        images = read_images(path)
        made = np.array([bool(SYNTHETIC.fullmatch(file.name)) for file in images.files])
        wanted = made == is_synthetic if made.any() else ~made
        X, y = images.X[wanted], images.y[wanted]
        return {label: X[y == label] for label in dict.fromkeys(y.tolist())}
    frame = _only(is_synthetic, read_frame(path, options))
    if set(map(str, frame)) <= {target}:
        raise ValueError(f"{path} has no column to measure.")
    if target is None:
        return {"": frame}
    columns = list(map(str, frame))
    if target not in columns:
        raise ValueError(no_target(path, target, columns))
    labels = frame.pop(target).astype(str)
    return {label: frame[labels == label] for label in labels.unique()}


def _only(is_synthetic: bool, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are marked so, without the mark; all rows if there is no mark."""
    import pandas as pd

    if MARK not in frame or not pd.api.types.is_bool_dtype(frame[MARK]):
        return frame
    return frame[frame.pop(MARK).fillna(False).astype(bool) == is_synthetic]
