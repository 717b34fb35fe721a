"""Which version of a registered model is the champion, and which the challenger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER = "champion", "challenger"
DIGEST, METRIC, SCORE = "ganaug.data_digest", "ganaug.metric", "ganaug.score"


@dataclass(frozen=True)
class Contender:
    """A logged model, and how well it did on which table.

    Attributes
    ----------
    model_id, run_id : str
        As MLflow knows it.
    metric : str
        What it was judged by; more is better.
    score : float
    digest : str
        Of the table.
    """

    model_id: str
    run_id: str
    metric: str
    score: float
    digest: str


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


def check_name(name: str) -> str:
    """Return the name of a registered model, or say what is wrong with it."""
    if not name.strip() or set(name) & set("/:"):
        raise ValueError(
            f"{name!r} cannot name a registered model: it must not be empty, nor hold / or :."
        )
    return name


def register(client: MlflowClient, name: str, contender: Contender) -> Registered:
    """Register a model as champion, or as challenger of one as good on the same table.

    A champion that loses its place becomes the challenger. Scores on different tables cannot be
    compared, so there the newer model wins.

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
    champion = _champion(client, name)
    tags = {
        DIGEST: contender.digest,
        METRIC: contender.metric,
        SCORE: repr(float(contender.score)),
    }
    # Not "models:/<id>": MLflow looks that up in the caller's store, not in the client's.
    source = client.get_logged_model(contender.model_id).artifact_location
    added = client.create_model_version(
        name, source, contender.run_id, tags=tags, model_id=contender.model_id
    )
    version, words = str(added.version), contender.metric.replace("_", " ")
    if champion is None:
        client.set_registered_model_alias(name, CHAMPION, version)
        story = f"{name} version {version} is the champion, the first there is."
        return Registered(name, version, CHAMPION, story)
    comparable = _of_the_same(champion, contender)
    if comparable and not contender.score > float(champion.tags[SCORE]):  # nor if it is NaN
        client.set_registered_model_alias(name, CHALLENGER, version)
        story = (
            f"{name} version {version} is the challenger: version {champion.version} stays "
            f"champion, for on the same table its {words} is {float(champion.tags[SCORE]):.3f}; "
            f"the new one's is {contender.score:.3f}."
        )
        return Registered(name, version, CHALLENGER, story)
    client.set_registered_model_alias(name, CHALLENGER, str(champion.version))
    client.set_registered_model_alias(name, CHAMPION, version)
    reason = (
        f"{words} {contender.score:.3f} after {float(champion.tags[SCORE]):.3f}"
        if comparable
        else "it was measured on another table, so that scores cannot be compared"
    )
    story = (
        f"{name} version {version} is the champion; version {champion.version} was, and is now "
        f"the challenger ({reason})."
    )
    return Registered(name, version, CHAMPION, story)


def _of_the_same(champion: ModelVersion, contender: Contender) -> bool:
    """Return whether both were judged by the same metric on the same table."""
    known = (champion.tags.get(DIGEST), champion.tags.get(METRIC))
    return SCORE in champion.tags and known == (contender.digest, contender.metric)


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
