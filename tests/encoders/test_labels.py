"""Labels of any hashable kind to codes, and back to the container they came in."""

import datetime
import enum
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from ganaug import GANAugmenter
from ganaug.encoders.labels import LabelCoder
from ganaug.targets import position_of

CODES = np.repeat([0, 1], [9, 3])
X = np.random.default_rng(0).normal(size=(12, 2))


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Size(enum.IntEnum):
    SMALL = 1
    BIG = 2


class Word(str, enum.Enum):  # noqa: UP042 - prints as Word.YES, not as yes
    YES = "yes"
    NO = "no"


def objects(first, second):
    labels = np.empty(12, dtype=object)
    labels[:] = [(first, second)[c] for c in CODES]
    return labels


NAMES = np.array(["no", "yes"])[CODES]
DAYS = pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01"])[CODES])
LABELS = {
    "int64": CODES,
    "int8": CODES.astype("int8"),
    "unsigned": CODES.astype("uint64") + np.uint64(2**63),
    "negative": np.where(CODES, -1, -7),
    "beyond 2**53": 2**62 + CODES,
    "float whole": CODES.astype(float),
    "float32": CODES.astype("float32"),
    "bool": CODES.astype(bool),
    "text": np.where(CODES, "a", "bcd"),
    "bytes": np.where(CODES, b"a", b"b"),
    "dates of numpy": np.where(CODES, np.datetime64("2020-01-01"), np.datetime64("2021-01-01")),
    "objects of str": objects("a", "b"),
    "objects of int": objects(1, 0),
    "objects of float": objects(1.0, 0.0),
    "objects of bool": objects(True, False),
    "empty text": objects("", " "),
    "text nan": objects("nan", "None"),
    "tuples": objects((1, 2), (3, "x")),
    "frozen sets": objects(frozenset([1]), frozenset()),
    "mixed": objects("a", 1),
    "mixed alike": objects(1, "1"),
    "date objects": objects(datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)),
    "enum": objects(Colour.RED, Colour.BLUE),
    "enum of int": objects(Size.SMALL, Size.BIG),
    "enum of str": objects(Word.YES, Word.NO),
    "list of int": CODES.tolist(),
    "list of str": NAMES.tolist(),
    "list of bool": CODES.astype(bool).tolist(),
    "list of float": CODES.astype(float).tolist(),
    "list of tuple": objects((1, 2), (3, 4)).tolist(),
    "list of mixed": objects("a", 1).tolist(),
    "list of enum": objects(Colour.RED, Colour.BLUE).tolist(),
    "list of enum of int": objects(Size.SMALL, Size.BIG).tolist(),
    "series": pd.Series(CODES, index=range(5, 17), name="t"),
    "series of objects": pd.Series(objects("a", 1)),
    "series of enum": pd.Series(objects(Colour.RED, Colour.BLUE)),
    "category": pd.Series(pd.Categorical(NAMES, categories=["maybe", "yes", "no"])),
    "ordered category": pd.Series(pd.Categorical(NAMES, ordered=True)),
    "category of int": pd.Series(pd.Categorical(CODES + 3)),
    "string": pd.Series(NAMES, dtype="string"),
    "boolean": pd.Series(CODES.astype(bool), dtype="boolean"),
    "Int64": pd.Series(CODES, dtype="Int64"),
    "Float64": pd.Series(CODES.astype(float), dtype="Float64"),
    "arrow int": pd.Series(CODES).astype("int64[pyarrow]"),
    "arrow bool": pd.Series(CODES.astype(bool)).astype("bool[pyarrow]"),
    "arrow string": pd.Series(NAMES, dtype="string[pyarrow]"),
    "arrow string type": pd.Series(NAMES, dtype=pd.ArrowDtype(pa.string())),
    "dates": DAYS,
    "dates in Berlin": DAYS.dt.tz_localize("Europe/Berlin"),
    "spans": pd.Series(pd.to_timedelta(CODES, unit="D")),
    "periods": pd.Series(DAYS.dt.to_period("M")),
    "frame": pd.DataFrame({"t": CODES}),
    "frame of str": pd.DataFrame({"t": NAMES}),
    "frame of category": pd.DataFrame({"t": pd.Categorical(NAMES)}),
    "column": CODES[:, None],
    "column of str": NAMES[:, None],
}


def flat(y):
    y = y.iloc[:, 0] if isinstance(y, pd.DataFrame) else y
    y = y.tolist() if isinstance(y, np.ndarray | pd.Series) else list(y)
    return [label[0] if type(label) is list else label for label in y]


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_codes_and_back(y):
    coder = LabelCoder().fit(y)
    codes = coder.encode(y)
    assert codes.shape == (12,)
    assert len(coder.classes_) == 2
    assert set(codes) == {0, 1}
    assert len(set(codes[:9])) == len(set(codes[9:])) == 1
    back = coder.decode(codes)
    assert type(back) is type(y)
    assert flat(back) == flat(y)
    assert list(map(type, flat(back))) == list(map(type, flat(y)))
    if isinstance(y, pd.Series) or (isinstance(y, np.ndarray) and y.dtype.kind != "O"):
        assert back.dtype == y.dtype
    if isinstance(y, pd.Series):
        assert back.name == y.name
    if isinstance(y, pd.DataFrame):
        assert back.dtypes.equals(y.dtypes)
    assert len(coder.decode(codes[:0])) == 0
    # The user's own label names its class.
    known = coder.classes_.tolist()
    for label, code in zip(flat(y), codes, strict=True):
        assert position_of(label, known) == code
        assert label in known
        assert known[code] == label


# Ways that differ beyond the coder: how the augmenter counts, looks up and extends labels.
@pytest.mark.parametrize(
    "kind",
    [
        *("int64", "beyond 2**53", "bool", "text", "mixed alike", "list of tuple"),
        *("list of enum of int", "category", "arrow string", "dates in Berlin", "frame", "column"),
    ],
)
def test_the_whole_way_through_the_augmenter(kind):
    y = LABELS[kind]
    rare, common = flat(y)[-1], flat(y)[0]
    model = GANAugmenter({rare: 7}, steps=2, random_state=0).fit(X, y)
    assert model.class_counts_ == {common: 9, rare: 3}
    assert model.sampling_strategy_ == {rare: 4}
    assert model.methods_[rare] == "interpolation"
    _, y_more = model.transform(X, y)
    assert type(y_more) is type(y)
    assert flat(y_more) == [*flat(y), *[rare] * 4]
    assert list(map(type, flat(y_more))) == [type(common)] * 9 + [type(rare)] * 7
    if hasattr(y, "dtype"):
        assert y_more.dtype == y.dtype
    _, y_new = model.sample({common: 1, rare: 2})
    assert flat(y_new) == [common, rare, rare]


@pytest.mark.parametrize(
    "y",
    [tuple(CODES.tolist()), pd.Index(NAMES), pd.Categorical(NAMES)],
    ids=["tuple", "Index", "Categorical"],
)
def test_other_containers_work_or_say_what_to_pass(y):
    """What comes back may be an array; a crash without advice is no answer."""
    try:
        _, y_more = GANAugmenter(steps=2, random_state=0).fit(X, y).transform(X, y)
    except (TypeError, ValueError) as error:
        assert "y" in str(error).split()  # noqa: PT017
        return
    assert flat(y_more) == [*flat(y), *[flat(y)[-1]] * 6]


def test_classes_are_sorted_where_they_can_be():
    assert LabelCoder().fit(["b", "a", "c"]).classes_.tolist() == ["a", "b", "c"]
    assert LabelCoder().fit([3, -1, 2]).classes_.tolist() == [-1, 2, 3]
    assert LabelCoder().fit(objects("b", 1)).classes_.tolist() == ["b", 1]
    category = pd.Series(pd.Categorical(["x", "y"], categories=["y", "x", "z"]))
    assert sorted(LabelCoder().fit(category).classes_) == ["x", "y"]


def test_one_hot_labels_come_back_one_hot():
    y = np.eye(3, dtype=int)[[0, 0, 1, 2, 2, 2]]
    coder = LabelCoder().fit(y)
    assert coder.classes_.tolist() == [0, 1, 2]
    assert_array_equal(coder.encode(y), [0, 0, 1, 2, 2, 2])
    assert_array_equal(coder.decode(np.array([2, 0])), [[0, 0, 1], [1, 0, 0]])


def test_unknown_labels_are_named():
    coder = LabelCoder().fit(["a", "b"])
    with pytest.raises(
        ValueError, match=r"not there in fit: \['z'\]; known labels are \['a', 'b'\]"
    ):
        coder.encode(["a", "z", "z"])


def test_labels_of_another_dtype_with_the_same_meaning():
    coder = LabelCoder().fit(np.array([0, 1]))
    for alike in ([1, 0], [1.0, 0.0], pd.Series([1, 0], dtype="Int64")):
        assert coder.encode(alike).tolist() == [1, 0]
    coder = LabelCoder().fit(pd.Series(pd.Categorical(["a", "b"], categories=["b", "a"])))
    codes = coder.encode(pd.Series(["a", "b", "b"]))
    assert coder.classes_[codes].tolist() == ["a", "b", "b"]
    other = pd.Series(pd.Categorical(["a", "b"], categories=["a", "b", "c"]))
    assert coder.classes_[coder.encode(other)].tolist() == ["a", "b"]


def test_categories_in_another_order_are_the_same_labels():
    coder = LabelCoder().fit(pd.Series(pd.Categorical(NAMES, categories=["no", "yes"])))
    turned = pd.Series(pd.Categorical(["yes", "no"], categories=["yes", "no"]))
    assert coder.classes_[coder.encode(turned)].tolist() == ["yes", "no"]


def test_an_unused_category_is_no_class():
    y = pd.Series(pd.Categorical(NAMES, categories=["maybe", "yes", "no"]))
    coder = LabelCoder().fit(y)
    assert sorted(coder.classes_) == ["no", "yes"]
    with pytest.raises(ValueError, match="not there in fit"):
        coder.encode(pd.Series(pd.Categorical(["maybe"], categories=["maybe", "yes", "no"])))


def test_many_labels_are_quick():
    y = np.random.default_rng(0).choice(["a", "b", "c"], 200_000)
    coder = LabelCoder().fit(y)
    assert_array_equal(coder.decode(coder.encode(y)), y)


def test_one_hot_labels_of_another_width_are_refused_and_change_nothing():
    coder, y = LabelCoder(), np.eye(3, dtype=int)[[0, 1, 2, 0]]
    coder.fit(y)
    with pytest.raises(ValueError, match="4 one-hot columns, but in fit it had 3"):
        coder.encode(np.eye(4, dtype=int)[[0, 1]])
    assert coder.decode(np.array([2])).tolist() == [[0, 0, 1]]
    assert coder.fit(np.eye(4, dtype=int)).decode(np.array([0])).shape == (1, 4)


HALVES = ["\ud800", "\udfff", "a\ud800", "a"]


def test_halves_of_surrogate_pairs_are_labels_of_their_own():
    coder = LabelCoder().fit(HALVES * 3)
    assert sorted(coder.classes_.tolist()) == sorted(HALVES)
    assert coder.decode(coder.encode(HALVES)) == HALVES
    objects = pd.Series(HALVES * 3, dtype=object)
    coder = LabelCoder().fit(objects)
    assert coder.decode(coder.encode(objects)).tolist() == HALVES * 3


@pytest.mark.parametrize(
    "labels",
    [[1, True, "1"], [0.0, 0, 1], [True, 1.0, 2], [Decimal(1), 1, 2]],
    ids=repr,
)
def test_equal_labels_of_two_kinds_are_refused(labels):
    y = np.empty(len(labels), dtype=object)
    y[:] = labels
    for given in (y, pd.Series(y)):
        with pytest.raises(ValueError, match=r"equal but not of one kind: .* give them one spell"):
            LabelCoder().fit(given)


@pytest.mark.parametrize(
    "labels",
    [
        [1, "1"],
        [True, "True"],
        ["a", b"a"],
        [1.5, "1.5"],
        [np.str_("a"), "a", "b"],
        [1, np.int8(1), 2],
    ],
    ids=repr,
)
def test_spellings_that_are_not_equal_are_labels_of_their_own(labels):
    y = np.empty(len(labels), dtype=object)
    y[:] = labels
    coder = LabelCoder().fit(y)
    assert coder.decode(coder.encode(y)).tolist() == labels


@pytest.mark.parametrize(
    "dtype", [">i4", ">f8", ">U2", "M8[ns]", "M8[D]", "m8[h]", "S3", "float16"]
)
def test_arrays_of_labels_keep_their_dtype(dtype):
    y = np.array([0, 1, 1]).astype(dtype)
    coder = LabelCoder().fit(y)
    back = coder.decode(coder.encode(y))
    assert back.dtype == y.dtype
    assert back.tolist() == y.tolist()


def test_long_floats_are_labels_as_short_ones():
    y = np.array([0, 1, 1], dtype=np.longdouble)
    assert LabelCoder().fit(y).decode(np.array([1])).tolist() == [1.0]
