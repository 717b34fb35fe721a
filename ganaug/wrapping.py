"""What classifiers that wrap others share: the rows they take, and the labels they predict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils import InputTags, get_tags

#: Kinds of rows that an estimator says it takes.
KINDS_OF_ROWS = ("allow_nan", "sparse", "categorical", "string", "three_d_array")


def join_input_tags(tags: InputTags, parts: Iterable[Any]) -> None:
    """Set in ``tags``, in place, each kind of rows that all of the estimators ``parts`` take.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    >>> from sklearn.utils import InputTags
    >>> from ganaug.wrapping import join_input_tags
    >>> tags = InputTags()
    >>> join_input_tags(tags, [RandomForestClassifier(), HistGradientBoostingClassifier()])
    >>> tags.allow_nan, tags.sparse
    (True, False)
    """
    inputs = [get_tags(part).input_tags for part in parts]
    for kind in KINDS_OF_ROWS:
        setattr(tags, kind, all(getattr(one, kind) for one in inputs))


def predicted_labels(classifier: Any, X: Any, **params: Any) -> np.ndarray:
    """Return the labels that a classifier predicts, (n,).

    Those of CatBoost are a column, where there are more than two classes.
    """
    return np.ravel(classifier.predict(X, **params))
