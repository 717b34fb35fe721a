"""Measure ganaug against every other way to deal with a rare class, on 33 and 24 tables.

    python -m benchmarks run natural       # what is missing; Ctrl-C, and go on later
    python -m benchmarks run natural --arms AugmentedClassifier --again
    python -m benchmarks report natural    # ranks, differences, a picture
    python -m benchmarks rows              # class control, variety, copies
    python -m benchmarks promises          # with their figures, and whether they hold
    python -m benchmarks write             # the tables of BENCHMARKS.md and of docs/

Scores are kept in `benchmarks/results`, a folder for each study and a file for each arm, so that
peers need not run again when ganaug changes. Needs ``pip install -e '.[bench]'``; the Makefile says
what else peers and unseen tables need.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from scipy.stats import friedmanchisquare
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from benchmarks import study as store
from benchmarks.arms import (
    few_rows,
    ingredients,
    ours,
    peers,
    searched,
    slow_peers,
    strong_peers,
    trained_long,
)
from benchmarks.bars.page import check_bars, markdown
from benchmarks.learners import STRONG
from benchmarks.pages import write_pages
from benchmarks.promises import check_promises
from benchmarks.reliability import BENCH as RELIABILITY
from benchmarks.rows import measure_rows
from benchmarks.scale import BENCH as SCALE
from benchmarks.study import Protocol
from benchmarks.tables import HALVES, shortest, tables
from benchmarks.unseen import unseen

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
CLASSIFIERS = {
    "LR": LogisticRegression(max_iter=1000),
    "kNN": KNeighborsClassifier(),
    # A tree grown to single rows has no probabilities to rank by.
    "tree": DecisionTreeClassifier(min_samples_leaf=5),
    "forest": RandomForestClassifier(50),
    "HistGB": HistGradientBoostingClassifier(max_iter=60),
    "MLP": MLPClassifier((32,), max_iter=60, learning_rate_init=0.005),
}


@dataclass(frozen=True)
class Study:
    """What one folder of results holds: which arms, how they are measured, and where."""

    protocol: Protocol
    arms: list
    #: Tables with fewer rare rows than that are left out.
    least_rare: int = 0
    #: None: `CLASSIFIERS`.
    classifiers: Mapping[str, Any] | None = None
    #: None: those of `benchmarks.tables`.
    tables: Callable[[], Mapping[str, Callable]] | None = None


def studies():
    """Return every study by name."""
    main = [*peers(), *ours()]
    strong = Study(
        Protocol(n_folds=2, n_repeats=1),
        [*ours(), *strong_peers(), *searched()],
        classifiers=STRONG,
        tables=unseen,
    )
    few = {
        f"rare-{n}": Study(Protocol(rare=n, n_folds=2, n_repeats=1), few_rows(), 125)
        for n in (5, 10, 20, 50, 100)
    }
    return {
        "natural": Study(Protocol(), main),
        "thinned": Study(Protocol(rare=30, n_folds=2, n_repeats=1), main, 40),
        **few,
        # Every inner fold trains as many classifiers as another arm in all: less of everything.
        "searched": Study(
            Protocol(n_folds=2, n_repeats=1),
            [*searched(), *main],
            classifiers={
                name: one for name, one in CLASSIFIERS.items() if name not in ("HistGB", "MLP")
            },
        ),
        "ingredients": Study(Protocol(n_folds=1, n_repeats=1), ingredients()),
        "synthesizers": Study(Protocol(n_folds=1, n_repeats=1), [*few_rows(), *slow_peers()]),
        # On the tables with the fewest rows an epoch is one step, and CTGAN makes 300 by default.
        "ctgan": Study(
            Protocol(n_folds=1, n_repeats=1), trained_long(), tables=lambda: shortest(6)
        ),
        # Before this version's changes, and with them; peers and learners are the same in both.
        "unseen-before": strong,
        "unseen": strong,
    }


app = typer.Typer(add_completion=False, help=__doc__.partition("\n")[0])
Results = Annotated[Path, typer.Option(help="folder of the scores")]
Tables = Annotated[Path | None, typer.Option(help="folder with more tables, as CSV files")]


@app.command()
def run(
    study: str,
    arms: Annotated[list[str] | None, typer.Option(help="only these")] = None,
    again: Annotated[bool, typer.Option(help="forget what they have")] = False,
    repeats: Annotated[int | None, typer.Option(help="how often to shuffle")] = None,
    tables_dir: Tables = None,
    half: Annotated[int | None, typer.Option(help="0: chosen on, 1: confirmed on")] = None,
    results: Results = RESULTS,
    n_jobs: int = 2,
):
    """Run what is missing of a study."""
    asked = studies()[study]
    known = {arm.name: arm for arm in asked.arms}
    unknown = [name for name in arms or [] if name not in known]
    if unknown:
        raise typer.BadParameter(f"no arm {unknown[0]!r}; there are {', '.join(known)}.")
    chosen = [known[name] for name in arms or known]
    folder = results / study
    if again:
        store.forget(folder, [name for arm in chosen for name in arm.names])
    protocol = asked.protocol
    if repeats is not None:
        protocol = replace(protocol, n_repeats=repeats)
    with Progress() as progress:
        task = progress.add_task(study, total=None)

        def show(done, total, table, arm):
            progress.update(task, completed=done, total=total, description=f"{arm} on {table}")

        if asked.tables is None:
            there = tables(tables_dir, least_rare=asked.least_rare)
        else:
            there = asked.tables()
        if half is not None:
            there = {name: load for name, load in there.items() if name in HALVES[half]}
        classifiers = CLASSIFIERS if asked.classifiers is None else asked.classifiers
        store.run(there, chosen, classifiers, folder, protocol, n_jobs=n_jobs, on_unit=show)
    report(study, results=results)


@app.command()
def report(
    study: str,
    against: str = "AugmentedClassifier",
    picture: Annotated[Path | None, typer.Option(help="where to draw mean ranks")] = None,
    half: Annotated[int | None, typer.Option(help="0: chosen on, 1: confirmed on")] = None,
    results: Results = RESULTS,
):
    """Print means, mean ranks and paired differences of a study."""
    scores = store.read(results / study)
    if half is not None:
        scores = scores[scores["table"].isin(HALVES[half])]
    failed = scores[scores["failure"] != ""].groupby(["arm", "table"])["failure"].first()
    print(f"{scores['table'].nunique()} tables, {scores['classifier'].nunique()} classifiers\n")
    print(store.leaderboard(scores).to_markdown(floatfmt=".3f"))
    if against in set(scores["arm"]) and scores["arm"].nunique() > 2:
        for score in store.RANKED:
            p = friedmanchisquare(*store.by_table(scores, score).to_numpy().T).pvalue
            print(f"\n{against} in {score} (Friedman's p {p:.1g}):\n")
            print(store.differences(scores, score, against).to_markdown(floatfmt=".3f"))
    print("\nFailures, which count as nothing:", failed.to_string() if len(failed) else "none")
    if picture is not None:
        draw_ranks(scores, picture)


def draw_ranks(scores, path):
    """Draw critical differences of mean ranks (Demsar, 2006): lines join arms that may be equal."""
    import scikit_posthocs
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4 * len(store.RANKED)), layout="constrained")
    for axes, name in zip(figure.subplots(len(store.RANKED), 1), store.RANKED, strict=True):
        wide = store.by_table(scores, name)
        tests = scikit_posthocs.posthoc_nemenyi_friedman(wide.to_numpy())
        tests = tests.set_axis(wide.columns).set_axis(wide.columns, axis=1)
        ranks = wide.rank(axis=1, ascending=name in store.LOWER_IS_BETTER).mean()
        scikit_posthocs.critical_difference_diagram(ranks, tests, ax=axes)
        title = f"{name}: mean rank over {len(wide)} tables of the mean over classifiers"
        axes.set_title(title, fontweight="bold")
    figure.savefig(path, dpi=90)


@app.command()
def rows(tables_dir: Tables = None, results: Results = RESULTS, n_jobs: int = 2):
    """Measure synthetic rows themselves: class control, variety and copies."""
    found = measure_rows(tables(tables_dir, least_rare=20), n_jobs)
    results.mkdir(parents=True, exist_ok=True)
    found.to_csv(results / "rows.csv", float_format="%.4g")
    print(found.to_markdown(floatfmt=".3f"))


@app.command()
def promises(results: Results = RESULTS):
    """Print every promise with its figure and whether it holds."""
    for title, names in (("On all tables", None), ("On the second half", HALVES[1])):
        print(f"{title}:\n\n{check_promises(results, names).to_markdown(index=False)}\n")
    for title, bench in (("Past one machine", SCALE), ("When things go wrong", RELIABILITY)):
        print(f"{title}:\n\n{markdown(check_bars(bench, results / bench.results.name))}\n")


@app.command()
def write(results: Results = RESULTS):
    """Write the tables of all pages anew, and the picture of mean ranks."""
    for page in write_pages(ROOT, results):
        print(page.relative_to(ROOT))
    draw_ranks(store.rivals(store.read(results / "natural")), ROOT / "docs" / "ranks.png")


if __name__ == "__main__":
    app()
