import numpy as np
import pandas as pd
import pytest

from ganaug.mixed_smote import MixedSMOTE, smote_variant


def test_variant_fits_the_columns(abalone):
    X, _ = abalone
    for table, variant in {
        "SMOTENC": X,
        "SMOTE": X.drop(columns="sex"),
        "SMOTEN": X[["sex"]].assign(flag=True),
    }.items():
        assert smote_variant(variant).__name__ == table


@pytest.mark.parametrize("columns", [["sex"], ["m0", "m1"], ["sex", "m0", "m1"]])
def test_real_rows_first_then_seen_levels_within_range(abalone, columns):
    X, y = abalone[0][columns].assign(flag=abalone[0]["m0"] > 0.5), abalone[1].to_numpy()
    X_more, y_more = MixedSMOTE(random_state=0).fit_resample(X, y)
    pd.testing.assert_frame_equal(X_more.loc[: len(y) - 1, columns], X[columns])
    assert (y_more[: len(y)] == y).all()
    assert (y_more == "positive").sum() == (y_more == "negative").sum()
    new, rare = X_more.iloc[len(y) :], X[y == "positive"]
    assert set(new["flag"]) <= {"True", "False"}
    for name in columns:
        if name == "sex":
            assert set(new[name]) <= set(X[name])
        else:
            assert new[name].between(rare[name].min() - 1e-9, rare[name].max() + 1e-9).all()


def test_same_seed_same_rows(abalone):
    one, two, other = (
        MixedSMOTE(random_state=seed).fit_resample(*abalone)[0] for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(other)


def test_missing_values_are_filled_before(abalone):
    X, y = abalone[0].copy(), abalone[1]
    X.loc[::3, "m0"] = np.nan
    X.loc[::4, "sex"] = None
    X["empty"] = np.nan
    assert not MixedSMOTE().fit_resample(X, y)[0].isna().any(axis=None)


def test_few_rows_lower_the_neighbours():
    X = pd.DataFrame({"a": np.arange(12.0)})
    _, y_more = MixedSMOTE().fit_resample(X, np.repeat([0, 1], [10, 2]))
    assert (y_more == 1).sum() == 10
    with pytest.raises(ValueError, match=r"SMOTE needs 2 rows .* has 1 of 1"):
        MixedSMOTE().fit_resample(X, np.repeat([0, 1], [11, 1]))


@pytest.mark.parametrize(("strategy", "total"), [("auto", 689), (0.5, 344), ({"positive": 60}, 60)])
def test_sampling_strategy(abalone, strategy, total):
    _, y_more = MixedSMOTE(sampling_strategy=strategy).fit_resample(*abalone)
    assert (y_more == "positive").sum() == total


@pytest.mark.parametrize(
    "columns",
    [[2, 0, 1], [7, 8, 9], pd.MultiIndex.from_product([["a"], [1, "x", 2]])],
    ids=["ints that could be positions", "ints", "pairs"],
)
def test_columns_of_any_name(abalone, columns):
    X, y = abalone[0][["m0", "sex", "m1"]], abalone[1]
    wanted, _ = MixedSMOTE(random_state=0).fit_resample(X, y)
    found, _ = MixedSMOTE(random_state=0).fit_resample(X.set_axis(columns, axis=1), y)
    pd.testing.assert_frame_equal(found.set_axis(X.columns, axis=1), wanted)
    assert found.columns.tolist() == list(columns)
