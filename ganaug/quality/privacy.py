"""Closeness to single real rows: whether synthetic ones are copies of training rows, or tell them.

These are measures, and no guarantee: they find what they look for. Differential privacy, which
bounds what anybody can learn of a row, is nothing that can be measured on rows, and no part of how
the GAN is trained.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score
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
    nearest = NearestNeighbors(n_neighbors=1).fit(to).kneighbors(rows, return_distance=False)
    # In wide rows scikit-learn's own distances of equal rows are not quite 0.
    return np.linalg.norm(rows - to[nearest[:, 0]], axis=1)


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


def membership_auc(train: np.ndarray, held_out: np.ndarray, synthetic: np.ndarray) -> float:
    """Return how well nearness to synthetic rows tells training rows from held-out ones.

    That is membership inference by distance: somebody who has a real row and synthetic ones, but
    not the generator, guesses that the row was trained on if it lies near to a synthetic one. This
    is the attack of [1]_ on generated rows alone. Others may find more.

    Parameters
    ----------
    train, held_out, synthetic : ndarray of shape (n, width), (m, width) and (k, width)
        Rows of one class, encoded alike. More synthetic rows tell more.

    Returns
    -------
    float
        The area under the ROC curve: the share of pairs of a training and a held-out row of which
        the training row lies nearer to a synthetic one. 0.5 is guessing; of rows that have nothing
        to do with each other it is 0.5 with a standard deviation of
        ``sqrt((n + m + 1) / (12 * n * m))``.

    References
    ----------
    .. [1] D. Chen, N. Yu, Y. Zhang, M. Fritz, "GAN-Leaks: a taxonomy of membership inference
       attacks against generative models", CCS 2020: the full black-box attack.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.quality.privacy import membership_auc
    >>> train, other, fresh = np.random.default_rng(0).normal(size=(3, 200, 4))
    >>> round(membership_auc(train, other, fresh), 1)
    0.5
    >>> membership_auc(train, other, train)
    1.0
    """
    distances = [nearest_distances(rows, to=synthetic) for rows in (train, held_out)]
    is_training = np.repeat([True, False], [len(train), len(held_out)])
    return float(roc_auc_score(is_training, -np.concatenate(distances)))
