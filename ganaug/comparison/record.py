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
import numpy as np

from ganaug.comparison.figures import draw_leaderboard
from ganaug.comparison.report import render_report
from ganaug.comparison.scores import METRICS, PURPOSES, RANKING
from ganaug.environment import versions
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

# The tag of a parent run that tells which scores it holds.
SCORES = "ganaug.scores"
# Of a child whose scores are there, but not its model.
NO_MODEL = "ganaug.error.model"
# Who writes a run, so that another does not go on with it at the same time.
WRITER = "ganaug.writer"
DESCRIPTION = "mlflow.note.content"


@dataclass(frozen=True)
class LoggedComparison:
    """Where a comparison went.

    Attributes
    ----------
    run_id, experiment_id, tracking_uri : str
        The parent run, as MLflow knows it.
    ui_url : str
        The address of the experiment in MLflow's user interface.
    ui_command : str
        The command that serves the user interface, or its address where a server runs already.
    registered : Registered or None
        What became of the winner in the model registry, if that was asked for.
    n_kept : int
        How many of the child runs were there already, from a call that was interrupted.
    """

    run_id: str
    experiment_id: str
    tracking_uri: str = field(repr=False)  # it may hold a password
    ui_url: str
    ui_command: str
    registered: Registered | None = None
    n_kept: int = 0


def log_comparison(
    comparison: Any,
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
    (``f1_sd``) and folds (``fold/f1``), the GAN's curves (``fold_0/loss/critic``), and the
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
        The page of :func:`render_report`, to be kept as ``report.html``; made if left out.
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
    X = comparison.X
    dataset = describe(X, comparison.digest, len(X), data_name or "table")
    tags = {"ganaug.kind": "comparison", SCORES: _scores_key(comparison, dataset)}
    run_id = _unfinished(client, experiment_id, tags[SCORES])
    if run_id is None:
        name = run_name or f"compare {data_name or ''}".strip()
        run_id = create_run(
            client, experiment_id, name, parent=destination.parent_run_id, tags=tags
        )
    else:
        client.update_run(run_id, status="RUNNING")
    with ending_run(client, run_id):
        client.set_tag(run_id, WRITER, _writer())
        log_dataset(client, run_id, dataset, "cross-validation")
        if DESCRIPTION not in client.get_run(run_id).data.tags:  # the last thing it logs
            page = report or render_report(comparison, data_name=data_name)
            client.log_text(run_id, page, "report.html")
            _log_summary(client, run_id, comparison)
        children = _complete_children(client, experiment_id, run_id)
        n_kept = len(children)
        cells = [(arm, name) for arm in comparison.arms for name in comparison.classifiers]
        for done, (arm, classifier) in enumerate(cells, start=1):
            name = f"{arm} / {classifier}"
            if name not in children:
                children[name] = _log_cell(
                    client, experiment_id, run_id, comparison, arm, classifier, dataset
                )
            if on_run is not None:
                on_run(done, len(cells), name)
        registered = None
        if registered_model_name is not None:
            registered = _register_winner(
                client, registered_model_name, champion_metric, comparison, children, dataset
            )
            client.set_tag(run_id, "ganaug.registered", registered.story)
    uri = without_password(destination.tracking_uri)
    page = f"/#/experiments/{experiment_id}/runs"
    served = uri.startswith(("http://", "https://"))
    # Without the parameter the interface opens among its pages for language models.
    url = f"{uri.rstrip('/') if served else 'http://127.0.0.1:5000'}{page}"
    url += "?workflowType=machine_learning"
    # By this interpreter: its environment need not be the active one.
    mlflow = f"{shlex.quote(sys.executable)} -m mlflow"
    command = f"{mlflow} server --backend-store-uri {shlex.quote(uri)} --port 5000"
    how = url if served else command
    return LoggedComparison(
        run_id, experiment_id, destination.tracking_uri, url, how, registered, n_kept
    )


def check_log(
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    registered_model_name: str | None = None,
    champion_metric: str = RANKING,
    root: str | Path = ".",
) -> tuple[Destination, MlflowClient, str]:
    """Raise what :func:`log_comparison` would, before hours are spent on the comparison.

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


def _scores_key(comparison: Any, dataset: dict[str, str]) -> str:
    """Identify the scores of a comparison: what they depend on need not be known."""
    return joblib.hash([comparison.results.drop(columns="fit_seconds"), dataset["digest"]])


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


def _complete_children(client: MlflowClient, experiment_id: str, parent: str) -> dict[str, str]:
    """Return the ids of the finished children of a run by name, and delete the others."""
    query = f"tags.mlflow.parentRunId = '{parent}'"
    complete = {}
    for run in client.search_runs([experiment_id], query, max_results=10_000):
        if run.info.status == "FINISHED" and NO_MODEL not in run.data.tags:
            complete[run.info.run_name] = run.info.run_id
        else:
            end_run(client, run.info.run_id, "KILLED")
            client.delete_run(run.info.run_id)
    return complete


def _register_winner(
    client: MlflowClient,
    name: str,
    metric: str,
    comparison: Any,
    children: dict[str, str],
    dataset: dict[str, str],
) -> Registered:
    arm, classifier = comparison.winner(metric)
    run_id = children[f"{arm} / {classifier}"]
    outputs = client.get_run(run_id).outputs
    models = outputs.model_outputs if outputs else []
    if not models:
        raise ValueError(
            f"{arm} / {classifier} won, but its pipeline could not be logged (the tag "
            "ganaug.error.model of its run tells why), so nothing was registered."
        )
    score = comparison.fold_scores(metric, (arm, classifier)).mean()
    splits = joblib.hash(comparison.task.folds)
    contender = Contender(models[0].model_id, run_id, metric, score, dataset["digest"], splits)
    registered = register(client, name, contender)
    what = f" It is {classifier} with {arm}, the verdict's advice {PURPOSES[metric]}."
    return replace(registered, story=registered.story + what)


def _log_summary(client: MlflowClient, run_id: str, comparison: Any) -> None:
    """Log what the parent holds."""
    labels, counts = np.unique(comparison.y, return_counts=True)
    parameters = {
        "seed": str(comparison.task.seed),
        "folds": str(comparison.n_folds),
        "rows": str(len(comparison.X)),
        "columns": str(comparison.X.shape[1]),
        "class_counts": counts_text(dict(zip(labels.tolist(), counts.tolist(), strict=True))),
        "arms": ", ".join(comparison.arms)[:6000],
        "classifiers": ", ".join(comparison.classifiers)[:6000],
    }
    parameters |= {f"version/{package}": number for package, number in versions().items()}
    send(client, run_id, parameters)
    board = comparison.leaderboard()
    board.columns = [" ".join(filter(None, pair)) for pair in board.columns]
    tables = {"leaderboard.json": board.reset_index(), "folds.json": comparison.results}
    log_tables(client, run_id, tables)
    client.log_figure(run_id, draw_leaderboard(comparison), "leaderboard.png")
    text = "\n\n".join([comparison.verdict(), *comparison.notes])
    client.log_text(run_id, text, "verdict.txt")
    client.set_tag(run_id, DESCRIPTION, text)


def _log_cell(
    client: MlflowClient,
    experiment_id: str,
    parent: str,
    comparison: Any,
    arm: str,
    classifier: str,
    dataset: dict[str, str],
) -> str:
    """Log one arm with one classifier as a child of the parent; return the child's id."""
    from mlflow.entities import Metric

    results, now = comparison.results, milliseconds()
    rows = results[(results["arm"] == arm) & (results["classifier"] == classifier)]
    ran = rows[rows["error"] == ""]
    tags = {"ganaug.kind": "cell", "ganaug.arm": arm, "ganaug.classifier": classifier}
    for fold, error in zip(rows["fold"], rows["error"], strict=True):
        if error:
            tags[f"ganaug.error.fold_{fold}"] = error
    run_id = create_run(client, experiment_id, f"{arm} / {classifier}", parent=parent, tags=tags)
    with ending_run(client, run_id, "FINISHED" if len(ran) else "FAILED"):
        log_dataset(client, run_id, dataset, "cross-validation")
        parameters = {"arm": arm, "classifier": classifier}
        model_id = None
        if len(ran):
            try:
                model = comparison.refit(arm, classifier)
                parameters |= parameters_of(model)
                model_id = log_fitted(
                    client, experiment_id, run_id, model, comparison.X, parameters
                )
            except Exception as error:  # The scores are worth keeping without the model.
                reason = without_password(str(error))
                client.set_tag(run_id, NO_MODEL, reason[:5000])
                warnings.warn(
                    f"The pipeline of {arm} / {classifier} was not logged: {reason}",
                    RuntimeWarning,
                    stacklevel=3,
                )
        about = {
            "model_id": model_id,
            "dataset_name": dataset["name"],
            "dataset_digest": dataset["digest"],
        }
        metrics = []
        for name in METRICS if len(ran) else []:
            for fold, value in zip(ran["fold"], ran[name], strict=True):
                metrics.append(Metric(f"fold/{name}", float(value), now, int(fold)))
            metrics.append(Metric(name, float(ran[name].mean()), now, 0, **about))
            metrics.append(
                Metric(f"{name}_sd", float(ran[name].std(ddof=len(ran) > 1)), now, 0, **about)
            )
        if len(ran):
            metrics.append(Metric("fit_seconds", float(ran["fit_seconds"].mean()), now, 0))
        for fold, ticks in enumerate(comparison.histories.get(arm, [])):
            for tick in ticks:
                metrics += [Metric(*point) for point in curve_points(tick, now, f"fold_{fold}/")]
        send(client, run_id, parameters, metrics)
    return run_id
