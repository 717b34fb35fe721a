"""Closeness to single real rows: whether synthetic ones are copies of training rows."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors


def nearest_distances(rows: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Return each row's Euclidean distance to the nearest of ``to``.

    Parameters
    ----------
    rows : ndarray of shape (n, width)
        From which distances are measured.
    to : ndarray of shape (m, width)
        Among which the nearest is looked for.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.privacy import nearest_distances
    >>> nearest_distances(np.array([[1.0], [5.0]]), to=np.array([[0.0], [5.0]]))
    array([1., 0.])
    """
    return NearestNeighbors(n_neighbors=1).fit(to).kneighbors(rows)[0][:, 0]


def copies(
    train: np.ndarray, held_out: np.ndarray, synthetic: np.ndarray, share: float = 0.05
) -> dict[str, float]:
    """Return the shares of synthetic rows that are copies and near copies of training rows.

    A near copy lies within the distance that ``share`` of the held-out real rows lie within, which
    cannot have been copied. In tables of few levels, held-out and synthetic rows may often be equal
    to a training row without a copy.

    Parameters
    ----------
    train, held_out, synthetic : ndarray of shape (n, width)
        Rows of one class, encoded alike.
    share : float, default=0.05
        The share of held-out rows that counts as near.

    Returns
    -------
    dict
        ``copies`` at distance zero and ``near copies``; and the same of the held-out rows,
        ``copies, held out`` and ``near copies, held out``, as many as are to be expected.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.privacy import copies
    >>> train, other, fresh = np.random.default_rng(0).normal(size=(3, 200, 4))
    >>> copies(train, other, np.concatenate([train[:50], fresh[:50]]))["copies"]
    0.5
    """
    ours, theirs = (nearest_distances(rows, train) for rows in (synthetic, held_out))
    near = np.quantile(theirs, share)
    return {
        "copies": float((ours == 0).mean()),
        "near copies": float((ours <= near).mean()),
        "copies, held out": float((theirs == 0).mean()),
        "near copies, held out": float((theirs <= near).mean()),
    }
