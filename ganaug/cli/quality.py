"""The command ``ganaug quality``."""

from __future__ import annotations

import shlex
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
from ganaug.files.tables import no_target, read_frames

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

    - `ganaug quality train.csv new.csv --target y`
    - `ganaug quality train.csv bigger.csv --target y --held-out test.csv`
    - `ganaug quality digits more-digits`
    """
    if kind_at(real) is not kind_at(synthetic):
        raise ValueError(f"{real} and {synthetic} must both be tables or both folders of images.")
    options = read_options(sep, encoding, decimal, thousands, date_format, na_values, drop)
    paths = {"real": real, "synthetic": synthetic}
    if held_out is not None:
        paths["held_out"] = held_out
    if kind_at(real).noun == "images":
        options.check_unused(options.names(), "is for tables in files.")
        if target is not None:
            raise ValueError(f"{real} is a folder, whose classes are folders: leave out --target.")
        kinds = {name: _read_images(path, name == "synthetic") for name, path in paths.items()}
    else:
        kinds = _read_tables(paths, options, target)
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


def _read_images(path: Path, is_synthetic: bool) -> dict[str, Any]:
    """Return the real or the synthetic images by class."""
    import numpy as np

    images = read_images(path)
    made = np.array([bool(SYNTHETIC.fullmatch(file.name)) for file in images.files])
    wanted = made == is_synthetic if made.any() else ~made
    X, y = images.X[wanted], images.y[wanted]
    return {label: X[y == label] for label in dict.fromkeys(y.tolist())}


def _read_tables(
    paths: dict[str, Path], options: ReadOptions, target: str | None
) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the rows of each kind by class; without classes under no name."""
    read = read_frames(paths.values(), options)
    frames = {name: _only(name == "synthetic", read[path]) for name, path in paths.items()}
    for name, frame in frames.items():
        columns = list(map(str, frame))
        if set(columns) <= {target}:
            raise ValueError(f"{paths[name]} has no column to measure.")
        if frame.empty:
            marked = "synthetic" if name == "synthetic" else "real"
            raise ValueError(f"{paths[name]} has no {marked} rows.")
        if target is not None and target not in columns:
            raise ValueError(no_target(paths[name], target, columns))
    frames = _with_same_columns(paths, frames, target)
    if target is None:
        _note_constants(frames["real"], frames["synthetic"])
        return {name: {"": frame} for name, frame in frames.items()}
    kinds = {}
    for name, frame in frames.items():
        labels, X = frame[target].astype(str), frame.drop(columns=target)
        kinds[name] = {label: X[labels == label] for label in labels.unique()}
    return kinds


def _with_same_columns(
    paths: dict[str, Path], frames: dict[str, pd.DataFrame], target: str | None
) -> dict[str, pd.DataFrame]:
    """Return tables without the columns that synthetic rows leave empty; refuse those that lack."""
    real, synthetic = frames["real"], frames["synthetic"]
    emptied = [
        name
        for name in real
        if name in synthetic and name != target
        if synthetic[name].isna().all() and not real[name].isna().all()
    ]
    if emptied:
        note(
            "Columns that are empty in all synthetic rows are left out of all measures: "
            f"{', '.join(map(repr, emptied))}."
        )
    for kind, frame in frames.items():
        lacking = [str(name) for name in real if name not in frame and name not in emptied]
        if lacking:
            drop = " ".join(f"--drop {shlex.quote(name)}" for name in lacking)
            raise ValueError(
                f"{paths[kind]} lacks columns that {paths['real']} has: "
                f"{', '.join(map(repr, lacking))}. Leave them out with {drop}."
            )
    kept = {kind: frame.drop(columns=emptied, errors="ignore") for kind, frame in frames.items()}
    if set(kept["real"]) <= {target}:
        raise ValueError(f"{paths['synthetic']} has no column to measure: all are empty.")
    return kept


def _note_constants(real: pd.DataFrame, synthetic: pd.DataFrame) -> None:
    """Say which columns may be the class, because synthetic rows are often of one class alone."""
    for name in real:
        if len(real[name].dropna().unique()) > 1 and len(synthetic[name].unique()) == 1:
            note(
                f"Column {name!r} has one value only in the synthetic rows; if it is the class, "
                f"pass --target {shlex.quote(str(name))}."
            )


def _only(is_synthetic: bool, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are marked so, without the mark; all rows if there is no mark."""
    import pandas as pd

    if MARK not in frame or not pd.api.types.is_bool_dtype(frame[MARK]):
        return frame
    is_marked = frame[MARK].fillna(False).astype(bool) == is_synthetic
    return frame[is_marked].drop(columns=MARK)
