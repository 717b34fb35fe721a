"""Generators for classes that are too small for a GAN: interpolation, and jitter for a single row.

Below eight rows a critic cannot tell a rule from a row. A few rows span a small region, which
interpolation fills; one row can only be repeated with a little noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ganaug.encoders.layout import RowLayout
from ganaug.fitted import ABSENT, array_of, check_fits, dict_of
from ganaug.generators.monitor import RowMaker
from ganaug.parameters import is_a, number, whole
from ganaug.randomness import Purpose, numpy_stream
from ganaug.weights import thin_weighted

#: Numbers that are blended at once.
BLOCK = 2**22
#: No number of an encoded row is as large.
FAR = 1e6


class FewRowsGenerator(BaseEstimator):
    """Keeps the real rows of each class, at most ``max_rows``, and makes new ones from them.

    Attributes
    ----------
    layout_ : RowLayout
    rows_ : dict of ndarray
        ``{class code: encoded rows}``.
    shares_ : dict of ndarray
        ``{class code: how often a new row is made from each}``; of fits with weights alone.
    """

    saved_rules = {
        "max_rows": (whole(1),),
        "layout_": (is_a("a RowLayout", RowLayout),),
        "rows_": (dict_of(array_of("f", 2, low=-FAR, high=FAR), whole(0)),),
        "shares_": (dict_of(array_of("f", low=0, high=1), whole(0)), ABSENT),
    }

    def __init__(self, max_rows: int = 200) -> None:
        self.max_rows = max_rows

    def fit(
        self,
        rows: np.ndarray,
        codes: np.ndarray,
        layout: RowLayout,
        *,
        classes: np.ndarray,
        seed: int,
        device: str = "cpu",
        monitor: Any = None,
        sample_weight: np.ndarray | None = None,
    ) -> FewRowsGenerator:
        """Keep rows of ``classes``; see :mod:`ganaug.generators`."""
        own = np.flatnonzero(np.isin(codes, classes))
        weights = None if sample_weight is None else sample_weight[own]
        thinned, weights = thin_weighted(
            codes[own], weights, self.max_rows, numpy_stream(seed, Purpose.KEEP)
        )
        kept = own[thinned]
        self.layout_ = layout
        self.rows_ = {int(c): rows[kept[codes[kept] == c]] for c in classes}
        if weights is not None:
            of_class = {int(c): weights[codes[kept] == c] for c in classes}
            self.shares_ = {c: some / some.sum() for c, some in of_class.items()}
        return self

    def check_fitted(self, layout: RowLayout) -> None:
        """Raise if parts that were read from a file do not fit together."""
        check_fits(self.layout_ == layout, "layout_")
        for code, rows in self.rows_.items():
            check_fits(0 < len(rows) <= self.max_rows, f"{len(rows)} rows of class {code}")
            check_fits(rows.shape == (len(rows), layout.width), f"rows of shape {rows.shape}")
        for code, shares in getattr(self, "shares_", {}).items():
            check_fits(code in self.rows_, f"shares of class {code}")
            check_fits(shares.shape == (len(self.rows_[code]),), f"shares of shape {shares.shape}")
            check_fits(bool((shares > 0).all()), "shares_ that are not above 0")
            check_fits(abs(shares.sum() - 1) < 1e-9, "shares_ that are not 1 together")
        shares = getattr(self, "shares_", self.rows_)
        check_fits(set(shares) == set(self.rows_), "shares_ of other classes")

    def row_maker(self, **options: Any) -> RowMaker:
        """Return what makes rows; missing flags come with the rows that new ones are made from."""
        shares = getattr(self, "shares_", {})

        def make(
            counts: Mapping[int, int], *, seed: int, n_candidates: int = 1
        ) -> dict[int, np.ndarray]:
            return {
                code: self._make(
                    self.rows_[code], n, numpy_stream(seed, Purpose.SAMPLE, code), shares.get(code)
                )
                for code, n in counts.items()
            }

        return make

    def _make(
        self, rows: np.ndarray, n: int, rng: np.random.Generator, shares: np.ndarray | None
    ) -> np.ndarray:
        raise NotImplementedError


class Jitter(FewRowsGenerator):
    """Repeat rows with normal noise of standard deviation 0.1 on their numbers.

    That is a tenth of the standard deviation of a number in a table, and a tenth of half the range
    of a pixel.

    Parameters
    ----------
    scale : float, default=0.1
        Standard deviation of the noise.
    max_rows : int, default=200
        Rows of a class to keep at most.
    """

    saved_rules = {"scale": (number(low=0, high=FAR),)}
    name = "jitter"
    min_rows = 1

    def __init__(self, scale: float = 0.1, max_rows: int = 200) -> None:
        super().__init__(max_rows)
        self.scale = scale

    def _make(
        self, rows: np.ndarray, n: int, rng: np.random.Generator, shares: np.ndarray | None
    ) -> np.ndarray:
        n_numeric = self.layout_.n_numeric
        if shares is None:
            out = rows[rng.integers(len(rows), size=n)]
        else:
            out = rows[rng.choice(len(rows), size=n, p=shares)]
        noise = rng.standard_normal((n, n_numeric), dtype=np.float32)
        out[:, :n_numeric] += self.scale * noise
        return out


class Interpolation(FewRowsGenerator):
    """Blend up to three rows each, with weights drawn evenly from the simplex.

    Numbers are averaged; of each one-hot group one parent's level is taken, as likely as its
    weight. The missing flags are the first parent's, and parents whose value is missing do not
    count for it. This is SMOTE [1]_ with three parents in place of two, and all rows as neighbours,
    which for a handful of rows is what SMOTE's neighbours are. Like every blend it keeps less of
    the variance than the rows have.

    Parameters
    ----------
    n_parents : int, default=3
        Rows to blend.
    max_rows : int, default=200
        Rows of a class to keep at most.

    References
    ----------
    .. [1] N. V. Chawla et al., "SMOTE: synthetic minority over-sampling technique", JAIR 16, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.encoders.layout import RowLayout
    >>> from ganaug.generators.few_rows import Interpolation
    >>> rows = np.array([[0.0], [1.0]], dtype=np.float32)
    >>> layout, codes = RowLayout(n_numeric=1, n_classes=1), np.array([0, 0])
    >>> blend = Interpolation().fit(rows, codes, layout, classes=np.array([0]), seed=0)
    >>> made = blend.row_maker()({0: 5}, seed=1)[0]
    >>> bool((made >= 0).all() and (made <= 1).all())
    True
    """

    saved_rules = {"n_parents": (whole(1, 200),)}
    name = "interpolation"
    min_rows = 2

    def __init__(self, n_parents: int = 3, max_rows: int = 200) -> None:
        super().__init__(max_rows)
        self.n_parents = n_parents

    def _make(
        self, rows: np.ndarray, n: int, rng: np.random.Generator, shares: np.ndarray | None
    ) -> np.ndarray:
        layout, k = self.layout_, min(self.n_parents, len(rows))
        if shares is None:
            order = rng.permuted(np.tile(np.arange(len(rows)), (n, 1)), axis=1)[:, :k]
            weights = rng.dirichlet(np.ones(k), n)
        elif k == len(rows):
            # All are parents, the first of each as often as its share says; so do the weights.
            order = (rng.standard_exponential((n, k)) / shares).argsort(axis=1)
            weights = rng.standard_gamma(k * shares[order])
            weights /= weights.sum(axis=1, keepdims=True)
        else:
            order = rng.choice(len(rows), (n, k), p=shares)
            weights = rng.dirichlet(np.ones(k), n)
        weights = weights.astype(np.float32)
        flag_of = np.full(layout.n_values, -1)
        flag_of[: len(layout.missing_flag_of)] = layout.missing_flag_of
        out = rows[order[:, 0]]
        size = max(BLOCK // (k * max(layout.n_numeric, 1)), 1)
        for start in range(0, n, size):
            some = slice(start, start + size)
            self._blend(out[some], rows[order[some]], weights[some], flag_of)
        start = layout.n_numeric
        for size in layout.one_hot_sizes:
            of_group = weights
            if flag_of[start] >= 0:
                of_group = weights * (1 - rows[order, layout.n_values + flag_of[start]])
            of_group = of_group / np.maximum(of_group.sum(axis=1, keepdims=True), 1e-12)
            cumulative = of_group.cumsum(axis=1)
            chosen = (rng.random((n, 1), dtype=np.float32) > cumulative[:, :-1]).sum(axis=1)
            out[:, start : start + size] = rows[order[np.arange(n), chosen], start : start + size]
            start += size
        return out

    def _blend(
        self, out: np.ndarray, parents: np.ndarray, weights: np.ndarray, flag_of: np.ndarray
    ) -> None:
        """Write the averages of the parents' numbers (m, k, width) into rows (m, width)."""
        layout = self.layout_
        weights = np.repeat(weights[:, :, None], layout.n_numeric, axis=2)
        flagged = np.flatnonzero(flag_of[: layout.n_numeric] >= 0)
        weights[:, :, flagged] *= 1 - parents[:, :, layout.n_values + flag_of[flagged]]
        for amount, gate in layout.zero_gates:  # an amount that is zero does not count either
            weights[:, :, amount] *= parents[:, :, layout.n_numeric + gate]
        weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
        numbers = parents[:, :, : layout.n_numeric]
        out[:, : layout.n_numeric] = (weights * numbers).sum(axis=1)
