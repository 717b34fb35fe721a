"""Register models, and decide which version is the champion and which the challenger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ganaug.tracking.client import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
DIGEST, SPLITS = "ganaug.data_digest", "ganaug.splits"
METRIC, SCORE = "ganaug.metric", "ganaug.score"


@dataclass(frozen=True)
class Contender:
    """A logged model, its score, and the rows that it was judged on."""

    model_id: str
    run_id: str
    metric: str  #: More is better.
    score: float
    digest: str  #: Of the table.
    splits: str  #: Identifies the rows that it was trained and judged on.


class Outcome(Enum):
    """Why the registered model is the champion or the challenger, as a sentence for people."""

    NO_RIVAL = "{name} version {version} is the champion."
    OTHER_TABLE = (
        "{name} version {version} is the champion; version {rival} was, by what it did on another "
        "table, and is now the challenger. On this table the new one's {metric} is {score:.3f}."
    )
    BETTER = (
        "{name} version {version} is the champion; version {rival} was, and is now the challenger "
        "({metric} {score:.3f} after {best:.3f})."
    )
    NOT_BETTER = (
        "{name} version {version} is the challenger; version {rival} stays champion, for on the "
        "same table its {metric} is {best:.3f}; the new one's is {score:.3f}."
    )
    NOT_COMPARABLE = (
        "{name} version {version} is the challenger; version {rival} stays champion, for it was "
        "not judged by the same metric on the same splits of this table, so that its score cannot "
        "be compared with the new one's {metric} of {score:.3f}. To prefer the new one: "
        "set_registered_model_alias({name!r}, 'champion', '{version}')."
    )


@dataclass(frozen=True)
class Registered:
    """The version that a contender has become: ``models:/{name}@{alias}`` loads it."""

    name: str
    version: str
    alias: str
    story: str  #: The outcome, as one sentence for people.


def check_registry(client: MlflowClient, name: str) -> None:
    """Raise `ValueError` if the registry takes no model of this name."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            reason = without_password(" ".join(str(error).split()))
            raise ValueError(f"{name!r} cannot name a registered model: {reason}") from error


def judge(champion: Mapping[str, str], contender: Contender) -> Outcome:
    """Compare a contender with the champion, of which the tags are given.

    Only scores by the same metric on the same splits of the same table are compared. A champion
    that was judged on another table makes way; one that is as good stays.
    """
    if champion.get(DIGEST, contender.digest) != contender.digest:
        return Outcome.OTHER_TABLE
    known = tuple(champion.get(tag) for tag in (DIGEST, SPLITS, METRIC))
    if SCORE not in champion or known != (contender.digest, contender.splits, contender.metric):
        return Outcome.NOT_COMPARABLE
    better = contender.score > float(champion[SCORE])  # False if one of them is NaN.
    return Outcome.BETTER if better else Outcome.NOT_BETTER


def register(client: MlflowClient, name: str, contender: Contender) -> Registered:
    """Register a model as champion, unless the champion that is there may be as good.

    A champion that loses its place becomes the challenger; see `judge`. A version that is there
    already, from a call that was interrupted, is not made again.
    """
    _create_if_missing(client, name)
    version, best, rival = _version(client, name, contender), None, None
    aliases = client.get_registered_model(name).aliases
    if CHAMPION not in aliases or str(aliases[CHAMPION]) == version:
        outcome = Outcome.NO_RIVAL
    else:
        champion = client.get_model_version(name, aliases[CHAMPION])
        outcome, rival = judge(champion.tags, contender), str(champion.version)
        best = float(champion.tags.get(SCORE, "nan"))
    loses = outcome in {Outcome.NOT_BETTER, Outcome.NOT_COMPARABLE}
    challenger = version if loses else rival
    if challenger is not None:
        client.set_registered_model_alias(name, CHALLENGER, challenger)
    if not loses:
        client.set_registered_model_alias(name, CHAMPION, version)
    metric = contender.metric.replace("_", " ")
    story = outcome.value.format(
        name=name, version=version, rival=rival, metric=metric, score=contender.score, best=best
    )
    return Registered(name, version, CHALLENGER if loses else CHAMPION, story)


def _version(client: MlflowClient, name: str, contender: Contender) -> str:
    """Return the version that a model is registered as, made if need be."""
    # Names may hold quotes, which MLflow's filters do not take.
    found = client.search_model_versions(f"run_id = '{contender.run_id}'")
    mine = [version for version in found if version.name == name]
    if mine:
        return str(mine[0].version)
    tags = {DIGEST: contender.digest, SPLITS: contender.splits, METRIC: contender.metric}
    tags[SCORE] = repr(float(contender.score))
    # Not "models:/<id>": MLflow looks that up in the caller's store, not in the client's.
    source = client.get_logged_model(contender.model_id).artifact_location
    added = client.create_model_version(
        name, source, contender.run_id, tags=tags, model_id=contender.model_id
    )
    return str(added.version)


def _create_if_missing(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
