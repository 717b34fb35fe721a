"""Record a comparison in MLflow."""

from __future__ import annotations

import shlex
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import joblib
import numpy as np
import pandas as pd

from ganaug.comparison.arms import BASELINE, Augmented
from ganaug.comparison.figures import draw_leaderboard
from ganaug.comparison.report import render_report
from ganaug.comparison.scores import METRICS, PURPOSES, RANKING, WORDS
from ganaug.environment import versions
from ganaug.paths import has_ended, this_process
from ganaug.targets import class_counts
from ganaug.tracking.client import (
    SEND_TIMEOUT,
    Destination,
    artifacts_of,
    connect,
    counts_text,
    create_run,
    database_errors,
    end_run,
    ending_run,
    key,
    milliseconds,
    parameters_of,
    parameters_set,
    resolve,
    send,
    try_out,
    within,
    without_password,
)
from ganaug.tracking.models import log_fitted
from ganaug.tracking.registry import Contender, Registered, check_registry, register
from ganaug.tracking.samples import describe, log_dataset, log_tables
from ganaug.tracking.view import DESCRIPTION, address_of_view, describe_experiment, share_view
from ganaug.typing import LogModels

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

    from ganaug.comparison.result import Comparison
    from ganaug.comparison.verdict import Verdict

# The tag of a parent run that identifies its scores.
SCORES = "ganaug.scores"
# The tag of a child that has its scores but not its model.
NO_MODEL = "ganaug.error.model"
# The tag that names the process that writes a run: no other goes on with it meanwhile.
WRITER = "ganaug.writer"

#: In the order in which MLflow shows metrics: what the verdict is about first.
SHOWN = [*PURPOSES, *(metric for metric in METRICS if metric not in PURPOSES)]


@dataclass(frozen=True)
class LoggedComparison:
    """The runs of a comparison in MLflow, and how to look at them.

    Attributes
    ----------
    run_id, experiment_id, tracking_uri : str
        The parent run, as MLflow knows it.
    ui_url : str
        The address of its children in MLflow's user interface, the best first.
    ui_command : str
        The command that serves the user interface, or its address where a server runs already.
    registered : Registered or None
        The winner's version in the model registry, if that was asked for.
    n_reused : int
        How many of the child runs were there already, from a call that was interrupted.
    """

    run_id: str
    experiment_id: str
    tracking_uri: str = field(repr=False)  # it may hold a password
    ui_url: str
    ui_command: str
    registered: Registered | None = None
    n_reused: int = 0

    @property
    def usage(self) -> str:
        """Two lines of Python that predict with the registered model; empty if there is none."""
        if self.registered is None:
            return ""
        uri = f"models:/{self.registered.name}@{self.registered.alias}"
        store = without_password(self.tracking_uri)
        return (
            f"import mlflow; mlflow.set_tracking_uri({store!r})\n"
            f"mlflow.sklearn.load_model({uri!r}).predict_proba(rows)"
        )


@database_errors()
def log_comparison(
    comparison: Comparison,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    data_name: str | None = None,
    report: str | None = None,
    log_models: LogModels = "best",
    registered_model_name: str | None = None,
    champion_metric: str = RANKING,
    root: str | Path = ".",
    on_run: Callable[[int, int, str], object] | None = None,
) -> LoggedComparison:
    """Log a comparison: a parent run, and a child for every arm with every classifier.

    The parent holds the verdict, as its description and as metrics: the scores of the top scorer
    (``average_precision/top``), of the safe choice (``.../safe``) and of what is done today
    (``.../today``), and the gain of the arm in question over the best other with its interval
    (``.../gain``, ``.../gain_low``, ``.../gain_high``). It holds the data set's digest, the
    leaderboard as a table and as a figure, all folds as a table, and the report, too.

    A child holds the parameters that were set, the mean of each metric over folds (``f1``), its
    standard deviation (``f1/sd``), how the mean settled from fold to fold (``f1/mean_up_to_fold``),
    and the GAN's curves (``loss/critic``), the mean over folds.

    The best are fitted on all rows and logged as models such as ``GAN-gradient-boosting``, which
    ``mlflow.sklearn.load_model`` loads. Metrics, models and the data set are linked:
    ``search_logged_models`` finds the best on a digest.

    When the log of the same scores was interrupted before, it goes on in the run that it left.

    Parameters
    ----------
    comparison : Comparison
        What :func:`ganaug.comparison.compare` returns.
    tracking_uri : str, default=None
        Where to log. By default where the active run is, else where ``mlflow.set_tracking_uri`` or
        ``MLFLOW_TRACKING_URI`` point, else to ``mlflow.db`` in `root`, artifacts beside it.
    experiment : str, default=None
        The experiment's name, when no run is active. By default the one set in MLflow, else
        "ganaug".
    run_name : str, default=None
        The parent's name. By default "compare" and `data_name`.
    data_name : str, default=None
        What to call the table in MLflow.
    report : str, default=None
        The page of :func:`render_report`, for ``report.html``; made if left out.
    log_models : {"best", "all", "none"}, default="best"
        Which pipelines to fit on all rows and to log: the safe choice and the top scorer for each
        of the verdict's two purposes, all, or none.
    registered_model_name : str, default=None
        Register the pipeline of :meth:`Comparison.winner` under this name. It becomes the
        ``champion``, and the champion before it the ``challenger``. But a champion of the same
        table stays, and the newcomer is the challenger, unless that is better on the same splits.
        The same pipeline is not registered twice.
    champion_metric : {"average_precision", "balanced_accuracy"}, default="average_precision"
        Which advice of the verdict to register: the first for a list sorted by risk, the second
        for a yes or no. A model that ranks well may hardly ever *predict* the rare class.
    root : path, default="."
        Folder of the embedded store.
    on_run : callable, default=None
        Called as ``on_run(done, total, name)`` when a child is complete.

    Returns
    -------
    LoggedComparison
        The parent run, how to open MLflow's user interface on its children, and how to predict.

    Raises
    ------
    ConnectionError
        If no server answers at the address.
    OSError
        If the store cannot be written, as on a full disk. The same call later goes on.
    ValueError
        If `log_models` or `champion_metric` is unknown, if `registered_model_name` is no name for a
        model or given with ``log_models="none"``, or if the winner could not be logged.
    """
    destination = check_log(
        tracking_uri=tracking_uri,
        experiment=experiment,
        log_models=log_models,
        registered_model_name=registered_model_name,
        champion_metric=champion_metric,
        root=root,
    )
    client, experiment_id = within(SEND_TIMEOUT, connect, destination)
    dataset = describe(comparison.X, comparison.digest, len(comparison.y), data_name or "table")
    # A hash of the scores stands for all that they depend on.
    scores = joblib.hash([comparison.results.drop(columns="fit_seconds"), dataset["digest"]])
    run_id = _unfinished(client, experiment_id, scores)
    if run_id is None:
        tags = {"ganaug.kind": "comparison", SCORES: scores, WRITER: this_process()}
        name = run_name or f"compare {data_name or ''}".strip()
        run_id = create_run(
            client, experiment_id, name, parent=destination.parent_run_id, tags=tags
        )
    else:
        client.set_tag(run_id, WRITER, this_process())
        client.update_run(run_id, status="RUNNING")
    log = _Log(client, experiment_id, run_id, comparison, dataset, scores)
    with _written_here(run_id), ending_run(client, run_id):
        log_dataset(client, run_id, dataset, "cross-validation")
        if DESCRIPTION not in client.get_run(run_id).data.tags:  # the last thing it logs
            log.log_summary(report or render_report(comparison, data_name=data_name))
        with_model = _to_fit(comparison, log_models)
        children = log.complete_children(with_model)
        n_reused = len(children)
        # The best last: MLflow's pages show the newest run first.
        means = comparison.results.groupby(["arm", "classifier"], sort=False)[RANKING].mean()
        for done, pair in enumerate(means.sort_values(kind="stable").index, start=1):
            if pair not in children:
                children[pair] = log.log_child(*pair, with_model=pair in with_model)
            if on_run is not None:
                on_run(done, len(means), "-".join(pair))
        registered = None
        if registered_model_name is not None:
            registered = log.register_winner(registered_model_name, champion_metric, children)
        share_view(client, experiment_id, run_id, SHOWN)
    page = address_of_view(experiment_id, run_id)
    uri = without_password(destination.tracking_uri)
    served = uri.startswith(("http://", "https://"))
    url = (uri.rstrip("/") if served else "http://127.0.0.1:5000") + page
    # By this interpreter: its environment need not be the active one.
    mlflow = f"{shlex.quote(sys.executable)} -m mlflow"
    command = f"{mlflow} server --backend-store-uri {shlex.quote(uri)} --port 5000"
    how, store = url if served else command, destination.tracking_uri
    return LoggedComparison(run_id, experiment_id, store, url, how, registered, n_reused)


@database_errors()
def check_log(
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    log_models: LogModels = "best",
    registered_model_name: str | None = None,
    champion_metric: str = RANKING,
    root: str | Path = ".",
) -> Destination:
    """Check the arguments of :func:`log_comparison` before hours are spent on the comparison.

    Nothing is created, neither a store nor an experiment.

    Parameters
    ----------
    tracking_uri, experiment, log_models, registered_model_name, champion_metric, root
        As for :func:`log_comparison`.

    Returns
    -------
    Destination
        Where the comparison will go.
    """
    if champion_metric not in PURPOSES:
        raise ValueError(
            f"champion_metric={champion_metric!r} must be one of {', '.join(PURPOSES)}."
        )
    if log_models not in get_args(LogModels):
        raise ValueError(
            f"log_models={log_models!r} must be one of {', '.join(get_args(LogModels))}."
        )
    if log_models == "none" and registered_model_name is not None:
        raise ValueError(
            f"registered_model_name={registered_model_name!r} needs the winner's model; pass "
            "log_models='best' instead of 'none'."
        )
    destination = resolve(tracking_uri, experiment, root)
    client = within(SEND_TIMEOUT, try_out, destination)
    if registered_model_name is not None:
        check_registry(client, registered_model_name)
    return destination


def _to_fit(comparison: Comparison, log_models: LogModels) -> set[tuple[str, str]]:
    """Return the pairs of an arm and a classifier of which the model is to be logged."""
    if log_models == "all":
        return {(arm, name) for arm in comparison.arms for name in comparison.classifiers}
    if log_models == "none":
        return set()
    tops = [answer.top for answer in comparison.verdict().answers.values()]
    return {comparison.winner(metric) for metric in PURPOSES} | {
        (top.arm, top.classifier) for top in tops
    }


def _unfinished(client: MlflowClient, experiment_id: str, key: str) -> str | None:
    """Return the last run that a log of the same scores left before it was done."""
    query = f"tags.`{SCORES}` = '{key}' and attributes.status != 'FINISHED'"
    for run in client.search_runs([experiment_id], query):
        if run.info.status != "RUNNING" or _is_left(run):
            return run.info.run_id
    return None


#: The runs that calls of this process write at the moment.
_written: set[str] = set()


@contextmanager
def _written_here(run_id: str) -> Iterator[None]:
    _written.add(run_id)
    try:
        yield
    finally:
        _written.discard(run_id)


def _is_left(run: Run) -> bool:
    """Return whether nobody writes a run any more, although it is not ended.

    Its process was killed, or the disk was so full that not even the end could be written.
    """
    writer = run.data.tags.get(WRITER, "")
    return has_ended(writer) or (writer == this_process() and run.info.run_id not in _written)


@dataclass(frozen=True)
class _Log:
    """The parent run of a comparison, to which children are added."""

    client: MlflowClient
    experiment_id: str
    run_id: str
    comparison: Comparison
    dataset: dict[str, str]
    scores: str

    def log_summary(self, page: str) -> None:
        """Log the verdict, parameters, tables, figures and texts of the parent."""
        comparison, verdict = self.comparison, self.comparison.verdict()
        parameters = {
            "subject": comparison.subject,
            "seed": str(comparison.task.seed),
            "folds": str(comparison.n_folds),
            "rows": str(len(comparison.X)),
            "columns": str(comparison.X.shape[1]),
            "class_counts": counts_text(class_counts(comparison.y)),
            "arms": ", ".join(comparison.arms)[:6000],
            "classifiers": ", ".join(comparison.classifiers)[:6000],
        }
        parameters |= {f"version/{package}": number for package, number in versions().items()}
        # Not the time of this call: where one was killed here, a metric would have two points.
        started = self.client.get_run(self.run_id).info.start_time
        send(self.client, self.run_id, parameters, _verdict_metrics(verdict, started))
        text = "\n\n".join([str(verdict), *comparison.notes])
        with artifacts_of(self.client, self.run_id) as folder:
            (folder / "report.html").write_text(page, encoding="utf-8")
            (folder / "verdict.txt").write_text(text, encoding="utf-8")
            draw_leaderboard(comparison).savefig(folder / "leaderboard.png")
        board = comparison.leaderboard()
        board.columns = [" ".join(filter(None, pair)) for pair in board.columns]
        tables = {"leaderboard.json": board.reset_index(), "folds.json": comparison.results}
        log_tables(self.client, self.run_id, tables)
        text = "\n\n".join([_markdown(verdict), *(f"*{note}*" for note in comparison.notes)])
        about = f"{self.dataset['name']}. {text}"
        describe_experiment(self.client, self.experiment_id, self.run_id, about)
        self.client.set_tag(self.run_id, DESCRIPTION, text)

    def complete_children(self, with_model: Collection[tuple[str, str]]) -> dict[tuple, str]:
        """Return the ids of the finished children by arm and classifier; delete the others."""
        query = f"tags.mlflow.parentRunId = '{self.run_id}'"
        complete = {}
        for run in self.client.search_runs([self.experiment_id], query, max_results=10_000):
            pair = run.data.tags.get("ganaug.arm", ""), run.data.tags.get("ganaug.classifier", "")
            is_whole = pair not in with_model or _model_of(run) is not None
            if run.info.status == "FINISHED" and is_whole:
                complete[pair] = run.info.run_id
            else:
                self._discard(run.info.run_id)
        return complete

    def _discard(self, run_id: str) -> None:
        """Delete a run that was left incomplete, and the models that were logged in it."""
        of_run = f"source_run_id = '{run_id}'"
        for model in self.client.search_logged_models([self.experiment_id], of_run):
            self.client.delete_logged_model(model.model_id)
        end_run(self.client, run_id, "KILLED")
        self.client.delete_run(run_id)

    def log_child(self, arm: str, classifier: str, *, with_model: bool) -> str:
        """Log one arm with one classifier; return the id of the run."""
        from mlflow.entities import Metric

        table, now = self.comparison.results, milliseconds()
        cells = table[(table["arm"] == arm) & (table["classifier"] == classifier)].set_index("fold")
        failed = cells["error"] != ""
        scores = cells.loc[~failed, [*SHOWN, "fit_seconds"]]
        means = scores.mean().dropna()
        sds = scores[SHOWN].std(ddof=len(scores) > 1).dropna()
        tags = {"ganaug.kind": "cell", "ganaug.arm": arm, "ganaug.classifier": classifier}
        tags |= {f"ganaug.error.fold_{fold}": e for fold, e in cells.loc[failed, "error"].items()}
        tags[DESCRIPTION] = self._describe(arm, classifier)
        run_id = create_run(
            self.client, self.experiment_id, f"{arm}-{classifier}", parent=self.run_id, tags=tags
        )
        with ending_run(self.client, run_id, "FAILED" if failed.all() else "FINISHED"):
            log_dataset(self.client, run_id, self.dataset, "cross-validation")
            about: dict[str, Any] = {
                "dataset_name": self.dataset["name"],
                "dataset_digest": self.dataset["digest"],
            }
            if with_model and not failed.all():
                about["model_id"] = self.log_model(run_id, arm, classifier)
            metrics = [Metric(str(name), value, now, 0, **about) for name, value in means.items()]
            metrics += [Metric(f"{name}/sd", sd, now, 0) for name, sd in sds.items()]
            # MLflow shows the last point of a metric: that of the mean over all folds is right,
            # that of the last fold would be taken for the score.
            for metric in SHOWN:
                settling = scores[metric].expanding().mean().dropna()
                name, folds = f"{metric}/mean_up_to_fold", settling.index.tolist()
                metrics += [Metric(name, settling[fold], now, fold) for fold in folds]
            metrics += [Metric(*point) for point in self._mean_curves(arm, now)]
            send(self.client, run_id, self._parameters(arm, classifier), metrics)
        return run_id

    def _describe(self, arm: str, classifier: str) -> str:
        """Return what an arm does with a classifier, and how well."""
        comparison, pair = self.comparison, (arm, classifier)
        scores = {metric: comparison.fold_scores(metric, pair) for metric in WORDS}
        values = " and ".join(
            f"{words} {scores[metric].mean():.3f} ± {scores[metric].std():.3f}"
            for metric, words in WORDS.items()
        )
        sentences = [
            f"**{arm}** with {classifier}: {values} over {comparison.n_folds} folds.",
            comparison.task.arms[arm].about,
        ]
        failures = comparison.failures
        n_failed = len(failures[(failures["arm"] == arm) & (failures["classifier"] == classifier)])
        if n_failed:
            sentences.append(
                f"It failed in {n_failed} of them, which have the scores of {BASELINE}."
            )
        return " ".join(filter(None, sentences))

    def _parameters(self, arm: str, classifier: str) -> dict[str, str]:
        """Return what was set: all else is at its default."""
        parameters = {"arm": arm, "classifier": classifier}
        parameters |= parameters_set(self.comparison.classifiers[classifier], "classifier__")
        wrap = self.comparison.task.arms[arm].wrap
        if isinstance(wrap, Augmented):
            parameters["n_draws"] = str(wrap.n_draws)
            if wrap.augmenter is not None:
                parameters |= parameters_set(wrap.augmenter, "augmenter__")
        return parameters

    def _mean_curves(self, arm: str, now: int) -> list[tuple[str, float, int, int]]:
        """Return the points of the arm's training curves, each the mean over folds."""
        curves = self.comparison.histories.get(arm, [])
        ticks = pd.DataFrame([tick for curve in curves for tick in curve])
        if ticks.empty:
            return []
        means = ticks.groupby("step").mean()
        return [
            (key(name), float(value), now, int(step))
            for name in means
            for step, value in zip(means.index, means[name], strict=True)
            if np.isfinite(value)
        ]

    def log_model(self, run_id: str, arm: str, classifier: str) -> str | None:
        """Fit a pipeline on all rows and log it; return its id, None if that fails."""
        name = f"{arm}-{classifier}"
        try:
            model = self.comparison.refit(arm, classifier)
            parameters = {"arm": arm, "classifier": classifier, **parameters_of(model)}
            return log_fitted(
                self.client, self.experiment_id, run_id, name, model, self.comparison.X, parameters
            )
        except OSError:  # The same call later goes on.
            raise
        except Exception as error:  # The scores are worth keeping without the model.
            reason = without_password(str(error))
            self.client.set_tag(run_id, NO_MODEL, reason[:5000])
            message = f"The pipeline {name} was not logged: {reason}"
            warnings.warn(message, RuntimeWarning, stacklevel=4)
            return None

    def register_winner(
        self, name: str, metric: str, children: Mapping[tuple[str, str], str]
    ) -> Registered:
        """Register the model that the verdict advises."""
        comparison = self.comparison
        arm, classifier = pair = comparison.winner(metric)
        run_id = children[pair]
        model_id = _model_of(self.client.get_run(run_id))
        if model_id is None:
            raise ValueError(
                f"{arm}-{classifier} won, but its pipeline could not be logged (the tag {NO_MODEL} "
                "of its run tells why), so nothing was registered."
            )
        folds = comparison.fold_scores(metric, pair)
        splits = joblib.hash(comparison.task.folds)
        content = joblib.hash([self.scores, splits, arm, classifier, metric])
        about = (
            f"It is {classifier} with {arm}, the verdict's advice {comparison.purposes[metric]} "
            f"on {self.dataset['name']}: {WORDS[metric]} {folds.mean():.3f} ± {folds.std():.3f} "
            f"over {comparison.n_folds} folds."
        )
        contender = Contender(
            model_id, run_id, metric, folds.mean(), comparison.digest, splits, content, about
        )
        found = register(self.client, name, contender)
        self.client.set_tag(self.run_id, "ganaug.registered", found.story)
        return found


def _model_of(run: Run) -> str | None:
    """Return the id of the model that a run has logged."""
    models = run.outputs.model_outputs if run.outputs else []
    return models[0].model_id if models else None


def _verdict_metrics(verdict: Verdict, time: int) -> list[Metric]:
    """Return the scores that the verdict is about, and the subject's gain."""
    from mlflow.entities import Metric

    values: dict[str, float] = {}
    for metric, answer in verdict.answers.items():
        scores = {"top": answer.top.score, "safe": answer.safe.score, "today": answer.today.score}
        change = answer.change
        gains = {"gain": change.mean, "gain_low": change.low, "gain_high": change.high}
        values |= {f"{metric}/{name}": value for name, value in (scores | gains).items()}
    return [Metric(name, value, time, 0) for name, value in values.items() if np.isfinite(value)]


def _markdown(verdict: Verdict) -> str:
    """Return a verdict as MLflow's pages show it: what to do, why, and the table."""
    lines = [f"**{verdict.headline}**", "", *(f"- {text}" for text in verdict.sentences)]
    for title, part in verdict.shown().items():
        # MLflow's pages leave no space between columns.
        heads, *rows = [
            f"| {' &nbsp; | '.join(row)} |" for row in [["", *part], *part.itertuples()]
        ]
        lines += ["", f"{title}:", "", heads, "|---" * (1 + part.shape[1]) + "|", *rows]
    return "\n".join(lines)
