"""What shows how far long work is."""

from __future__ import annotations

from typing import Any, Self


class ComparisonProgress:
    """The progress of a comparison.

    Parameters
    ----------
    verbose : {"auto"} or bool, default="auto"
        Whether to show it.
    """

    def __init__(self, verbose: str | bool = "auto") -> None:
        self.verbose = verbose

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def plan(self, jobs: list[tuple[int, str]], n_classifiers: int) -> None:
        """Add pairs of a fold and an arm that are now to do; called again for each repetition."""

    def done(self, pair: Any) -> None:
        """Note that the cells of a pair are ready."""
