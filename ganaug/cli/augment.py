"""The command ``ganaug augment``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganaug import cli
from ganaug.cli.options import (
    As,
    DateFormat,
    Decimal,
    Device,
    Drop,
    Encoding,
    Force,
    NaValues,
    Output,
    Quiet,
    Seed,
    Sep,
    SkipUnreadable,
    Steps,
    Target,
    Thousands,
    Verbose,
    read_options,
    read_strategy,
)
from ganaug.cli.screen import (
    Stopped,
    describe,
    describe_counts,
    note,
    progress_wanted,
    tell,
)
from ganaug.files import KINDS, ParquetFiles, ReadOptions, Source, kind_at, names_of
from ganaug.files.options import MARK
from ganaug.files.tables import size_of_table
from ganaug.paths import check_free, check_replaceable, undo_killed, written_together
from ganaug.sources import is_parquet

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter


def augment(
    data: Annotated[
        Path,
        typer.Argument(
            help="A .csv, .tsv, .txt, .parquet, .feather, .xlsx, .jsonl, .ts or .arff file; a "
            "folder with one of PNG or JPEG files for each class; or a folder of Parquet files, or "
            "a pattern in quotes such as 'part-*.parquet', larger than memory."
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
    device: Device = None,
    min_distance: Annotated[
        float | None,
        typer.Option(
            help="Keep synthetic rows so far from real ones of their class; 1 is the distance "
            "within which 5 % of the real rows have another one."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Draw from this saved GAN instead of training one on the data."),
    ] = None,
    mark_column: Annotated[
        str, typer.Option(help="The added column: true in synthetic rows.")
    ] = MARK,
    mark: Annotated[
        bool, typer.Option("--mark/--no-mark", help="Add that column, or do not.")
    ] = True,
    save_model: Annotated[
        Path | None, typer.Option(help="Also save the trained GAN here, for ganaug sample.")
    ] = None,
    as_: As = None,
    skip_unreadable: SkipUnreadable = False,
    drop: Drop = None,
    sep: Sep = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    date_format: DateFormat = None,
    na_values: NaValues = None,
    force: Force = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Add synthetic rows of the rare classes to a table, images to a folder, series to their file.

    Real rows come first and stay as they are. Real images are copied byte for byte; synthetic ones
    are called synthetic-0001.png and so on, in the folders of their classes. Images of 8 to 64
    pixels a side are made by a convolutional GAN, others by a dense one.

    Nothing is learned from a column that --drop leaves out, and its cells in synthetic rows are
    empty.

    Parquet files in a folder, or of a pattern, are read batch by batch and stay as they are: the
    output is a .parquet file of the synthetic rows alone, with the columns and types of the real
    ones. For more of them than memory holds, --save-model, and then `ganaug sample`.

    A training that lasts more than a minute is kept beside the output once a minute, until the
    output is written. When the command is killed or interrupted, or the disk is full, the same
    command goes on from there.

    Augment training data only: synthetic rows in a test set make every score a lie.

    For example:

    - `ganaug augment train.csv --target y -o bigger.csv`
    - `ganaug augment train.parquet --target y -o bigger.parquet --sampling-strategy 0.5`
    - `ganaug augment train.csv --target y -o bigger.csv --save-model y.gan`
    - `ganaug augment train.csv --target y -o again.csv --model y.gan --seed 1`
    - `ganaug augment digits -o more-digits`
    - `ganaug augment strides.csv --target gait --as long-series -o more.csv`
    - `ganaug augment 'day-*/*.parquet' --target y -o new.parquet --save-model y.gan`
    """
    for path in (save_model, output):  # in the order in which they are written
        if path is not None:
            undo_killed(path)
    options = read_options(sep, encoding, decimal, thousands, date_format, na_values, drop)
    given = {"steps": steps, "device": device, "min_distance": min_distance}
    given = {name: value for name, value in given.items() if value is not None}
    if is_parquet(data):
        if model is not None:
            raise ValueError("--model needs no data of so many rows: ganaug sample draws from it.")
        if as_ is not None:
            raise ValueError(f"{data} names several Parquet files, which are a table: no --as.")
        if skip_unreadable:
            raise ValueError("--skip-unreadable is for folders of images.")
        _check_paths(data, output, save_model, force)
        files = _open(data, target, options, output, force)
        strategy = read_strategy(sampling_strategy, list(files.counts))
        _augment_files(files, strategy, {"random_state": seed, **given}, output, save_model)
        return
    kind = kind_at(data, as_)
    kind.check_output(output, force)
    if model is not None:
        _check_unused(steps=steps, device=device, min_distance=min_distance, save_model=save_model)
        cli.check_model(model)
    tell(f"Reading {data} ...")
    source = kind.read(data, target, skip_unreadable=skip_unreadable, options=options)
    _check_paths(data, output, save_model, force)
    marked_by = mark_column if mark else None
    source.check_mark(data, marked_by)
    tell(f"{describe(source.size, source.y)} Loading PyTorch ...")

    from ganaug.augmenter import GANAugmenter

    strategy = read_strategy(sampling_strategy, source.y.tolist())
    going_on = _going_on(output) if model is None else nullcontext()
    with going_on:
        if model is None:
            augmenter = GANAugmenter(
                strategy, **source.gan_parameters(), random_state=seed, verbose=progress_wanted()
            ).set_params(**given)
            augmenter.fit(source.X, source.y)
            to_add = augmenter.sampling_strategy_
        else:
            augmenter = GANAugmenter.load(model)
            to_add = _rows_to_add(augmenter, source, strategy, f"{data} does not fit {model}")
        X_new, y_new = augmenter.sample(
            to_add, random_state=seed, n_candidates=augmenter.n_candidates_
        )
        added = _additions(augmenter, to_add)
        write = partial(source.write, X_new=X_new, y_new=y_new, mark=marked_by)
        cli.write_table(
            output,
            _with_model(write, augmenter, save_model),
            f"{len(source.y)} real {source.noun} and {len(y_new)} synthetic; {added}",
        )


def _with_model(
    write: Callable[[Path], object], augmenter: GANAugmenter, save_model: Path | None
) -> Callable[[Path], object]:
    """Return what writes rows and, if it is to be saved, the GAN: both are there, or none."""
    if save_model is None:
        return write

    def write_both(output: Path) -> None:
        with written_together(save_model, output) as (new_model, new_output):
            augmenter.save(new_model)
            write(new_output)

    return write_both


@contextmanager
def _going_on(output: Path) -> Iterator[None]:
    """Keep checkpoints of a fit that takes long beside the output until that is written.

    At the end it says where the fit went on.
    """
    from ganaug.checkpoints import checkpointed

    folder = output.with_name(f".{output.name}.unfinished")
    try:
        with checkpointed(folder, keep_ended=True) as checkpoints:
            yield
    except KeyboardInterrupt:
        if folder.exists():
            raise Stopped("Stopped; the same command goes on from there.") from None
        raise
    for step in checkpoints.resumed:
        note(f"training went on from step {step} of an earlier command")
    shutil.rmtree(folder, ignore_errors=True)  # with what other options have left


def _open(
    data: Path, target: str | None, options: ReadOptions, output: Path, force: bool
) -> ParquetFiles:
    """Return Parquet files with their classes counted, and say what they hold."""
    ParquetFiles.check_output(output, force)
    tell(f"Counting the classes of {data} ...")
    files = ParquetFiles.open(data, target, options)
    size = size_of_table(sum(files.counts.values()), len(files.X.schema.names) - 1)
    tell(f"{describe_counts(size, files.counts)} Loading PyTorch ...")
    return files


def _augment_files(
    files: ParquetFiles,
    strategy: Any,
    parameters: dict[str, Any],
    output: Path,
    save_model: Path | None,
) -> None:
    """Write synthetic rows for Parquet files, which are not read into memory."""
    from ganaug.augmenter import GANAugmenter

    files.check_rows(strategy)
    augmenter = GANAugmenter(strategy, **parameters, verbose=progress_wanted())
    with _going_on(output):
        augmenter.fit(files.X, files.target)
        X_new, y_new = augmenter.sample(n_candidates=augmenter.n_candidates_)
        added = _additions(augmenter, augmenter.sampling_strategy_)
        write = partial(files.write, X_new=X_new, y_new=y_new)
        content = f"{len(y_new)} synthetic rows; {added}"
        cli.write_table(output, _with_model(write, augmenter, save_model), content)


def _check_paths(data: Path, output: Path, save_model: Path | None, force: bool) -> None:
    """Refuse paths in the folder of the real data, and a model that cannot be saved."""
    for path in (output, save_model):
        if path is not None and data.resolve() in path.resolve().parents:
            raise ValueError(f"{path} lies in {data}, among the real data.")
        if path is not None and path.resolve().match(str(data.resolve())) and path != data:
            raise ValueError(f"{path} is one of the files {data}, the real data.")
    if save_model is None:
        return
    if save_model.resolve() == output.resolve():
        raise ValueError(f"{output} cannot be both the data and the model.")
    if force and _is_model(save_model):
        check_replaceable(save_model)
    else:
        replaceable = " --force replaces it." if _is_model(save_model) else " Choose another name."
        check_free(save_model, replaceable)


def _is_model(path: Path) -> bool:
    """Return whether a saved model is there and nothing else: no other folder is ever deleted."""
    from ganaug.storage import ARRAYS, OUTLINE

    there = {file.name for file in path.iterdir()} if path.is_dir() else set()
    return OUTLINE in there and there <= {OUTLINE, ARRAYS}


def _check_unused(**options: Any) -> None:
    """Refuse options of the training where there is none."""
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"--model trains no GAN; leave out --{name.replace('_', '-')}.")


def _rows_to_add(
    augmenter: GANAugmenter, source: Source, strategy: Any, bad: str
) -> dict[Any, int]:
    """Return how many rows of each class a saved GAN is to add to rows that it can add to."""
    import numpy as np

    from ganaug.targets import class_counts, rows_to_add

    known = names_of(augmenter.encoder_)
    read = next(name for name, kind in KINDS.items() if kind is type(source))
    if read not in known:
        raise ValueError(
            f"{bad}: the GAN was trained on {' or '.join(known)}, and the data are read as {read}; "
            "--as says how a file is read."
        )
    try:
        augmenter.transform(source.X)
        augmenter.labels_.encode(source.y)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{bad}: {error}") from error
    return rows_to_add(class_counts(np.asarray(source.y)), strategy, y=source.y)


def _additions(augmenter: GANAugmenter, to_add: dict[Any, int]) -> str:
    """Return how many rows of which class were added, and by which method."""
    added = [
        f"{label}: {rows} more ({augmenter.methods_[label]})"
        for label, rows in to_add.items()
        if rows
    ]
    more = [f"... ({len(added)} classes)"] if added[8:] else []
    return ", ".join([*added[:8], *more]) or "none"
