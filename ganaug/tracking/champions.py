"""Which version of a registered model is the champion, and which the challenger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ganaug.tracking.store import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER = "champion", "challenger"
DIGEST, SPLITS = "ganaug.data_digest", "ganaug.splits"
METRIC, SCORE = "ganaug.metric", "ganaug.score"


@dataclass(frozen=True)
class Contender:
    """A logged model, and how well it did on which rows.

    Attributes
    ----------
    model_id, run_id : str
        As MLflow knows it.
    metric : str
        What it was judged by; more is better.
    score : float
    digest : str
        Of the table.
    splits : str
        Identifies the rows that it was trained and judged on.
    """

    model_id: str
    run_id: str
    metric: str
    score: float
    digest: str
    splits: str


@dataclass(frozen=True)
class Registered:
    """What became of a contender.

    Attributes
    ----------
    name, version, alias : str
        ``models:/{name}@{alias}`` loads it.
    story : str
        One sentence for people.
    """

    name: str
    version: str
    alias: str
    story: str


def check_registry(client: MlflowClient, name: str) -> None:
    """Raise `ValueError` if the registry takes no model of this name."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.validation import _validate_model_name

    try:
        _validate_model_name(name)
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            reason = without_password(" ".join(str(error).split()))
            raise ValueError(f"{name!r} cannot name a registered model: {reason}") from error


def register(client: MlflowClient, name: str, contender: Contender) -> Registered:
    """Register a model as champion, unless the one there is may be as good.

    A champion that loses its place becomes the challenger. It keeps its place, and the newcomer is
    the challenger, if it was judged on the same table and did as well there, or by another metric
    or on other splits of it, so that nobody knows. One of another table has no say. A version that
    is there already, from a call that was interrupted, is not made again.

    Parameters
    ----------
    client : MlflowClient
    name : str
        Of the registered model, which is created if it is not there.
    contender : Contender

    Returns
    -------
    Registered
    """
    _make_sure_of(client, name)
    champion, version = _champion(client, name), _version(client, name, contender)
    words, score = contender.metric.replace("_", " "), f"{contender.score:.3f}"
    if champion is None or str(champion.version) == version:
        client.set_registered_model_alias(name, CHAMPION, version)
        return Registered(name, version, CHAMPION, f"{name} version {version} is the champion.")
    alias = CHALLENGER
    if champion.tags.get(DIGEST, contender.digest) != contender.digest:
        alias = CHAMPION
        reason = (
            "was, by what it did on another table, and is now the challenger. On this table the "
            f"new one's {words} is {score}."
        )
    elif not _comparable(champion, contender):
        reason = (
            "stays champion, for it was not judged by the same metric on the same splits of this "
            f"table, so that its score cannot be compared with the new one's {words} of {score}. "
            f"To prefer the new one: set_registered_model_alias({name!r}, {CHAMPION!r}, "
            f"{version!r})."
        )
    elif contender.score > (best := float(champion.tags[SCORE])):  # not if it is NaN
        alias = CHAMPION
        reason = f"was, and is now the challenger ({words} {score} after {best:.3f})."
    else:
        reason = (
            f"stays champion, for on the same table its {words} is {best:.3f}; the new one's is "
            f"{score}."
        )
    loser = version if alias == CHALLENGER else str(champion.version)
    client.set_registered_model_alias(name, CHALLENGER, loser)
    if alias == CHAMPION:
        client.set_registered_model_alias(name, CHAMPION, version)
    story = f"{name} version {version} is the {alias}; version {champion.version} {reason}"
    return Registered(name, version, alias, story)


def _version(client: MlflowClient, name: str, contender: Contender) -> str:
    """Return the version that a model is registered as, made if need be."""
    # Names may hold quotes, which MLflow's filters do not take.
    found = client.search_model_versions(f"run_id = '{contender.run_id}'")
    mine = [version for version in found if version.name == name]
    if mine:
        return str(mine[0].version)
    tags = {
        DIGEST: contender.digest,
        SPLITS: contender.splits,
        METRIC: contender.metric,
        SCORE: repr(float(contender.score)),
    }
    # Not "models:/<id>": MLflow looks that up in the caller's store, not in the client's.
    source = client.get_logged_model(contender.model_id).artifact_location
    added = client.create_model_version(
        name, source, contender.run_id, tags=tags, model_id=contender.model_id
    )
    return str(added.version)


def _comparable(champion: ModelVersion, contender: Contender) -> bool:
    """Return whether both were judged by the same metric on the same splits of the same table."""
    known = tuple(champion.tags.get(tag) for tag in (DIGEST, SPLITS, METRIC))
    asked = (contender.digest, contender.splits, contender.metric)
    return SCORE in champion.tags and known == asked


def _champion(client: MlflowClient, name: str) -> ModelVersion | None:
    aliases = client.get_registered_model(name).aliases
    return client.get_model_version(name, aliases[CHAMPION]) if CHAMPION in aliases else None


def _make_sure_of(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
