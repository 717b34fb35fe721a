"""Which cells of a synthetic row are missing: those that are missing in a real row of its class."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ganaug.fitted import array_of, check_fits
from ganaug.parameters import Rule


class MissingPatterns:
    """Remembers which sets of missing cells each class shows, and how often; draws from them.

    An encoder that inherits from it describes what it learns.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.encoders.patterns import MissingPatterns
    >>> flags, classes = np.array([[True], [False], [False]]), np.array([0, 0, 1])
    >>> patterns = MissingPatterns()
    >>> patterns._remember_patterns(flags, classes, 2, None)
    >>> patterns.draw_missing_flags(np.array([1, 0, 0]), np.random.default_rng(0)).sum()
    np.float32(1.0)
    """

    saved_rules: ClassVar[dict[str, tuple[Rule, ...]]] = {
        "patterns_": (array_of("b", 2),),
        "class_patterns_": (array_of("i", low=0),),
        "class_ends_": (array_of("i", low=1),),
        "pattern_counts_": (array_of("if", low=0),),
    }

    def _remember_patterns(
        self,
        flags: np.ndarray,
        classes: np.ndarray,
        n_classes: int,
        sample_weight: np.ndarray | None,
    ) -> None:
        """Learn the missing flags (n, n_missing_flags), bool, of rows of these classes (n,)."""
        self.patterns_, which = np.unique(flags, axis=0, return_inverse=True)
        # Of many classes and many patterns hardly any pair is there.
        pairs, which = np.unique(classes * len(self.patterns_) + which.ravel(), return_inverse=True)
        codes, self.class_patterns_ = np.divmod(pairs, len(self.patterns_))
        self.class_ends_ = np.searchsorted(codes, np.arange(n_classes), side="right")
        self.pattern_counts_ = np.bincount(which, sample_weight)

    def _check_patterns(self, n_missing_flags: int, n_classes: int) -> None:
        """Raise if patterns that were read from a file do not fit together."""
        patterns, shown, counts = self.patterns_, self.class_patterns_, self.pattern_counts_
        check_fits(len(patterns) > 0, "patterns_")
        check_fits(patterns.shape == (len(patterns), n_missing_flags), "patterns_")
        check_fits(shown.shape == counts.shape == (len(shown),), "class_patterns_")
        check_fits(bool((shown < len(patterns)).all()), "class_patterns_")
        check_fits(bool((counts > 0).all()), "pattern_counts_")
        ends = self.class_ends_
        check_fits(ends.shape == (n_classes,) and ends[-1] == len(shown), "class_ends_")
        check_fits(bool((np.diff(ends, prepend=0) > 0).all()), "class_ends_")

    def draw_missing_flags(self, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw patterns of missing cells as each class shows them.

        Each pattern comes as often as in the class, up to one row: drawing is systematic [1]_.

        Parameters
        ----------
        classes : ndarray of shape (n,), int64
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (n, n_missing_flags), float32

        References
        ----------
        .. [1] W. G. Madow, L. H. Madow, "On the theory of systematic sampling, I", Annals of
           Mathematical Statistics 15, 1944.
        """
        which = np.zeros(len(classes), dtype=np.int64)
        if self.patterns_.shape[1]:
            for c in np.unique(classes):
                at = rng.permutation(np.flatnonzero(classes == c))
                own = slice(self.class_ends_[c - 1] if c else 0, self.class_ends_[c])
                ends = self.pattern_counts_[own].cumsum()
                marks = (np.arange(1, len(at) + 1) - rng.random()) / len(at) * ends[-1]
                which[at] = self.class_patterns_[own][ends.searchsorted(marks)]
        return self.patterns_[which].astype(np.float32)
