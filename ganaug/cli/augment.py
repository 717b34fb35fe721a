"""The command ``ganaug augment``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganaug import cli
from ganaug.cli.options import (
    DateFormat,
    Decimal,
    Encoding,
    Force,
    NaValues,
    Output,
    Seed,
    Sep,
    SkipUnreadable,
    Steps,
    Target,
    Thousands,
    read_options,
    read_strategy,
)
from ganaug.cli.screen import busy, say
from ganaug.files import kind_at
from ganaug.paths import check_free, replaced_folder

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter


def augment(
    data: Annotated[
        Path,
        typer.Argument(
            help="A .csv, .tsv, .txt, .parquet, .feather, .xlsx or .jsonl file, or a folder with "
            "one of PNG or JPEG files for each class."
        ),
    ],
    output: Output,
    target: Target = None,
    sampling_strategy: Annotated[
        str,
        typer.Option(
            help="auto: all classes as large as the largest; 0.5: the rare class half as large "
            "as the other; '{\"yes\": 500}': so many rows in all."
        ),
    ] = "auto",
    seed: Seed = 0,
    steps: Steps = None,
    mark_column: Annotated[
        str, typer.Option(help="The added column: true in synthetic rows.")
    ] = "synthetic",
    mark: Annotated[
        bool, typer.Option("--mark/--no-mark", help="Add that column, or do not.")
    ] = True,
    save_model: Annotated[
        Path | None, typer.Option(help="Also save the trained GAN here, for ganaug sample.")
    ] = None,
    skip_unreadable: SkipUnreadable = False,
    sep: Sep = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    date_format: DateFormat = None,
    na_values: NaValues = None,
    force: Force = False,
) -> None:
    """Add synthetic rows of the rare classes to a table, or images to a folder.

    Real rows come first and stay as they are. Real images are copied byte for byte; synthetic ones
    are called synthetic-0001.png and so on, in the folders of their classes. Images of 8 to 64
    pixels a side are made by a convolutional GAN, others by a dense one.

    Augment training data only: synthetic rows in a test set make every score a lie.

    For example:

    - `ganaug augment train.csv --target y -o bigger.csv`
    - `ganaug augment train.parquet --target y -o bigger.parquet --sampling-strategy 0.5`
    - `ganaug augment train.csv --target y -o bigger.csv --save-model y.gan`
    - `ganaug augment digits -o more-digits`
    """
    options = read_options(sep, encoding, decimal, thousands, date_format, na_values)
    kind = kind_at(data)
    kind.check_output(output, force)
    source = kind.read(data, target, skip_unreadable=skip_unreadable, options=options)
    _check_paths(data, output, save_model, force)
    marked_by = mark_column if mark else None
    source.check_mark(data, marked_by)

    from ganaug.augmenter import GANAugmenter

    augmenter = GANAugmenter(**source.gan_parameters(), random_state=seed)
    augmenter.set_params(sampling_strategy=read_strategy(sampling_strategy, source.y))
    if steps is not None:
        augmenter.set_params(steps=steps)
    with busy("Training the GAN"):
        X_new, y_new = augmenter.fit(source.X, source.y).sample()
    cli.write_table(
        output,
        partial(source.write, X_new=X_new, y_new=y_new, mark=marked_by),
        f"{len(source.y)} real {source.noun} and {len(y_new)} synthetic; {_additions(augmenter)}",
    )
    if save_model is not None:
        _save(augmenter, save_model, source.noun)


def _save(augmenter: GANAugmenter, path: Path, noun: str) -> None:
    """Save the model; if that fails, the rows are there already."""
    try:
        if path.exists():
            with replaced_folder(path) as new:
                augmenter.save(new)
        else:
            augmenter.save(path)
    except Exception as error:
        say(f"The {noun} above are complete, but the model is not saved: {error}")
        raise typer.Exit(1) from error


def _check_paths(data: Path, output: Path, save_model: Path | None, force: bool) -> None:
    """Refuse paths in the folder of the real data, and a model that cannot be saved."""
    for path in (output, save_model):
        if path is not None and data.resolve() in path.resolve().parents:
            raise ValueError(f"{path} lies in {data}, among the real images.")
    if save_model is None:
        return
    if save_model.resolve() == output.resolve():
        raise ValueError(f"{output} cannot be both the data and the model.")
    if not (force and _is_model(save_model)):
        replaceable = " --force replaces it." if _is_model(save_model) else " Choose another name."
        check_free(save_model, replaceable)


def _is_model(path: Path) -> bool:
    """Return whether a saved model is there and nothing else: no other folder is ever deleted."""
    from ganaug.storage import ARRAYS, OUTLINE

    there = {file.name for file in path.iterdir()} if path.is_dir() else set()
    return OUTLINE in there and there <= {OUTLINE, ARRAYS}


def _additions(augmenter: GANAugmenter) -> str:
    """Return how many rows of which class were added, and by which method."""
    added = [
        f"{label}: {rows} more ({augmenter.methods_[label]})"
        for label, rows in augmenter.sampling_strategy_.items()
        if rows
    ]
    more = [f"... ({len(added)} classes)"] if added[8:] else []
    return ", ".join([*added[:8], *more]) or "none"
