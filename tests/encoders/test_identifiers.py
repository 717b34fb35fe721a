"""Columns that name their rows are found, teach nothing, and are made up for synthetic rows."""

import json
import re
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from ganaug import GANAugmenter, GANOverSampler
from ganaug.encoders import identifiers
from ganaug.encoders.identifiers import MIN_ROWS, SequenceCoder, TextCoder
from ganaug.encoders.table import TableEncoder

N = 120
CLASSES = np.repeat([0, 1], [90, 30])
RNG = np.random.default_rng(0)
NUMBERS = RNG.permutation(N)
REALS = RNG.normal(size=N)


def words(letters, low, high):
    """Return N words of ``low`` to ``high - 1`` letters."""
    return ["".join(RNG.choice(list(letters), RNG.integers(low, high))) for _ in range(N)]


FIRST, LAST = words("abcdefghij", 4, 9), words("klmnop", 4, 9)
NAMES = [f"{a} {b}".title() for a, b in zip(FIRST, LAST, strict=True)]
MAILS = [f"{a}.{b}@example.org" for a, b in zip(FIRST, LAST, strict=True)]
UUIDS = [str(uuid.UUID(bytes=RNG.bytes(16), version=4)) for _ in range(N)]

#: The cells, and what made-up ones look like.
TEXT = {
    "codes": ([f"C-{n:05}" for n in NUMBERS + 300], r"C-00\d{3}"),
    "names": (NAMES, r"[A-P][a-p]{3,7} [A-P][a-p]{3,7}"),
    "addresses": (MAILS, r"[a-p]{4,8}\.[a-p]{4,8}@example\.org"),
    "uuids": (UUIDS, r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "other letters": (words("王伟李娜张敏刘洋陈静", 6, 7), "[王伟李娜张敏刘洋陈静]{6}"),
    "sentences": (
        [f"{a} owes {b} {n}!" for a, b, n in zip(FIRST, LAST, NUMBERS, strict=True)],
        r"[a-z]+ [a-z]{4} [a-z]+ \d+!",
    ),
    "like dates": ([f"{n % 899 + 101}-{n % 89 + 10}-{n:04}" for n in NUMBERS * 83], r"[\d-]{11}"),
    "like years": ([f"2024-{n % 12 + 1:02}-{n:05}" for n in NUMBERS], r"2024-\d\d-00\d{3}"),
    "like amounts": ([f"0{n % 9}0 {n:03} {n * 7 % 1000:03}" for n in NUMBERS], r"0\d0 \d{3} \d{3}"),
    "some twice": (NAMES[:-3] + NAMES[:3], r"[A-P][a-p]+ [A-P][a-p]+"),
}
WHOLE = {
    "from one": np.arange(1, N + 1),
    "shuffled": 100001 + NUMBERS,
    "below zero": NUMBERS.astype("int16") - 200,
    "nullable": pd.array(NUMBERS, dtype="Int64"),
    "objects": NUMBERS.astype(object),
    "a sample of them": RNG.choice(2 * N, N, replace=False).astype("uint32"),
    "beyond 2**53": 2**62 + NUMBERS,
    "arrow": pd.array(NUMBERS, dtype="int64[pyarrow]"),
    "an array of floats": np.arange(1.0, N + 1),
    "short floats below zero": np.arange(-400, -400 + N).astype("float16"),
    "decimals": np.array([Decimal(int(n)) for n in NUMBERS], dtype=object),
}
#: With missing cells, of which integers have none in numpy.
WHOLE_WITH_GAPS = {
    "floats": np.where(NUMBERS % 7 == 3, np.nan, NUMBERS),
    "short floats": np.where(NUMBERS % 7 == 3, np.nan, NUMBERS).astype("float32"),
    "nullable floats": pd.Series(NUMBERS, dtype="Float64").mask(NUMBERS % 7 == 3),
    "nullable": pd.Series(NUMBERS, dtype="Int32").mask(NUMBERS % 7 == 3),
}
NO_IDENTIFIERS = {
    "measurements": REALS,
    "whole measurements": NUMBERS.astype(float),
    "amounts in cents": RNG.choice(100_000, N, replace=False),
    "measurements with gaps": np.where(NUMBERS % 7 == 3, np.nan, NUMBERS + 0.5),
    "floats beyond integers": (NUMBERS - 60) * 1e306,
    "every tenth": NUMBERS * 10,
    "ages": RNG.integers(18, 90, N),
    "dates": pd.date_range("2024-01-01", periods=N),
    "dates as text": pd.date_range("2024-01-01", periods=N).strftime("%d.%m.%Y").astype(object),
    "times as text": [f"{n // 60}:{n % 60:02}" for n in range(N)],
    "dates in words": pd.date_range("2024-01-01", periods=N).strftime("%d %b %Y").astype(object),
    "stamps as text": pd.date_range("2024-01-01", periods=N, freq="97min").astype(str),
    "thousands as text": [f"$ {n:,}.50" for n in NUMBERS + 1000],
    "amounts as text": [f"{x:.2f}" for x in REALS * 1000],
    "durations": pd.to_timedelta(NUMBERS, unit="s"),
    "categories": pd.Categorical(NAMES),
    "categories of numbers": pd.Categorical(NUMBERS),
    "towns": RNG.choice(NAMES[:80], N),
    "booleans": REALS > 0,
    "missing": np.full(N, None),
}


def fit(cells, **params):
    X = pd.DataFrame({"cells": cells, "x": REALS})
    encoder = TableEncoder(**params)
    return X, encoder.fit(encoder.check(X), CLASSES, 2)


def make(encoder, counts, seed=0):
    """Make cells of each class, in its order, from rows as no generator would make them."""
    classes = np.repeat([0, 1], counts)
    rows = np.zeros((len(classes), encoder.layout_.width), dtype=np.float32)
    return encoder.inverse_transform(rows, classes, np.random.default_rng(seed))["cells"]


@pytest.mark.parametrize("dtype", [object, "string"])
@pytest.mark.parametrize(("cells", "form"), TEXT.values(), ids=TEXT)
def test_text_is_made_up_in_the_same_form(cells, form, dtype):
    X, encoder = fit(pd.array(cells, dtype=dtype))
    assert encoder.identifiers == ["cells"]
    assert encoder.layout_.width == 1
    made = make(encoder, [150, 50])
    assert made.dtype == X["cells"].dtype
    assert not set(made) & set(cells)
    assert made.is_unique
    assert all(re.fullmatch(form, text) for text in made), made.head()


@pytest.mark.parametrize("cells", WHOLE.values(), ids=WHOLE)
def test_numbers_of_rows_go_on_after_the_largest(cells):
    X, encoder = fit(cells)
    assert encoder.identifiers == ["cells"]
    assert encoder.layout_.width == 1
    made = make(encoder, [50, 50])
    assert made.dtype == X["cells"].dtype
    largest = int(max(X["cells"]))
    assert sorted(made) == list(range(largest + 1, largest + 101))


@pytest.mark.parametrize("cells", WHOLE_WITH_GAPS.values(), ids=WHOLE_WITH_GAPS)
def test_numbers_of_rows_are_found_beside_missing_cells(cells):
    X, encoder = fit(cells)
    assert encoder.identifiers == ["cells"]
    made = make(encoder, [50, 50])
    assert made.dtype == X["cells"].dtype
    assert sorted(made) == list(range(N, N + 100))


@pytest.mark.parametrize("cells", NO_IDENTIFIERS.values(), ids=NO_IDENTIFIERS)
def test_what_only_looks_like_an_identifier_is_none(cells):
    _, encoder = fit(cells)
    assert encoder.identifiers == []


def test_columns_said_to_be_categories_are_no_identifiers():
    for cells in (NAMES, NUMBERS):
        _, encoder = fit(cells, categorical_features=["cells"])
        assert encoder.identifiers == []
        assert set(make(encoder, [20, 20])) <= set(cells)


def test_few_rows_are_no_evidence():
    for n, found in [(MIN_ROWS - 1, []), (MIN_ROWS, ["name", "number"])]:
        X = pd.DataFrame({"name": NAMES[:n], "number": range(n), "x": REALS[:n]})
        assert TableEncoder().fit(X, np.arange(n) % 2, 2).identifiers == found


def test_rows_of_one_class_do_not_depend_on_another_and_follow_the_seed():
    for cells in (NAMES, UUIDS, NUMBERS):
        _, encoder = fit(cells)
        alone, both = make(encoder, [0, 30]), make(encoder, [70, 30])
        assert alone.tolist() == both[70:].tolist()
        if isinstance(cells[0], str):
            assert not set(alone) & set(make(encoder, [0, 30], seed=1))


def test_gaps_stay():
    gaps = np.arange(N) % 4 == 0
    _, encoder = fit(pd.Series(NAMES).mask(gaps))
    classes = np.repeat([0, 1], 200)
    rows = np.zeros((400, encoder.layout_.width), dtype=np.float32)
    rows[:, -1:] = encoder.draw_missing_flags(classes, np.random.default_rng(0))
    made = encoder.inverse_transform(rows, classes, np.random.default_rng(0))["cells"]
    assert 0.15 < made.isna().mean() < 0.35
    assert not set(made.dropna()) & set(NAMES)


@pytest.mark.parametrize("taken", [[f"{n:02}" for n in range(100)], list("abcdefgh") * 4])
def test_text_grows_where_there_is_no_room(taken):
    coder = TextCoder().fit(np.array(taken, dtype=object), np.zeros(len(taken), int), 1)
    made = coder.decode(None, None, np.zeros(2000, int), np.random.default_rng(0))
    assert len(set(made)) == 2000
    assert not set(made) & set(taken)


def test_numbers_of_rows_stay_in_their_dtype():
    _, encoder = fit(NUMBERS.astype("int8"))
    made = make(encoder, [0, 30])
    assert made.dtype == "int8"
    assert made.min() >= N
    _, encoder = fit((NUMBERS + 8).astype("int8"))  # up to the largest
    assert encoder.identifiers == []
    last = SequenceCoder(last=10.0).fit(np.arange(9.0), np.zeros(9, int), 1)
    made = last.decode(None, None, np.zeros(5, int), np.random.default_rng(0))
    assert set(made) == {9.0, 10.0}


@pytest.mark.parametrize("params", [{"early_stopping": True}, {"batch_size": 2}])
def test_rows_that_the_gan_does_not_see_keep_their_identifiers(params):
    n = 600
    X = pd.DataFrame({"n": np.arange(n), "x": np.random.default_rng(0).normal(size=n)})
    y = (np.arange(n) < 60).astype(int)
    with pytest.warns(UserWarning, match="Columns that identify rows: 'n'"):
        model = GANAugmenter(steps=3, random_state=0, **params).fit(X, y)
    assert model.sample({1: 5})[0]["n"].min() >= n


def test_fit_warns_once_and_fitted_state_holds_no_identifier(tmp_path):
    X = pd.DataFrame({"id": NAMES, "number": NUMBERS, "x": REALS, "mail": MAILS})
    for estimator in (GANAugmenter, GANOverSampler):
        with pytest.warns(UserWarning, match="rows: 'id', 'number', 'mail'") as caught:
            model = estimator(steps=3, random_state=0).fit(X, CLASSES)
        assert len(caught) == 1
        assert "\n" not in str(caught[0].message)
        assert caught[0].filename == __file__
    assert X.equals(model.encoder_.check(X))
    model.save(tmp_path / "gan")
    written = (tmp_path / "gan" / "estimator.json").read_text()
    assert not any(text in written for text in (*NAMES, *MAILS))
    again = GANOverSampler.load(tmp_path / "gan")
    assert again.sample({1: 9})[0].equals(model.sample({1: 9})[0])
    assert json.loads(written)


def test_positions_are_named_in_arrays_and_lists_of_text():
    X = np.array([NAMES, REALS.astype(str)], dtype=object).T
    X[:, 1] = REALS
    with pytest.warns(UserWarning, match=r"identify rows: 0\. "):
        model = GANAugmenter(steps=2, random_state=0).fit(X, CLASSES)
    assert not set(model.sample({1: 9})[0][:, 0]) & set(NAMES)
    text = np.array([NAMES, list("abcd") * 30]).T
    with pytest.warns(UserWarning, match=r"identify rows: 0\. "):
        model = GANAugmenter(steps=2, random_state=0).fit(text, CLASSES)
    assert model.sample({1: 9})[0].dtype == text.dtype


@pytest.mark.parametrize("X", [np.arange(120).reshape(40, 3), pd.DataFrame({"n": range(40)})])
def test_integers_in_sequence_are_numbers_if_there_is_nothing_else(X):
    X_more, _ = GANAugmenter(steps=2, random_state=0).fit(X, CLASSES[60:100]).sample()
    assert np.max(X_more) <= np.max(X)


def test_a_table_of_identifiers_alone_is_refused():
    with pytest.raises(ValueError, match="constant, entirely missing or identifiers"):
        GANAugmenter(steps=2).fit(pd.DataFrame({"id": NAMES}), CLASSES)


@pytest.mark.parametrize("most_bits", [2**30, 2**12])
def test_no_text_of_any_row_is_made_up_however_small_the_filter(monkeypatch, most_bits):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(identifiers, "MOST_BITS", most_bits)
    texts = np.array([f"{n:04}" for n in rng.permutation(10_000)], dtype=object)
    coder = TextCoder().fit(texts[:50], np.zeros(50, int), 1)
    coder.reserve(np.split(texts[:3000], 6), 3000)
    assert coder.seen_.size == min(most_bits, 2**18) // 8
    made = coder.decode(None, None, np.zeros(2000, int), rng)
    assert len(set(made)) == 2000
    assert not set(made) & set(texts[:3000])
    in_form = np.mean([len(text) == 4 for text in made])
    assert in_form == 1 or most_bits == 2**12
