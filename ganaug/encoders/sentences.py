"""Columns of texts: reviews, messages, notes. A GAN of tables makes no sentences."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from ganaug.encoders.cells import infer
from ganaug.encoders.identifiers import MIN_ROWS

#: Half of the texts have so many words; names, addresses and levels have fewer.
MIN_WORDS = 6
#: The share of different texts. Levels repeat themselves, however many words they have.
MIN_DISTINCT = 0.5
#: So many texts tell how long they are, by as many characters of each.
LOOKED_AT = 1000
#: Two letters on end, of which the second may be a vowel sign as in Hindi, and no sign of code:
#: numbers, paths and fields of JSON are no words.
_WORD = re.compile(r"""(?!'|.*["{}\[\]=/\\<>|_@]).*[^\W\d_]([^\W\d_]|[^\x00-\xbf])""", re.DOTALL)
#: Addresses and lists of names have so many commas, and capitals in most of their words.
MIN_COMMAS = 2


def holds_sentences(cells: Any) -> bool:
    """Return whether a column holds texts rather than levels, names or codes.

    They are strings of no category dtype, most of them of several words that spaces part, and most
    of them different. Fewer than 30 that are not missing are no evidence.

    Parameters
    ----------
    cells : ndarray or Series of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.encoders.sentences import holds_sentences
    >>> texts = [f"The parcel came {n} days late, and nobody said why." for n in range(40)]
    >>> holds_sentences(np.array(texts, dtype=object))
    True
    >>> holds_sentences(np.array(["Owen Harris Braund", "Laina Heikkinen"] * 20, dtype=object))
    False
    """
    if infer(cells) != "string":
        return False
    there = cells[~np.asarray(pd.isna(cells))]
    if len(there) < MIN_ROWS:
        return False
    some = there[:: -(-len(there) // LOOKED_AT)]
    words = [_words(text[:LOOKED_AT]) for text in some]
    if np.median([len(of_text) for of_text in words]) < MIN_WORDS or _are_names(words):
        return False
    return pd.Series(there).nunique() >= MIN_DISTINCT * len(there)


def _words(text: str) -> list[str]:
    return [part for part in text.split() if _WORD.match(part)]


def _are_names(words: list[list[str]]) -> bool:
    """Return whether texts list names, as addresses do."""
    commas = [sum(word.endswith(",") for word in of_text) for of_text in words]
    flat = [word for of_text in words for word in of_text]
    n_capitals = sum(word[0].isupper() for word in flat)
    return bool(np.median(commas) >= MIN_COMMAS) and 2 * n_capitals > len(flat)
