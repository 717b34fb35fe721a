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
CONTENT = "ganaug.content"


@dataclass(frozen=True)
class Contender:
    """A logged model, its score, and the rows that it was judged on."""

    model_id: str
    run_id: str
    metric: str  #: More is better.
    score: float
    digest: str  #: Of the table.
    splits: str  #: Identifies the rows that it was trained and judged on.
    content: str  #: Identifies the model, whatever run it is logged in, and how it was judged.
    about: str  #: What it is, as a sentence for people.


class Outcome(Enum):
    """Why a registered model became the champion or the challenger, as a sentence for people."""

    NO_RIVAL = "{name} version {version} became the champion."
    ALREADY = "{name} version {version}, the champion, is this very model; no other was registered."
    OTHER_TABLE = (
        "{name} version {version} became the champion; version {rival} was, by what it did on "
        "another table, and became the challenger. On this table the new one's {metric} is "
        "{score:.3f}."
    )
    BETTER = (
        "{name} version {version} became the champion; version {rival} was, and became the "
        "challenger ({metric} {score:.3f} after {best:.3f})."
    )
    NOT_BETTER = (
        "{name} version {version} became the challenger; version {rival} stayed champion, for on "
        "the same table its {metric} is {best:.3f}; the new one's is {score:.3f}."
    )
    NOT_COMPARABLE = (
        "{name} version {version} became the challenger; version {rival} stayed champion, for it "
        "was not judged by the same metric on the same splits of this table, so that its score "
        "cannot be compared with the new one's {metric} of {score:.3f}. To prefer the new one: "
        "set_registered_model_alias({name!r}, 'champion', '{version}')."
    )


@dataclass(frozen=True)
class Registered:
    """The version that a contender has become: ``models:/{name}@{alias}`` loads it."""

    name: str
    version: str
    alias: str
    story: str  #: The outcome, as one sentence for people.


def check_registry(client: MlflowClient | None, name: str) -> None:
    """Raise `ValueError` if the registry takes no model of this name; None is one to be made."""
    from mlflow.exceptions import MlflowException

    # What any registry refuses. The first may not be there yet to be asked.
    if not name.strip() or set(name) & set("/:") or not name.strip("."):
        raise ValueError(
            f"{name!r} cannot name a registered model; pass a name without '/' and ':', such as "
            "'fraud'."
        )
    if client is None:
        return
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

    A champion that loses its place becomes the challenger; see `judge`. A version of the same
    content is not made again: the call before was interrupted, or the model logged twice.
    """
    _create_if_missing(client, name)
    version, best, rival = _version(client, name, contender), None, None
    aliases = client.get_registered_model(name).aliases
    if CHAMPION not in aliases:
        outcome = Outcome.NO_RIVAL
    elif str(aliases[CHAMPION]) == version:
        outcome = Outcome.ALREADY
    else:
        champion = client.get_model_version(name, aliases[CHAMPION])
        outcome, rival = judge(champion.tags, contender), str(champion.version)
        best = float(champion.tags.get(SCORE, "nan"))
    metric = contender.metric.replace("_", " ")
    story = outcome.value.format(
        name=name, version=version, rival=rival, metric=metric, score=contender.score, best=best
    )
    found = f"{story} {contender.about}"
    if outcome is not Outcome.ALREADY:
        client.update_model_version(name, version, found)
    loses = outcome in {Outcome.NOT_BETTER, Outcome.NOT_COMPARABLE}
    challenger = version if loses else rival
    if challenger is not None:
        client.set_registered_model_alias(name, CHALLENGER, challenger)
    if not loses:
        client.set_registered_model_alias(name, CHAMPION, version)
    return Registered(name, version, CHALLENGER if loses else CHAMPION, found)


def _version(client: MlflowClient, name: str, contender: Contender) -> str:
    """Return the version that a model is registered as, made if need be."""
    # Names may hold quotes, which MLflow's filters do not take.
    found = client.search_model_versions(f"tags.`{CONTENT}` = '{contender.content}'")
    mine = [version for version in found if version.name == name]
    if mine:
        return str(mine[0].version)
    tags = {DIGEST: contender.digest, SPLITS: contender.splits, METRIC: contender.metric}
    tags |= {SCORE: repr(float(contender.score)), CONTENT: contender.content}
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
