"""Columns that name their rows: found, left out of the encoded row, and made up for new rows.

A customer number says which row it is, not what the row is like: nothing can be learned from it,
and a synthetic row must not carry that of a real person. An identifier is text of which nearly
every value is different (names, codes, addresses), or integers that number the rows. Texts of
several words are none: see ``ganaug.encoders.sentences``.
Whole numbers stand for integers where their dtype had to be of fractions: beside missing cells,
and in arrays of other numbers, where they ascend from row to row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from string import ascii_lowercase, digits
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ganaug.encoders.cells import Cells, infer
from ganaug.fitted import array_of, check_fits, dict_of
from ganaug.parameters import is_a, number, whole
from ganaug.randomness import RowStreams, as_stretches, stream_by_class

#: Fewer rows are no evidence: thirty draws from a hundred equally common levels are all different
#: once in a hundred times, from fewer levels hardly ever.
MIN_ROWS = 30
#: The share of different values from which on text names its rows.
MIN_DISTINCT = 0.95
#: Integers number the rows, or a sample of them, if none comes twice and they fill this share of
#: their range. Measurements that dense repeat themselves.
MIN_FILLED = 0.4
#: Or if, drawn at random from their range, so many pairs of them would be equal.
MIN_PAIRS = 100
#: A day of a month, or a month.
_DAY = r"(0?[1-9]|[12]\d|3[01])"
#: Text that is no name: a date, a time of day, a number with decimals or separated thousands.
_QUANTITY = re.compile(
    rf"""(\d{{4}}|\d\d)[-/.]{_DAY}[-/.]{_DAY}([T\ ].*)?
    | {_DAY}[-/.]{_DAY}[-/.](\d{{4}}|\d\d)([T\ ].*)?
    | \d{{1,2}}:\d\d(:\d\d.*)?
    | .{{0,6}}\b(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?
      |oct(ober)?|nov(ember)?|dec(ember)?)\b.*\d
    | [-+$€£]?\ ?(\d*[.,]\d+(e[-+]?\d+)?|[1-9]\d{{0,2}}([.,'\ ]\d{{3}})+([.,]\d+)?)\ ?[%$€£]?""",
    re.IGNORECASE | re.VERBOSE,
)
#: Bits of the filter of texts that were seen: for each text, and at most, which is 128 MiB.
BITS_OF_TEXT, MOST_BITS = 64, 2**30
#: Bits that each text sets.
N_PROBES = 4
#: The share of bits that a filter which is read from a file may have set. One of a thousand
#: million texts, the most that MOST_BITS are of use for, has less.
MOST_FILLED = 0.99
#: Draws of a text in one form before a freer one is tried.
TRIES = 20
#: Signs in the form of a text, which no text holds, and the kinds of characters they stand for.
_KINDS = {"\x01": str.isdecimal, "\x02": str.islower, "\x03": str.isupper, "\x04": str.isalpha}
_ANY = "\x05"


def find_identifiers(
    cells: Cells, there: Any, has_gaps: bool, integers: bool = True
) -> IdentifierCoder | None:
    """Return the unfitted coder of a column that names its rows, None of any other.

    Parameters
    ----------
    cells : Cells
        Fitted to the column.
    there : ndarray or Series of shape (n,)
        The cells that are not missing.
    has_gaps : bool
        Whether others are.
    integers : bool, default=True
        Whether integers may name rows, or only text.
    """
    n = len(there)
    if n < MIN_ROWS or cells.categorical:
        return None
    if cells.kind == "level" and len(cells.levels) >= MIN_DISTINCT * n and infer(there) == "string":
        quantities = sum(_QUANTITY.fullmatch(text.strip()) is not None for text in there)
        return TextCoder() if quantities < MIN_DISTINCT * n else None
    if not integers or cells.kind != "number":
        return None
    numbers = cells.read(there)
    if not (cells.integral or cells.scale == 0 or _stand_for_integers(numbers, has_gaps)):
        return None
    last = cells.most - cells.offset
    if numbers.max() >= last or numbers.min() <= -last:
        return None
    room, pairs = np.ptp(numbers) + 1, n * (n - 1) / 2
    dense = n >= MIN_FILLED * room or pairs >= MIN_PAIRS * room
    return SequenceCoder(float(last)) if dense and len(np.unique(numbers)) == n else None


def _stand_for_integers(numbers: np.ndarray, has_gaps: bool) -> bool:
    """Tell whether floats are integers that their container had no better dtype for."""
    ascend = has_gaps or (numbers[1:] > numbers[:-1]).all()
    return bool(ascend and (numbers % 1 == 0).all())


class IdentifierCoder(BaseEstimator):
    """What coders of identifiers share: they fill no position of the encoded row."""

    n_numeric = 0
    n_levels = 0

    def check_fitted(self, n_classes: int) -> None:
        """Raise if what was read from a file makes up no cells."""
        check_fits(self.n_classes_ == n_classes, f"n_classes_={self.n_classes_}")

    def encode(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return no numbers, and codes that stand for nothing."""
        return np.empty((len(cells), 0), dtype=np.float32), np.zeros(len(cells), dtype=np.int64)

    def decode(
        self,
        numbers: np.ndarray,
        levels: np.ndarray,
        classes: np.ndarray,
        rng: RowStreams,
    ) -> np.ndarray:
        """Make up a cell for each of ``classes``, whatever the codes.

        The cells of one class do not depend on how many rows of another are asked for, as far as
        the room for new values allows.
        """
        cells, start = self._empty(len(classes)), 0
        for n, own_rng, first in as_stretches(rng, len(classes)):
            made, here = cells[start : start + n], classes[start : start + n]
            for c, at, stream in stream_by_class(here, self.n_classes_, own_rng):
                turns = np.arange(first, first + len(at))
                made[at] = self._make(turns, c, stream, made[here < c])
            start += n
        return cells

    def _empty(self, n: int) -> np.ndarray:
        raise NotImplementedError

    def _make(
        self, turns: np.ndarray, code: int, rng: np.random.Generator, taken: np.ndarray
    ) -> np.ndarray:
        """Make up cells that are not ``taken``, of rows of a class by their number in it."""
        raise NotImplementedError


class SequenceCoder(IdentifierCoder):
    """Integers that number the rows: new ones go on after the largest, and classes take turns.

    Taking turns keeps the number of a row from telling its class, and its classes independent.

    Parameters
    ----------
    last : float
        The largest integer that the column's dtype can hold. Beyond it the new ones begin again.

    Attributes
    ----------
    largest_ : float
        The largest that was seen.
    n_classes_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.encoders.identifiers import SequenceCoder
    >>> coder = SequenceCoder(last=2**31).fit(np.arange(1.0, 51.0), np.zeros(50, int), 2)
    >>> coder.decode(None, None, np.array([0, 0, 1, 1]), np.random.default_rng(0))
    array([51., 53., 52., 54.])
    """

    def __init__(self, last: float) -> None:
        self.last = last

    def fit(self, cells: np.ndarray, classes: np.ndarray, n_classes: int) -> SequenceCoder:
        """Learn the largest of float64 numbers of shape (n,)."""
        self.n_classes_ = n_classes
        self.largest_ = float(cells.max())
        return self

    saved_rules = {
        "last": (number(low=0),),
        "largest_": (number(),),
        "n_classes_": (whole(1),),
    }

    def check_fitted(self, n_classes: int) -> None:
        """Raise if what was read from a file makes up no cells."""
        super().check_fitted(n_classes)
        check_fits(self.largest_ <= self.last, f"largest_={self.largest_}")

    def reserve(self, batches: Iterable[np.ndarray], n_rows: int) -> None:
        """Keep numbers of all rows from being made up, not only of those that fit saw."""
        for cells in batches:
            self.largest_ = float(cells.max(initial=self.largest_))

    def _empty(self, n: int) -> np.ndarray:
        return np.empty(n)

    def _make(
        self, turns: np.ndarray, code: int, rng: np.random.Generator, taken: np.ndarray
    ) -> np.ndarray:
        places = turns * self.n_classes_ + code
        return self.largest_ + 1 + places % max(self.last - self.largest_, 1)


class TextCoder(IdentifierCoder):
    """Text that names its row: made up anew, in the form of text that was seen, and never seen.

    The form of a text is where it has digits, small, large and other letters. These are drawn anew
    from those in use in the column; other characters stay, and so does what all texts begin and
    end with or, where all are equally long, have at one place. Where that leaves too few new texts,
    all digits and letters are drawn anew; then any make a text of the same length, then longer
    ones.

    Attributes
    ----------
    forms_ : ndarray of shape (n_forms,), object
        The forms of the texts, with a sign for each character to draw.
    form_counts_ : ndarray of shape (n_forms,), int64
    alphabets_ : dict
        ``{sign: characters of that kind in use}``.
    seen_ : ndarray, uint8
        The bits of a Bloom filter [1]_ of the texts that were seen: none comes back, and none is
        stored. A new text is taken for one of them once in 65,000 times, and with 100,000,000 texts
        once in a hundred; then another one is made up.
    n_classes_ : int

    References
    ----------
    .. [1] B. H. Bloom, "Space/time trade-offs in hash coding with allowable errors", Communications
       of the ACM 13, 1970; places by double hashing: A. Kirsch, M. Mitzenmacher, "Less hashing,
       same performance: building a better Bloom filter", ESA 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.encoders.identifiers import TextCoder
    >>> names = np.array([f"C-{n:04}" for n in range(0, 9999, 99)], dtype=object)
    >>> coder = TextCoder().fit(names, np.zeros(len(names), int), 1)
    >>> made = coder.decode(None, None, np.zeros(3, int), np.random.default_rng(0))
    >>> [(text[:2], len(text), text in names) for text in made]
    [('C-', 6, False), ('C-', 6, False), ('C-', 6, False)]
    """

    saved_rules = {
        "n_classes_": (whole(1),),
        "forms_": (array_of("O"),),
        "form_counts_": (array_of("i", low=1),),
        "alphabets_": (dict_of(is_a("text", str), is_a("text", str)),),
        "seen_": (array_of("u"),),
    }

    def fit(self, cells: np.ndarray, classes: np.ndarray, n_classes: int) -> TextCoder:
        """Learn the forms of strings of shape (n,)."""
        self.n_classes_ = n_classes
        forms = np.array(_forms_of(list(cells)), dtype=object)
        self.forms_, self.form_counts_ = np.unique(forms, return_counts=True)
        self.alphabets_ = {}
        used = set("".join(cells))
        pairs = zip("".join(cells), "".join(forms), strict=True)
        changed = {c for c, sign in pairs if c != sign}
        for sign in _KINDS:
            kind = {c for c in used if _sign(c) == sign}
            # Characters that are always kept stand in where there are no others.
            self.alphabets_[sign] = "".join(sorted(kind & changed or kind))
        self.seen_ = _filter_of([cells], len(cells))
        return self

    def check_fitted(self, n_classes: int) -> None:
        """Raise if what was read from a file makes up no cells."""
        super().check_fitted(n_classes)
        check_fits(all(isinstance(form, str) for form in self.forms_), "forms_")
        used = set("".join(self.forms_))
        signs = (used | {_sign(character) for character in used}) & set(_KINDS)
        check_fits(all(self.alphabets_[sign] for sign in signs), "alphabets_")
        check_fits(0 < len(self.forms_) == len(self.form_counts_), "form_counts_")
        size = self.seen_.size
        check_fits(self.seen_.itemsize == 1 and size.bit_count() == 1, "seen_")
        # Or hardly a text would pass for one that was never seen.
        check_fits(_bits_set(self.seen_) <= MOST_FILLED * 8 * size, "seen_")

    def reserve(self, batches: Iterable[np.ndarray], n_rows: int) -> None:
        """Keep texts of all rows from being made up, not only of those that fit saw."""
        self.seen_ = _filter_of(batches, n_rows)

    def _empty(self, n: int) -> np.ndarray:
        return np.full(n, "", dtype=object)

    def _make(
        self, turns: np.ndarray, code: int, rng: np.random.Generator, taken: np.ndarray
    ) -> np.ndarray:
        n, made = len(turns), dict[str, None]()  # a set that keeps its order
        others, tried = set(taken), 0
        while len(made) < n:
            drawn = self._draw(n - len(made), tried // TRIES, rng)
            seen = _may_be_in(self.seen_, drawn)
            made |= dict.fromkeys(
                text
                for text, known in zip(drawn, seen, strict=True)
                if not known and text not in others
            )
            tried += 1
        cells = self._empty(n)
        cells[:] = list(made)
        return cells

    def _draw(self, n: int, freedom: int, rng: np.random.Generator) -> list[str]:
        """Draw texts: 0 in the usual form, 1 all anew, from 2 on of anything and ever longer."""
        if freedom >= 2:
            length = max(map(len, self.forms_)) + freedom - 2
            return [_fill(_ANY * length, {_ANY: ascii_lowercase + digits}, rng) for _ in range(n)]
        drawn = rng.choice(self.forms_, n, p=self.form_counts_ / self.form_counts_.sum())
        forms = ["".join(map(_sign, form)) for form in drawn] if freedom else drawn.tolist()
        return [_fill(form, self.alphabets_, rng) for form in forms]


def _forms_of(texts: list[str]) -> list[str]:
    """Return the form of each text, in which signs stand for characters that are not kept."""
    if len(set(map(len, texts))) == 1:
        kept = [len(set(column)) == 1 for column in zip(*texts, strict=True)]
        return [
            "".join(c if keep else _sign(c) for c, keep in zip(text, kept, strict=True))
            for text in texts
        ]
    start = _shared_start(texts)
    # The shortest text may be no longer than what all begin with.
    end = _shared_start([text[start:][::-1] for text in texts])
    forms = []
    for text in texts:
        stop = len(text) - end
        forms.append(text[:start] + "".join(map(_sign, text[start:stop])) + text[stop:])
    return forms


def _shared_start(texts: list[str]) -> int:
    """Return how many characters all texts begin with."""
    first, last = min(texts), max(texts)  # whatever these two share, all between them do
    pairs = enumerate(zip(first, last, strict=False))
    return next((i for i, (a, b) in pairs if a != b), len(first))


def _sign(character: str) -> str:
    """Return the sign of a character's kind; one of none stands for itself."""
    return next((sign for sign, of in _KINDS.items() if of(character)), character)


def _fill(form: str, alphabets: dict[str, str], rng: np.random.Generator) -> str:
    """Draw a character for each sign of a form."""
    draws = rng.random(len(form))
    return "".join(
        alphabets[sign][int(u * len(alphabets[sign]))] if sign in alphabets else sign
        for sign, u in zip(form, draws, strict=True)
    )


def _hashes(texts: Iterable[str]) -> np.ndarray:
    """Return a hash of each text, the same in every process."""
    digests = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8) for text in texts]
    return np.frombuffer(b"".join(digest.digest() for digest in digests), dtype="<u8")


def _filter_of(batches: Iterable[Iterable[str]], n_texts: int) -> np.ndarray:
    """Return the bits of a Bloom filter of texts, of which there are about ``n_texts``."""
    n_bits = 2 ** (min(max(n_texts, 1) * BITS_OF_TEXT, MOST_BITS) - 1).bit_length()
    bits = np.zeros(n_bits // 8, dtype=np.uint8)
    for texts in batches:
        at = _places(texts, n_bits).ravel()
        np.bitwise_or.at(bits, at >> 3, np.uint8(1) << (at & 7).astype(np.uint8))
    return bits


def _bits_set(bits: np.ndarray) -> int:
    """Return how many bits a filter has set."""
    blocks = (bits[start : start + 2**20] for start in range(0, len(bits), 2**20))
    return sum(int.from_bytes(block.tobytes()).bit_count() for block in blocks)


def _may_be_in(bits: np.ndarray, texts: Iterable[str]) -> np.ndarray:
    """Return for each text whether it may be one that the filter is of: False is certain."""
    at = _places(texts, 8 * len(bits))
    return ((bits[at >> 3] >> (at & 7).astype(np.uint8)) & 1).all(axis=1)


def _places(texts: Iterable[str], n_bits: int) -> np.ndarray:
    """Return which bits each text sets, int64 of shape (n, N_PROBES)."""
    hashes = _hashes(texts)
    first, step = hashes & np.uint64(2**32 - 1), hashes >> np.uint64(32) | np.uint64(1)
    places = first[:, None] + np.arange(N_PROBES, dtype=np.uint64) * step[:, None]
    return (places % np.uint64(n_bits)).astype(np.int64)
