"""The command ``ganaug sample``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganaug import cli
from ganaug.cli.options import (
    Force,
    NJobs,
    Output,
    Quiet,
    Seed,
    Verbose,
    check_n_jobs,
    read_rows,
)
from ganaug.cli.screen import Stopped, progress_wanted, tell
from ganaug.files import Kind, Table, kind_for, kinds_of
from ganaug.files.formats import check_format, is_table
from ganaug.progress import StepProgress

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter
    from ganaug.files.parts import Parts


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
    n_jobs: NJobs = 1,
    force: Force = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Draw synthetic rows or images from a saved GAN.

    Cells are written plainly, as 1234.5 and 2024-12-31, for a GAN knows values, and not how a file
    spelled them; `ganaug augment` writes rows spelled like the real ones.

    A table is also written to a folder, if -o has no ending of a file: in Parquet files of a
    million rows, made one batch at a time, so that billions of rows need no more memory than
    100,000. Files that are there already stay; the same command makes those that are missing.
    Which rows are in which file does not depend on --n-jobs.

    For example, the second for as many rows as the GAN was trained to add, the third of one class,
    the last in files of a folder:

    - `ganaug sample y.gan -n 100 -o new.csv`
    - `ganaug sample y.gan -o new.parquet --seed 7`
    - `ganaug sample digits.gan -n '{"8": 100}' -o eights`
    - `ganaug sample y.gan -n 1e9 -o rows --n-jobs 8`
    """
    check_n_jobs(n_jobs)
    if is_table(output):
        Table.check_output(output, force)
    cli.check_model(model)
    from ganaug.augmenter import GANAugmenter

    augmenter = GANAugmenter.load(model)
    from ganaug.files.parts import Parts
    from ganaug.frames import as_pandas
    from ganaug.storage import checksums

    if not output.suffix and Table in kinds_of(augmenter.encoder_)[:1]:
        column = Table.label_column(augmenter, target)
        asked = augmenter.sampling_strategy_ if n is None else _rows(n, augmenter)
        digest = "".join(checksums(model).values())
        _write_parts(Parts(output, augmenter, digest, asked, seed, column), n_jobs)
        return
    if n_jobs != 1:
        raise ValueError(f"--n-jobs is for a table in a folder of files, and {output} is none.")
    kind = _kind_for(augmenter, model, output, force)
    column = kind.label_column(augmenter, target)
    counts = None if n is None else _rows(n, augmenter)
    X_new, y_new = map(as_pandas, augmenter.sample(counts, random_state=seed))
    write = partial(kind.write_new, augmenter=augmenter, X_new=X_new, y_new=y_new, column=column)
    cli.write_table(output, write, f"{len(y_new)} synthetic {kind.noun}")


def _rows(n: str, augmenter: GANAugmenter) -> int | dict[Any, int]:
    return read_rows(n, augmenter.classes_.tolist())


def _write_parts(parts: Parts, n_jobs: int) -> None:
    """Write what is missing of a folder of rows."""
    from ganaug.parallel import WorkerDied, as_completed

    check_format(Path("part.parquet"))
    left, total = parts.left(), parts.n_parts
    done = total - len(left)
    if done:
        tell(f"{done} of {total} files are in {parts.folder} already.")
    rest = "The same command makes the rest."
    try:
        with (
            StepProgress(f"Writing {parts.folder}", "files", progress_wanted()) as progress,
            as_completed(parts.write, [(number,) for number in left], n_jobs) as results,
        ):
            progress.reached(done, total)
            for _, result in results:
                if isinstance(result, WorkerDied):
                    raise OSError(f"No file of {parts.folder} could be made: {result}.")
                done += 1
                progress.reached(done, total)
    except OSError as error:
        raise OSError(
            f"{error}. {done} of {total} files are complete in {parts.folder}. {rest}"
        ) from error
    except KeyboardInterrupt:
        raise Stopped(
            f"Stopped. {done} of {total} files are complete in {parts.folder}. {rest}"
        ) from None
    files = f"{total} file{'s' * (total != 1)}"
    print(f"Wrote {parts.folder}: {parts.n_rows:,} synthetic rows in {files}")


def _kind_for(augmenter: GANAugmenter, model: Path, output: Path, force: bool) -> Kind:
    """Return the kind of an output; refuse one that is there, or of a name that does not fit."""
    best = kinds_of(augmenter.encoder_)[0]
    kind = kind_for(output, augmenter.encoder_)
    (kind or best).check_output(output, force)
    if kind is None:
        raise ValueError(f"{model} makes {best.noun}; name {best.place} to make, not {output}.")
    return kind
