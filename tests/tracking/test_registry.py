from contextlib import suppress

import pytest

from ganaug.tracking.registry import Contender, check_registry, register

pytest.importorskip("mlflow")

pytestmark = [
    pytest.mark.usefixtures("store"),
    pytest.mark.filterwarnings("ignore:.*noload.*loader strategy is deprecated"),
]


@pytest.fixture
def client(store):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=store)


def contender(
    client, score, digest="a", splits="5 folds", metric="average_precision", content=None
):
    experiment = client.get_experiment_by_name("Default").experiment_id
    run_id = client.create_run(experiment).info.run_id
    model = client.create_logged_model(experiment, name="pipeline", source_run_id=run_id)
    client.finalize_logged_model(model.model_id, "READY")
    content = content or run_id
    return Contender(
        model.model_id, run_id, metric, score, digest, splits, content, "It was made up."
    )


def compete(client, score, name="it's fraud", **about):
    return register(client, name, contender(client, score, **about))


def aliases(client, name="it's fraud"):
    found = client.get_registered_model(name).aliases
    return {alias: str(version) for alias, version in found.items()}


def test_the_first_is_the_champion(client):
    registered = compete(client, 0.5)
    assert (registered.version, registered.alias) == ("1", "champion")
    assert aliases(client) == {"champion": "1"}
    version = client.get_model_version("it's fraud", "1")
    assert version.tags["ganaug.data_digest"] == "a"
    assert float(version.tags["ganaug.score"]) == 0.5
    assert version.description == registered.story
    assert registered.story == "it's fraud version 1 became the champion. It was made up."


def test_better_on_the_same_table_takes_the_title(client):
    compete(client, 1 / 3)
    registered = compete(client, 0.6)
    assert registered.alias == "champion"
    assert aliases(client) == {"champion": "2", "challenger": "1"}
    assert "average precision 0.600 after 0.333" in registered.story


@pytest.mark.parametrize("score", [0.55, 0.6])
def test_a_champion_as_good_stays(client, score):
    compete(client, 0.6)
    registered = compete(client, score)
    assert registered.alias == "challenger"
    assert aliases(client) == {"champion": "1", "challenger": "2"}
    assert "version 1 stayed champion" in registered.story
    assert f"0.600; the new one's is {score:.3f}" in registered.story


def test_a_champion_of_another_table_makes_way(client):
    compete(client, 0.6)
    registered = compete(client, 0.1, digest="b")
    assert registered.alias == "champion"
    assert aliases(client) == {"champion": "2", "challenger": "1"}
    assert "on another table" in registered.story
    assert registered.story.endswith("the new one's average precision is 0.100. It was made up.")


@pytest.mark.parametrize("other", [{"metric": "roc_auc"}, {"splits": "9 folds"}])
def test_scores_that_cannot_be_compared_do_not_win_the_title(client, other):
    compete(client, 0.1)
    registered = compete(client, 0.6, **other)
    assert aliases(client) == {"champion": "1", "challenger": "2"}
    assert "cannot be compared" in registered.story
    assert "alias(\"it's fraud\", 'champion', '2')." in registered.story


def test_a_champion_that_someone_else_crowned_stays(client):
    compete(client, 0.1)
    client.delete_model_version_tag("it's fraud", "1", "ganaug.score")
    assert compete(client, 0.6).alias == "challenger"


def test_the_same_model_is_registered_once(client):
    compete(client, 0.6, content="x")
    again = compete(client, 0.6, content="x")
    assert (again.version, again.alias) == ("1", "champion")
    assert "this very model; no other was registered" in again.story
    compete(client, 0.5, content="y")
    again = compete(client, 0.5, content="y")
    assert (again.version, again.alias) == ("2", "challenger")
    assert aliases(client) == {"champion": "1", "challenger": "2"}


@pytest.mark.parametrize("calls", range(3))
def test_who_was_interrupted_registers_no_second_version(client, monkeypatch, calls):
    compete(client, 0.1)
    better, set_alias, made = contender(client, 0.6), client.set_registered_model_alias, []

    def stop(*arguments):
        if len(made) == calls:
            raise KeyboardInterrupt
        made.append(set_alias(*arguments))

    with monkeypatch.context() as patch:
        patch.setattr(client, "set_registered_model_alias", stop)
        with suppress(KeyboardInterrupt):
            register(client, "it's fraud", better)
    registered = register(client, "it's fraud", better)
    assert (registered.version, registered.alias) == ("2", "champion")
    assert aliases(client) == {"champion": "2", "challenger": "1"}
    assert len(client.search_model_versions()) == 2


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", ".."])
def test_impossible_names_are_refused(client, name):
    with pytest.raises(ValueError, match="cannot name a registered model"):
        check_registry(client, name)
    check_registry(client, "it's fraud")
