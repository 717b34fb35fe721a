"""What MLflow's pages show first."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: The text at the top of a run, of an experiment's page, or beside a run in a list.
DESCRIPTION = "mlflow.note.content"
#: How an experiment's text begins that `describe_experiment` has written.
LATEST = "Latest comparison"


# Without it MLflow's pages open among those for language models.
TRAINING = "workflowType=machine_learning"


def address_of_view(experiment_id: str, parent: str) -> str:
    """Return where, on a server, the children of a run are shown as `share_view` says."""
    return f"/#/experiments/{experiment_id}/runs?{TRAINING}&viewStateShareKey={parent}"


def address_of_run(experiment_id: str, run_id: str) -> str:
    """Return where, on a server, a run is shown."""
    return f"/#/experiments/{experiment_id}/runs/{run_id}?{TRAINING}"


def share_view(
    client: MlflowClient, experiment_id: str, parent: str, metrics: Iterable[str]
) -> None:
    """Store a view of the children of a run, sorted by the first metric.

    It is what the button "Share view" of MLflow's page stores: a tag of the experiment, which the
    address names. Nested runs are closed when a page opens and an address cannot open them, but a
    sorted list shows them all.
    """
    columns = [f"metrics.`{name}`" for name in metrics]
    name = "attributes.`Run Name`"
    state = {
        "searchFilter": f"tags.`mlflow.parentRunId` = '{parent}'",
        "orderByKey": columns[0],
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": [name, *columns, "duration"],
        "columnWidths": {name: 290} | dict.fromkeys(columns, 135),
    }
    client.set_experiment_tag(experiment_id, f"mlflow.sharedViewState.{parent}", json.dumps(state))


def describe_experiment(client: MlflowClient, experiment_id: str, run_id: str, text: str) -> None:
    """Tell at the top of an experiment's page what came out last; keep what somebody else wrote.

    The page shows the first line; the rest unfolds.
    """
    known = client.get_experiment(experiment_id).tags.get(DESCRIPTION, "")
    if not known or known.startswith(LATEST):
        text = f"{LATEST} ([open]({address_of_run(experiment_id, run_id)})): {text}"
        client.set_experiment_tag(experiment_id, DESCRIPTION, text[:5000])
