"""Record a comparison in MLflow."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib

from ganaug.comparison.figures import draw_leaderboard
from ganaug.comparison.report import render_report
from ganaug.comparison.scores import METRICS, PURPOSES, RANKING
from ganaug.environment import versions
from ganaug.targets import class_counts
from ganaug.tracking.client import (
    SEND_TIMEOUT,
    Destination,
    connect,
    counts_text,
    create_run,
    curve_points,
    end_run,
    ending_run,
    milliseconds,
    parameters_of,
    resolve,
    send,
    within,
    without_password,
)
from ganaug.tracking.models import log_fitted
from ganaug.tracking.registry import Contender, Registered, check_registry, register
from ganaug.tracking.samples import describe, log_dataset, log_tables

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from ganaug.comparison.result import Comparison

# The tag of a parent run that identifies its scores.
SCORES = "ganaug.scores"
# The tag of a child that has its scores but not its model.
NO_MODEL = "ganaug.error.model"
# The tag that names the process that writes a run: no other goes on with it meanwhile.
WRITER = "ganaug.writer"
DESCRIPTION = "mlflow.note.content"


@dataclass(frozen=True)
class LoggedComparison:
    """The runs of a comparison in MLflow, and how to look at them.

    Attributes
    ----------
    run_id, experiment_id, tracking_uri : str
        The parent run, as MLflow knows it.
    ui_url : str
        The address of the experiment in MLflow's user interface.
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


def log_comparison(
    comparison: Comparison,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    data_name: str | None = None,
    report: str | None = None,
    registered_model_name: str | None = None,
    champion_metric: str = RANKING,
    root: str | Path = ".",
    on_run: Callable[[int, int, str], object] | None = None,
) -> LoggedComparison:
    """Log a comparison: a parent run, and a child for every arm with every classifier.

    The parent holds the data set's digest, the leaderboard as a table and as a figure, the verdict
    and the report. A child holds the parameters, each metric's mean (``f1``), standard deviation
    (``f1_sd``) and folds (``fold/f1``), the GAN's curves (``fold_1/loss/critic``), and the
    pipeline fitted on all rows, which ``mlflow.sklearn.load_model`` loads. Metrics, models and the
    data set are linked: ``search_logged_models`` finds the best arm on a digest.

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
    registered_model_name : str, default=None
        Register the pipeline of :meth:`Comparison.winner` under this name. It becomes the
        ``champion``, and the champion before it the ``challenger``. But a champion of the same
        table stays, and the newcomer is the challenger, unless that is better on the same splits.
    champion_metric : {"average_precision", "balanced_accuracy"}, default="average_precision"
        Which advice of the verdict to register: what ranks rows best, or what decides best. A
        model that ranks well may hardly ever *predict* the rare class.
    root : path, default="."
        Folder of the embedded store.
    on_run : callable, default=None
        Called as ``on_run(done, total, name)`` when a child is complete.

    Returns
    -------
    LoggedComparison
        The parent run, and how to open MLflow's user interface on it.

    Raises
    ------
    ConnectionError
        If no server answers at the address.
    ValueError
        If `registered_model_name` is no name for a model, or the winner could not be logged.
    """
    destination, client, experiment_id = check_log(
        tracking_uri=tracking_uri,
        experiment=experiment,
        registered_model_name=registered_model_name,
        champion_metric=champion_metric,
        root=root,
    )
    dataset = describe(comparison.X, comparison.digest, len(comparison.y), data_name or "table")
    # A hash of the scores stands for all that they depend on.
    scores = joblib.hash([comparison.results.drop(columns="fit_seconds"), dataset["digest"]])
    run_id = _unfinished(client, experiment_id, scores)
    if run_id is None:
        tags = {"ganaug.kind": "comparison", SCORES: scores}
        name = run_name or f"compare {data_name or ''}".strip()
        run_id = create_run(
            client, experiment_id, name, parent=destination.parent_run_id, tags=tags
        )
    else:
        client.update_run(run_id, status="RUNNING")
    log = _Log(client, experiment_id, run_id, comparison, dataset)
    with ending_run(client, run_id):
        client.set_tag(run_id, WRITER, _writer())
        log_dataset(client, run_id, dataset, "cross-validation")
        if DESCRIPTION not in client.get_run(run_id).data.tags:  # the last thing it logs
            log.log_summary(report or render_report(comparison, data_name=data_name))
        children = log.complete_children()
        n_reused = len(children)
        pairs = [(arm, name) for arm in comparison.arms for name in comparison.classifiers]
        for done, (arm, classifier) in enumerate(pairs, start=1):
            name = f"{arm} / {classifier}"
            if name not in children:
                children[name] = log.log_child(name, arm, classifier)
            if on_run is not None:
                on_run(done, len(pairs), name)
        registered = None
        if registered_model_name is not None:
            registered = log.register_winner(registered_model_name, champion_metric, children)
    uri = without_password(destination.tracking_uri)
    served = uri.startswith(("http://", "https://"))
    # Without the parameter the interface opens among its pages for language models.
    page = f"/#/experiments/{experiment_id}/runs?workflowType=machine_learning"
    url = (uri.rstrip("/") if served else "http://127.0.0.1:5000") + page
    # By this interpreter: its environment need not be the active one.
    mlflow = f"{shlex.quote(sys.executable)} -m mlflow"
    command = f"{mlflow} server --backend-store-uri {shlex.quote(uri)} --port 5000"
    how, store = url if served else command, destination.tracking_uri
    return LoggedComparison(run_id, experiment_id, store, url, how, registered, n_reused)


def check_log(
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    registered_model_name: str | None = None,
    champion_metric: str = RANKING,
    root: str | Path = ".",
) -> tuple[Destination, MlflowClient, str]:
    """Check the arguments of :func:`log_comparison` before hours are spent on the comparison.

    Parameters
    ----------
    tracking_uri, experiment, registered_model_name, champion_metric, root
        As for :func:`log_comparison`.

    Returns
    -------
    tuple of (Destination, MlflowClient, str)
        Where the comparison will go, and the id of its experiment.
    """
    if champion_metric not in PURPOSES:
        raise ValueError(
            f"champion_metric={champion_metric!r} must be one of {', '.join(PURPOSES)}."
        )
    destination = resolve(tracking_uri, experiment, root)
    client, experiment_id = within(SEND_TIMEOUT, connect, destination)
    if registered_model_name is not None:
        check_registry(client, registered_model_name)
    return destination, client, experiment_id


def _unfinished(client: MlflowClient, experiment_id: str, key: str) -> str | None:
    """Return the last run that a log of the same scores left before it was done."""
    query = f"tags.`{SCORES}` = '{key}' and attributes.status != 'FINISHED'"
    for run in client.search_runs([experiment_id], query):
        if run.info.status != "RUNNING" or _is_dead(run.data.tags.get(WRITER, "")):
            return run.info.run_id
    return None


def _writer() -> str:
    return f"{os.getpid()} on {socket.gethostname()}"


def _is_dead(writer: str) -> bool:
    """Return whether a process of this machine has ended; nothing is known of other machines."""
    pid, _, host = writer.partition(" on ")
    if host != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's
        pass
    return False


@dataclass(frozen=True)
class _Log:
    """The parent run of a comparison, to which children are added."""

    client: MlflowClient
    experiment_id: str
    run_id: str
    comparison: Comparison
    dataset: dict[str, str]

    def log_summary(self, page: str) -> None:
        """Log the parameters, tables, figures and texts of the parent."""
        comparison = self.comparison
        parameters = {
            "seed": str(comparison.task.seed),
            "folds": str(comparison.n_folds),
            "rows": str(len(comparison.X)),
            "columns": str(comparison.X.shape[1]),
            "class_counts": counts_text(class_counts(comparison.y)),
            "arms": ", ".join(comparison.arms)[:6000],
            "classifiers": ", ".join(comparison.classifiers)[:6000],
        }
        parameters |= {f"version/{package}": number for package, number in versions().items()}
        send(self.client, self.run_id, parameters)
        self.client.log_text(self.run_id, page, "report.html")
        board = comparison.leaderboard()
        board.columns = [" ".join(filter(None, pair)) for pair in board.columns]
        tables = {"leaderboard.json": board.reset_index(), "folds.json": comparison.results}
        log_tables(self.client, self.run_id, tables)
        self.client.log_figure(self.run_id, draw_leaderboard(comparison), "leaderboard.png")
        text = "\n\n".join([str(comparison.verdict()), *comparison.notes])
        self.client.log_text(self.run_id, text, "verdict.txt")
        self.client.set_tag(self.run_id, DESCRIPTION, text)

    def complete_children(self) -> dict[str, str]:
        """Return the ids of the finished children by name, and delete the others."""
        query = f"tags.mlflow.parentRunId = '{self.run_id}'"
        complete = {}
        for run in self.client.search_runs([self.experiment_id], query, max_results=10_000):
            if run.info.status == "FINISHED" and NO_MODEL not in run.data.tags:
                complete[run.info.run_name] = run.info.run_id
            else:
                end_run(self.client, run.info.run_id, "KILLED")
                self.client.delete_run(run.info.run_id)
        return complete

    def log_child(self, name: str, arm: str, classifier: str) -> str:
        """Log one arm with one classifier; return the id of the run."""
        from mlflow.entities import Metric

        table, now = self.comparison.results, milliseconds()
        cells = table[(table["arm"] == arm) & (table["classifier"] == classifier)].set_index("fold")
        failed = cells["error"] != ""
        tags = {"ganaug.kind": "cell", "ganaug.arm": arm, "ganaug.classifier": classifier}
        tags |= {f"ganaug.error.fold_{fold}": e for fold, e in cells.loc[failed, "error"].items()}
        run_id = create_run(self.client, self.experiment_id, name, parent=self.run_id, tags=tags)
        with ending_run(self.client, run_id, "FAILED" if failed.all() else "FINISHED"):
            log_dataset(self.client, run_id, self.dataset, "cross-validation")
            parameters = {"arm": arm, "classifier": classifier}
            about: dict[str, Any] = {
                "dataset_name": self.dataset["name"],
                "dataset_digest": self.dataset["digest"],
            }
            if not failed.all():
                about["model_id"] = self.log_model(run_id, parameters)
            scores = cells.loc[~failed, [*METRICS, "fit_seconds"]]
            sds = scores[list(METRICS)].std(ddof=len(scores) > 1).add_suffix("_sd")
            over_folds = {**scores.mean().dropna(), **sds.dropna()}
            metrics = [Metric(key, value, now, 0, **about) for key, value in over_folds.items()]
            for metric in METRICS:
                folds = zip(scores.index, scores[metric], strict=True)
                metrics += [Metric(f"fold/{metric}", value, now, fold) for fold, value in folds]
            for fold, ticks in enumerate(self.comparison.histories.get(arm, []), start=1):
                for tick in ticks:
                    points = curve_points(tick, now, f"fold_{fold}/")
                    metrics += [Metric(*point) for point in points]
            send(self.client, run_id, parameters, metrics)
        return run_id

    def log_model(self, run_id: str, parameters: dict[str, str]) -> str | None:
        """Log the pipeline of a child, and add its parameters to those given."""
        arm, classifier = parameters["arm"], parameters["classifier"]
        try:
            model = self.comparison.refit(arm, classifier)
            parameters |= parameters_of(model)
            return log_fitted(
                self.client, self.experiment_id, run_id, model, self.comparison.X, parameters
            )
        except Exception as error:  # The scores are worth keeping without the model.
            reason = without_password(str(error))
            self.client.set_tag(run_id, NO_MODEL, reason[:5000])
            message = f"The pipeline of {arm} / {classifier} was not logged: {reason}"
            warnings.warn(message, RuntimeWarning, stacklevel=4)
            return None

    def register_winner(self, name: str, metric: str, children: dict[str, str]) -> Registered:
        """Register the model that the verdict advises."""
        comparison = self.comparison
        arm, classifier = comparison.winner(metric)
        run_id = children[f"{arm} / {classifier}"]
        outputs = self.client.get_run(run_id).outputs
        models = outputs.model_outputs if outputs else []
        if not models:
            raise ValueError(
                f"{arm} / {classifier} won, but its pipeline could not be logged (the tag "
                f"{NO_MODEL} of its run tells why), so nothing was registered."
            )
        score = comparison.fold_scores(metric, (arm, classifier)).mean()
        splits = joblib.hash(comparison.task.folds)
        contender = Contender(models[0].model_id, run_id, metric, score, comparison.digest, splits)
        found = register(self.client, name, contender)
        what = f" It is {classifier} with {arm}, the verdict's advice {PURPOSES[metric]}."
        found = replace(found, story=found.story + what)
        self.client.set_tag(self.run_id, "ganaug.registered", found.story)
        return found
