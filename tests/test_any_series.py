"""Series of any form, dtype, size, range and gaps end in series that obey the laws, or in words."""

import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sklearn.exceptions import ConvergenceWarning

from ganaug import GANAugmenter, SeriesEncoder
from ganaug.networks.dense import DenseNetwork
from ganaug.networks.temporal import TemporalNetwork

#: What a refusal must speak of.
SUBJECTS = re.compile(r"\bseries\b|\bX\b|\bvalues\b|\bchannel")
DTYPES = ["f2", "f4", ">f8", "f8", "i1", "u2", ">i4", "i8", "bool"]
FORMS = ["first", "last", "flat", "frame", "nullable", "arrow", "polars", "list", "list, last"]


@some.composite
def described(draw):
    """Describe series: how they come, how many, of what, and what is missing."""
    return {
        "form": draw(some.sampled_from(FORMS)),
        "dtype": draw(some.sampled_from(DTYPES)),
        "channels": draw(some.sampled_from([1, 2, 3, 32])),
        "steps": draw(some.sampled_from([8, 9, 15, 33, 64])),
        "rows": draw(some.sampled_from([(30, 9), (12, 3), (9, 1, 2)])),
        "spread": 10.0 ** draw(some.sampled_from([-300, -20, -3, 0, 0, 0, 1, 2, 20, 290])),
        "level": draw(some.sampled_from([0, 0, 1, 1e6])),
        "constant": draw(some.booleans()),
        "normalised": draw(some.booleans()),
        "gaps": draw(some.sampled_from([0, 0, 0.1, 0.6, 1])),
        "network": draw(some.sampled_from([DenseNetwork(width=8, depth=1), TemporalNetwork(2)])),
        "parameters": draw(
            some.sampled_from(
                [{}, {"n_candidates": 1}, {"early_stopping": True}, {"loss": "wasserstein"}]
            )
        ),
        "seed": draw(some.integers(0, 2**16)),
    }


def build(how):
    """Return described series and their labels, and what their encoder is told."""
    rng = np.random.default_rng(how["seed"])
    y = np.repeat(np.arange(len(how["rows"])), how["rows"])
    X = rng.normal(size=(len(y), how["channels"], how["steps"]))
    if how["normalised"]:
        X = (X - X.mean(axis=2, keepdims=True)) / X.std(axis=2, keepdims=True)
    else:
        X = (X + how["level"]) * how["spread"]
    if how["constant"]:
        X[:, 0] = X[0, 0, 0]
    dtype = np.dtype(how["dtype"])
    if dtype.kind in "iu":
        ends = np.iinfo(dtype)
        X = np.rint(X).clip(max(ends.min, -(2.0**53)), min(ends.max, 2.0**53))
    with np.errstate(over="ignore", under="ignore"):
        X = (X > 0 if dtype.kind == "b" else X).astype(dtype)
    gaps = rng.random(X.shape) < how["gaps"] / 2
    lengths = rng.integers(2, how["steps"] + 1, len(y)) if how["gaps"] else np.full(len(y), 99)
    lengths[0] = how["steps"]
    listed = how["form"].startswith("list")
    if dtype.kind == "f":
        X[gaps] = np.nan
        if not listed:
            X[np.arange(how["steps"]) >= lengths[:, None, None].repeat(how["channels"], 1)] = np.nan
    last = how["form"].endswith("last")
    told = {"channels": "last"} if last else {}
    if listed:
        series = [one[:, :n] for one, n in zip(X, lengths, strict=True)]
        return [one.T if last else one for one in series], y, told
    if how["form"] in ("first", "last"):
        return np.moveaxis(X, 1, 2) if last else X, y, told
    flat, told = X.reshape(len(X), -1), {"shape": X.shape[1:]}
    if how["form"] == "flat":
        return flat, y, told
    frame = pd.DataFrame(flat.astype(dtype.newbyteorder("="))).add_prefix("t")
    if how["form"] == "nullable":
        frame = frame.convert_dtypes() if dtype != "f2" else frame
    if how["form"] == "arrow":
        frame = frame.convert_dtypes(dtype_backend="pyarrow") if dtype != "f2" else frame
    if how["form"] == "polars":
        return pl.DataFrame({c: frame[c].astype("f8").tolist() for c in frame}), y, told
    return frame, y, told


def curves(encoder, series):
    """Return series as an array, whatever they came as."""
    if isinstance(series, pl.DataFrame):
        series = series.to_pandas()
    return encoder.to_curves(series)


def check_laws(how):
    X, y, told = build(how)
    encoder = SeriesEncoder(**told)
    few = {"steps": 2, "batch_size": 8, "random_state": 0, "verbose": False}
    model = GANAugmenter(encoder=encoder, network=how["network"], **few | how["parameters"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "early_stopping has nothing")
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model.fit(X, y)
        except (ValueError, TypeError) as error:
            told_of = SUBJECTS.search(str(error))
            assert told_of
            assert not hasattr(model, "classes_")
            return "refused"
        more, y_more = model.transform(X, y)
        made, y_made = model.sample(dict.fromkeys(model.classes_.tolist(), 4))
    assert type(more) is type(made) is type(X)
    encoder = model.encoder_
    if isinstance(X, list | np.ndarray):
        assert {one.dtype for one in more} == {one.dtype for one in X}
    elif isinstance(X, pd.DataFrame):
        assert more.dtypes.equals(X.dtypes)
    else:
        assert more.schema == X.schema
    real = curves(encoder, X)
    np.testing.assert_array_equal(curves(encoder, more)[: len(y)], real)
    for new, labels in (
        (curves(encoder, more)[len(y) :], y_more[len(y) :]),
        (curves(encoder, made), y_made),
    ):
        assert not np.isinf(new).any()
        for label in np.unique(labels):
            shown = {one.tobytes() for one in np.isnan(real[y == label])}
            assert {one.tobytes() for one in np.isnan(new[labels == label])} <= shown
        for channel in range(real.shape[1]):
            seen, found = (part[:, channel][~np.isnan(part[:, channel])] for part in (real, new))
            if not len(found):
                continue
            assert seen.min() <= found.min()
            assert found.max() <= seen.max()
            if (seen == np.rint(seen)).all():
                assert (found == np.rint(found)).all()
    return "kept all laws"


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(described())
def test_any_series(how):
    check_laws(how)
