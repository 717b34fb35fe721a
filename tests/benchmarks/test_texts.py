"""The benchmark of texts, on a wheel of few texts of made-up topics."""

import zipfile

import numpy as np
import pandas as pd
import pytest

from benchmarks import cells, texts

pytestmark = pytest.mark.slow
WORDS = {topic: [f"{topic[4:]}{n}" for n in range(12)] for topic in texts.SCIENCE}


@pytest.fixture
def wheel(tmp_path):
    """Write a wheel with the texts of four topics, which share half of their words."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "texts.whl", "w") as held:
        for part, n in (("train", 30), ("test", 10)):
            lines = ["Category\tText", "d\tstring", "class\t"]
            for topic in [*WORDS, "rec.autos"]:
                own = [*WORDS.get(topic, []), *WORDS["sci.med"]]
                lines += [f"{topic}\t{' '.join(rng.choice(own, 20))}" for _ in range(n)]
            held.writestr(f"{texts.FOLDER}/20newsgroups-{part}.tab", "\n".join(lines))
    return tmp_path / "texts.whl"


def test_texts_are_measured_and_kept(wheel, tmp_path, capsys):
    arms = ["EDA", "GAN", "GAN averaged"]
    texts.run(wheel, arms=arms, quick=True, results=tmp_path / "scores")
    scores = pd.concat(map(pd.read_csv, (tmp_path / "scores").glob("*.csv")))
    assert set(scores["arm"]) == set(arms)
    assert scores.groupby("arm")["judge"].nunique().eq(4).all()
    assert scores[cells.SCORES].apply(lambda s: s.between(0, 1)).all(axis=None)
    assert "rank F1, by set and rare rows" in capsys.readouterr().out


@pytest.mark.parametrize("arm", ["EDA", "trigrams"])
def test_texts_are_written_to_balance(arm, wheel):
    split = texts.read(wheel, "science")
    assert set(split.y_test) == set(texts.SCIENCE)
    few = cells.thin(split, cells.Cell("science", "sci.space", 5, 0), common=20)
    made = []

    def encode(some):
        made.extend(some)
        return np.ones((len(some), 2))

    sampler = texts.samplers(few.X, encode, None)[arm].set_params(random_state=0)
    X_more, y_more = sampler.fit_resample(np.zeros((65, 2)), few.y)
    assert X_more[:, 0].tolist() == [0] * 65 + [1] * 15
    assert np.array_equal(y_more[:65], few.y)
    assert set(y_more[65:]) == {"sci.space"}
    own = [text.split() for text in few.X[few.y == "sci.space"]]
    assert {word for text in made for word in text.split()} <= {w for text in own for w in text}
    if arm == "EDA":
        assert all(15 <= len(text.split()) <= 20 for text in made)
    else:
        known = {tuple(text[i : i + 3]) for text in own for i in range(18)}
        assert all(tuple(text.split()[:3]) in known for text in made)
