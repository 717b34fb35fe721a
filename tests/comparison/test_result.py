import pytest

from ganaug.comparison.statistics import paired_interval


def test_leaderboard__means_spread_and_rank(clear):
    board = clear.leaderboard()
    assert list(board.index.unique("classifier")) == ["one", "two", "all"]
    assert list(board.loc["all"].index) == ["nothing", "tuned-threshold", "GAN"]
    found = clear.results.query("arm == 'GAN' and classifier == 'one'")["f1"]
    assert board.loc[("one", "GAN"), ("f1", "mean")] == pytest.approx(found.mean())
    assert board.loc[("one", "GAN"), ("f1", "sd")] == pytest.approx(found.std())
    assert board.loc["one"]["rank"].tolist() == [3, 2, 1]
    assert board["f1", "best"].tolist() == [False, False, True] * 3
    assert board["brier", "best"].tolist() == [False, False, True] * 3
    assert not board["failed", ""].any()
    # The spread of "all" is that of the fold means, not of all cells.
    pooled = clear.results.query("arm == 'GAN'").groupby("fold")["f1"].mean()
    assert board.loc[("all", "GAN"), ("f1", "sd")] == pytest.approx(pooled.std())


def test_differences__paired_by_fold(clear):
    table = clear.differences("f1")
    assert table["arm"].tolist() == ["tuned-threshold"] * 3 + ["GAN"] * 3
    assert table["classifier"].tolist() == ["one", "two", "all"] * 2
    f1 = clear.results.pivot_table(index="fold", columns=["arm", "classifier"], values="f1")
    expected = paired_interval((f1["GAN"] - f1["nothing"])["one"].to_numpy(), 1 / 4)
    row = table.iloc[3]
    assert row[["mean", "low", "high", "p_value"]].tolist() == pytest.approx(expected)
    assert (table["finding"] == "better").all()


def test_differences__lower_brier_is_better(clear):
    table = clear.differences("brier")
    assert (table["mean"] < 0).all()
    assert (table["finding"] == "better").all()
    assert (clear.differences("brier", against="GAN")["finding"] == "worse").all()


def test_differences__wider_with_more_confidence(clear):
    narrow, wide = (clear.differences("f1", confidence=c).iloc[0] for c in (0.5, 0.99))
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda c: c.refit("GANs", "one"),
            "Unknown arm 'GANs'. Did you mean 'GAN'?",
        ),
        (lambda c: c.refit("GAN", "three"), "Unknown classifier 'three'. Choose from one, two"),
        (lambda c: c.verdict("x"), "Unknown arm 'x'"),
        (lambda c: c.differences("gini"), "Unknown metric 'gini'. Choose from average_prec"),
        (lambda c: c.differences(against="x"), "Unknown arm 'x'"),
    ],
)
def test_unknown_names__listed(clear, call, message):
    with pytest.raises(ValueError, match=message):
        call(clear)


def test_leaderboard__failed_somewhere(found):
    failed = found.leaderboard()["failed", ""]
    assert failed[failed].index.tolist() == [
        ("bayes", "broken"),
        ("bayes", "half broken"),
        ("neighbours", "broken"),
        ("all", "broken"),
        ("all", "half broken"),
    ]


def test_histories_and_augmenters__of_arms_with_curves(found):
    assert list(found.histories) == ["GAN"]
    assert [curve[-1]["step"] for curve in found.histories["GAN"]] == [20] * 3
    fold, augmenter = found.augmenters["GAN"]
    assert (fold, augmenter.history_) == (1, found.histories["GAN"][0])


@pytest.mark.parametrize("arm", ["nothing", "repeat", "SMOTE", "GAN"])
def test_refit__is_the_arms_model_fitted_on_all_rows(found, arm):
    model = found.refit(arm, "neighbours")
    again = found.task.model(arm, "neighbours", fold=None).fit(found.X, found.y)
    assert (model.predict_proba(found.X) == again.predict_proba(found.X)).all()
    raw = found.X.iloc[:5].assign(sex=["F", None, "unseen", "M", "I"])
    assert set(model.predict(raw)) <= {"positive", "negative"}
    assert getattr(model, "memory", None) is None
