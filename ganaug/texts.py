"""Texts -> numbers that classifiers and a GAN take, learned inside the training fold."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.base import TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from ganaug.encoders.cells import check_names, infer
from ganaug.encoders.identifiers import MIN_ROWS
from ganaug.encoders.sentences import MIN_WORDS, holds_sentences
from ganaug.frames import as_pandas
from ganaug.parameters import (
    ARRAY_LIKE,
    NONE,
    RANDOM_STATE,
    NamesParameters,
    check_parameters,
    has_methods,
    one_of,
    whole,
)
from ganaug.preprocessing import as_frame
from ganaug.randomness import clone_seeded, seed_from
from ganaug.typing import ColumnsLike, RandomState, RowsLike, Transformer

#: What a list of texts is called where it has no name.
TEXT = "text"


class TextRows(TransformerMixin, NamesParameters):
    """Turn texts into rows of numbers, which classifiers and a GAN take.

    A GAN of a few rare texts writes no sentences. It can make such rows, so this transformer stands
    before what adds them: ``make_pipeline(TextRows(), AugmentedClassifier(classifier,
    GANAugmenter()))``. The synthetic rows are numbers, and there is no way back to a text.

    Parameters
    ----------
    transformer : transformer or None, default=None
        Takes texts and returns rows of numbers, such as a pipeline of scikit-learn or an embedding
        in a :class:`~sklearn.preprocessing.FunctionTransformer`. It is cloned for each column of
        texts. None: latent semantic analysis [1]_, that is, words weighted by
        :class:`~sklearn.feature_extraction.text.TfidfVectorizer` with logarithmic counts, the
        ``n_components`` leading directions of :class:`~sklearn.decomposition.TruncatedSVD`, and
        rows of length 1.

    n_components : int, default=100
        Numbers for each text at most, without a ``transformer``. There are no more of them than
        different words or texts.

    columns : "auto" or array-like of names, default="auto"
        The columns of texts in a table. ``"auto"``: those of strings of which half have six words
        or more and at least half are different, if at least 30 are not missing. Columns of an array
        are called ``"x0"``, ``"x1"`` and so on. A list of texts needs no names.

    random_state : int, RandomState instance or None, default=None
        Of the directions, which are approximated, and of each ``random_state`` in ``transformer``.

    Attributes
    ----------
    transformers_ : dict
        The fitted transformer of each column of texts, by its name.

    n_numbers_ : dict
        How many numbers each becomes.

    feature_names_in_ : ndarray of shape (n_columns,), object
        The columns of the table; of a list of texts ``"text"``.

    n_features_in_ : int
        How many columns ``fit`` saw.

    See Also
    --------
    AugmentedClassifier : Adds rows inside ``fit``.

    Notes
    -----
    A missing text is an empty one, and a row of zeros. Words are parted by spaces and signs;
    languages that part no words need a ``transformer`` that knows them.

    References
    ----------
    .. [1] S. Deerwester, S. T. Dumais, G. W. Furnas, T. K. Landauer, R. Harshman, "Indexing by
       latent semantic analysis", Journal of the American Society for Information Science 41, 1990.

    Examples
    --------
    >>> from ganaug import TextRows
    >>> texts = ["the cat sat on the mat", "a dog sat there", "dogs and cats", "no cat, no mat"]
    >>> TextRows(n_components=2, random_state=0).fit_transform(texts).shape
    (4, 2)

    Other columns of a table stay as they are:

    >>> import pandas as pd
    >>> table = pd.DataFrame({"stars": [1, 5, 3, 1], "review": texts})
    >>> list(TextRows(n_components=2, columns=["review"], random_state=0).fit_transform(table))
    ['stars', 'review 1', 'review 2']
    """

    parameter_rules = {
        "transformer": (has_methods("fit", "transform"), NONE),
        "n_components": (whole(1),),
        "columns": (one_of(["auto"]), ARRAY_LIKE),
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self,
        transformer: Transformer | None = None,
        *,
        n_components: int = 100,
        columns: Literal["auto"] | ColumnsLike = "auto",
        random_state: RandomState = None,
    ) -> None:
        self.transformer = transformer
        self.n_components = n_components
        self.columns = columns
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        tags.input_tags.one_d_array = True
        return tags

    def fit(self, X: RowsLike, y: object = None) -> Self:
        """Learn the words of each column of texts.

        Parameters
        ----------
        X : array-like of shape (n_samples,), or array-like or DataFrame (n_samples, n_features)
            Texts, or a table with columns of texts.
        y : object
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no column of texts, or ``columns`` names one that is not there; if a column
            holds numbers written as text, or no word; if ``transformer`` returns no dense rows of
            numbers.
        TypeError
            If ``X`` is a single text or no table, or a column to take as texts holds other cells.
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X: RowsLike, y: object = None) -> np.ndarray | pd.DataFrame:
        """Learn the words, and return the rows: see :meth:`fit` and :meth:`transform`.

        Parameters
        ----------
        X : array-like of shape (n_samples,), or array-like or DataFrame (n_samples, n_features)
            Texts, or a table with columns of texts.
        y : object
            Ignored.

        Returns
        -------
        ndarray of shape (n_samples, n_numbers), or DataFrame
        """
        check_parameters(self)
        table = _as_table(X)
        names = [TEXT] if _is_list(X) else self._find_columns(table)
        seed = seed_from(self.random_state)
        transformers, numbers = {}, {}
        for name in names:
            texts = _texts_of(name, table[name])
            _refuse_numbers(name, texts)
            transformers[name] = self._learn(name, texts, seed)
            numbers[name] = _numbers_of(name, transformers[name], texts)
        n_numbers = {name: found.shape[1] for name, found in numbers.items()}
        made = _names_out([*table.columns], n_numbers)
        if made.has_duplicates:
            twice = made[made.duplicated()].tolist()
            raise ValueError(
                f"Numbers of texts would have the names of columns that X has: {twice}; rename "
                "these."
            )
        self.transformers_ = transformers
        self.n_numbers_ = n_numbers
        self.feature_names_in_ = np.asarray(table.columns, dtype=object)
        self.n_features_in_ = table.shape[1]
        return self._joined(X, table, numbers)

    def transform(self, X: RowsLike) -> np.ndarray | pd.DataFrame:
        """Return the rows with numbers in place of texts.

        Parameters
        ----------
        X : array-like of shape (n_samples,), or array-like or DataFrame (n_samples, n_features)
            Texts, or a table with the columns of ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_numbers), or DataFrame
            An array of a list of texts. Of a table a DataFrame of pandas, in which ``review`` has
            become ``review 1``, ``review 2`` and so on, and other columns are as they were.

        Raises
        ------
        ValueError
            If ``X`` lacks a column of ``fit``.
        TypeError
            If a column of texts holds other cells.
        """
        check_is_fitted(self)
        table = _as_table(X)
        lacking = [name for name in self.feature_names_in_ if name not in table]
        if lacking:
            raise ValueError(f"X lacks the columns {lacking} that were there in fit.")
        table = table[[*self.feature_names_in_]]
        numbers = {
            name: _numbers_of(name, transformer, _texts_of(name, table[name]))
            for name, transformer in self.transformers_.items()
        }
        return self._joined(X, table, numbers)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return the names of the columns that come out.

        Parameters
        ----------
        input_features : object
            Ignored.

        Returns
        -------
        ndarray of object
        """
        check_is_fitted(self)
        return _names_out([*self.feature_names_in_], self.n_numbers_).to_numpy()

    def _find_columns(self, table: pd.DataFrame) -> list[Any]:
        have = [*table.columns]
        if isinstance(self.columns, str):
            names = sentence_columns(table)
            if not names:
                raise ValueError(
                    f"No column of X looks like texts, among {have}: one of texts has at least "
                    f"{MIN_ROWS} cells that are not missing, half of them of {MIN_WORDS} words or "
                    "more that spaces part, and half of them different. Name the columns of texts: "
                    "columns=[...]."
                )
            return names
        names = [*np.asarray(self.columns, dtype=object)]
        unknown = [name for name in names if name not in have]
        if not names or unknown:
            raise ValueError(f"columns={self.columns!r} names no columns of X, which has {have}.")
        return names

    def _learn(self, name: Any, texts: np.ndarray, seed: int) -> Any:
        if self.transformer is not None:
            own = None if self.random_state is None else seed
            return clone_seeded(self.transformer, own).fit(texts)
        words = TfidfVectorizer(sublinear_tf=True)
        try:
            counts = words.fit_transform(texts)
        except ValueError as error:  # it says that the vocabulary is empty
            example = next(text for text in texts if text.strip())[:40]
            raise ValueError(
                f"Column {name!r} holds no words, such as in {example!r}: a word is two letters or "
                "digits on end, so signs, emoji and words of one character do not count. Languages "
                "that part no words need a transformer, such as TfidfVectorizer(analyzer='char') "
                "with a TruncatedSVD behind it."
            ) from error
        n_directions = min(self.n_components, *counts.shape)
        directions = TruncatedSVD(n_directions, random_state=seed % 2**32)
        with np.errstate(invalid="ignore"):  # of texts that are all the same, none varies
            directions.fit(counts)
        return make_pipeline(words, directions, Normalizer(copy=False))

    def _joined(self, X: Any, table: pd.DataFrame, numbers: dict[Any, np.ndarray]) -> Any:
        if _is_list(X):
            return numbers[TEXT]
        pieces = [
            pd.DataFrame(numbers[name], index=table.index) if name in numbers else table[[name]]
            for name in table
        ]
        return pd.concat(pieces, axis=1).set_axis(self.get_feature_names_out(), axis=1)


def _names_out(names: list[Any], n_numbers: dict[Any, int]) -> pd.Index:
    """Return the names of columns of which some become so many."""
    made: list[Any] = []
    for name in names:
        n = n_numbers.get(name)
        made += [name] if n is None else [f"{name} {i}" for i in range(1, n + 1)]
    return pd.Index(made, dtype=object, tupleize_cols=False)


def _is_list(X: Any) -> bool:
    """Return whether these are texts rather than a table with columns of them."""
    return np.ndim(as_pandas(X)) == 1


def _as_table(X: Any) -> pd.DataFrame:
    if X is None or np.isscalar(X):  # a str is one, too
        raise TypeError(
            f"X is {X!r}, and neither texts nor a table with columns of them; pass a list of texts "
            "or a DataFrame."
        )
    if _is_list(X):
        return pd.DataFrame({TEXT: pd.Series([*as_pandas(X)], dtype=object)})
    table = as_frame(X)
    check_names(table)
    return table


def _texts_of(name: Any, cells: pd.Series) -> np.ndarray:
    """Return texts, of which a missing one is empty."""
    kind = infer(cells)
    if kind not in {"string", "empty"}:
        example = cells.dropna().iloc[0]
        example = example.item() if isinstance(example, np.generic) else example
        raise TypeError(
            f"Column {name!r} holds {kind} cells, such as {example!r}, and not texts; leave "
            "it out of columns, or convert it with .astype(str)."
        )
    return cells.astype(object).where(cells.notna(), "").to_numpy()


def _refuse_numbers(name: Any, texts: np.ndarray) -> None:
    there = pd.Series([text for text in texts if text.strip()], dtype=object)
    if not len(there):
        raise ValueError(f"Column {name!r} holds no texts: all {len(texts)} are empty or missing.")
    if pd.to_numeric(there, errors="coerce").notna().all():
        raise ValueError(
            f"Column {name!r} holds numbers written as text, such as {there.iloc[0]!r}; convert it "
            "with pandas.to_numeric, and leave it out of columns."
        )


def _numbers_of(name: Any, transformer: Any, texts: np.ndarray) -> np.ndarray:
    """Return a row of numbers for each text, of shape (n_texts, n_numbers)."""
    if not len(texts):
        raise ValueError(f"There are no texts in column {name!r}; pass one at least.")
    rows = transformer.transform(texts)
    if issparse(rows):
        raise ValueError(
            f"transformer turns column {name!r} into {rows.shape[1]} sparse columns, of which a "
            "GAN learns nothing; put a TruncatedSVD behind it: make_pipeline(vectorizer, "
            "TruncatedSVD(100))."
        )
    try:
        found = np.asarray(rows)
    except ValueError:  # of rows of different lengths
        found = np.array([*rows], dtype=object)
    if (
        found.ndim != 2
        or len(found) != len(texts)
        or not found.size
        or found.dtype.kind not in "fiub"
    ):
        raise ValueError(
            f"transformer turns the {len(texts)} texts of column {name!r} into {found.dtype} of "
            f"shape {found.shape}; it must return numbers of shape (n_texts, n_numbers)."
        )
    if not np.isfinite(found).all():
        which = np.flatnonzero(~np.isfinite(found).all(axis=1))
        raise ValueError(
            f"transformer turns {len(which)} texts of column {name!r} into NaN or infinities, "
            f"first text {which[0]}, {texts[which[0]]!r}; it must return finite numbers."
        )
    return found


def sentence_columns(table: pd.DataFrame) -> list[Any]:
    """Return the names of the columns that hold texts.

    Examples
    --------
    >>> import pandas as pd
    >>> from ganaug.texts import sentence_columns
    >>> review = [f"It broke on day {n}, and I want my money back" for n in range(40)]
    >>> sentence_columns(pd.DataFrame({"review": review, "stars": 1, "town": "Kiel"}))
    ['review']
    """
    return [name for name in table if holds_sentences(table[name])]
