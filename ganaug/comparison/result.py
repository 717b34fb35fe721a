"""What a comparison found, and the fitted models that come out of it."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ganaug.autologging import without_autologging
from ganaug.comparison.arms import BASELINE
from ganaug.comparison.evaluate import Encoded, Task, as_one, encode, one_thread
from ganaug.comparison.scores import LOWER_IS_BETTER, METRICS, check_metric
from ganaug.comparison.statistics import Interval, paired_interval
from ganaug.comparison.verdict import RANKING, recommend, write_verdict
from ganaug.digest import digest

#: The row of a leaderboard that is the mean over classifiers.
ALL = "all"


@dataclass
class Comparison:
    """The scores of every arm and classifier on every fold, and what they say.

    Made by `compare`.

    Attributes
    ----------
    results : DataFrame
        One row per fold, arm and classifier: the five metrics on real held-out rows,
        ``fit_seconds`` (the arm's share included, as if it served this classifier alone) and
        ``error``. A cell with an error has the scores of the arm *nothing*.
    held_out : DataFrame
        One row per fold, arm, classifier and held-out row: its position ``row`` in ``X``, whether
        it is ``positive``, and the ``probability`` that it is. Empty with more than two classes.
    history : list of list of dict
        The GAN's training curve in each fold; empty where there was none.
    histories : dict of str to list
        The same for every arm that has curves.
    draws : DataFrame
        One row per fold, arm, classifier and draw, for arms that average several draws: how many
        ``rows`` the draw adds, and the five metrics of the classifier trained on it alone.
    """

    task: Task
    results: pd.DataFrame
    held_out: pd.DataFrame
    histories: dict[str, list[list[dict[str, Any]]]]
    draws: pd.DataFrame = field(default_factory=pd.DataFrame)
    _rows: dict[str, list[Encoded]] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        return (
            f"<Comparison: {len(self.arms)} arms, {len(self.classifiers)} classifiers, "
            f"{self.n_folds} folds of {len(self.y)} rows>"
        )

    @property
    def X(self) -> pd.DataFrame:
        """The table that was compared on."""
        return self.task.X

    @property
    def y(self) -> np.ndarray:
        """Its labels."""
        return self.task.y

    @property
    def positive(self) -> Hashable:
        """The rarest class, on which binary metrics are computed."""
        return self.task.positive

    @property
    def arms(self) -> list[str]:
        """The arms in the order they were given; *nothing* is always there and first."""
        return list(self.task.arms)

    @property
    def classifiers(self) -> dict[str, Any]:
        """The unfitted classifiers by name."""
        return dict(self.task.classifiers)

    @property
    def subject(self) -> str:
        """The arm in question: the first that trains a generator, or else the last."""
        return next(iter(self.histories), self.arms[-1])

    @property
    def digest(self) -> str:
        """What identifies table and labels by all they hold."""
        return digest(self.X, self.y)

    @property
    def n_folds(self) -> int:
        """How many folds there were."""
        return len(self.task.folds)

    @property
    def notes(self) -> list[str]:
        """What a reader should know: folds reduced, arms that did not apply."""
        return self.task.notes

    @property
    def failures(self) -> pd.DataFrame:
        """The cells that failed, with their errors."""
        failed = self.results[self.results["error"] != ""]
        return failed[["fold", "arm", "classifier", "error"]].reset_index(drop=True)

    @property
    def history(self) -> list[list[dict[str, Any]]]:
        """The training curve of the first arm that has one, per fold."""
        return next(iter(self.histories.values()), [])

    # --- Scores ------------------------------------------------------------------------------

    def leaderboard(self) -> pd.DataFrame:
        """Return mean and standard deviation over folds of every arm and classifier.

        Returns
        -------
        DataFrame
            Indexed by classifier and arm. Columns are pairs (metric, "mean" or "sd") and
            ("rank", ""): the place of the arm for that classifier by mean average precision.
            The classifier "all" is the mean over classifiers.
        """
        scores = self.results[["fold", "classifier", "arm", *METRICS]]
        pooled = scores.groupby(["fold", "arm"], sort=False)[list(METRICS)].mean().reset_index()
        everything = pd.concat([scores, pooled.assign(classifier=ALL)])
        board = everything.groupby(["classifier", "arm"], sort=False)[list(METRICS)].agg(
            ["mean", "std"]
        )
        board = board.rename(columns={"std": "sd"}, level=1)
        board[("rank", "")] = (
            board[(RANKING, "mean")].groupby(level=0).rank(ascending=False, method="min")
        )
        order = pd.MultiIndex.from_product([[*self.classifiers, ALL], self.arms])
        return board.reindex(order.set_names(["classifier", "arm"]))

    def arm_means(self) -> pd.DataFrame:
        """Return the mean of every metric over folds and classifiers, one row per arm."""
        return self.results.groupby("arm", sort=False)[list(METRICS)].mean()

    def fold_scores(self, metric: str, choice: str | tuple[str, str]) -> pd.Series:
        """Return one score per fold of an arm (mean over classifiers) or (arm, classifier)."""
        check_metric(metric)
        arm, classifier = choice if isinstance(choice, tuple) else (choice, None)
        self._check_cell(arm, classifier)
        chosen = self.results["arm"] == arm
        if classifier is not None:
            chosen &= self.results["classifier"] == classifier
        return self.results[chosen].groupby("fold")[metric].mean()

    # --- Differences -------------------------------------------------------------------------

    def interval(
        self,
        metric: str,
        choice: str | tuple[str, str],
        against: str | tuple[str, str] = BASELINE,
        confidence: float = 0.95,
    ) -> Interval:
        """Return how much better `choice` is than `against`, fold by fold.

        Each is an arm (the mean over classifiers counts) or a pair (arm, classifier). The
        difference is signed as the metric is: for the Brier score less is better. The interval
        is `paired_interval`.
        """
        change = self.fold_scores(metric, choice) - self.fold_scores(metric, against)
        test_to_train = np.mean([len(test) / len(train) for train, test in self.task.folds])
        return paired_interval(change.to_numpy(), float(test_to_train), confidence)

    def differences(
        self, metric: str = RANKING, *, against: str = BASELINE, confidence: float = 0.95
    ) -> pd.DataFrame:
        """Return every arm's paired difference to `against`, per classifier and over "all".

        Parameters
        ----------
        metric : str
            One of the five metrics.
        against : str
            The arm to compare with.
        confidence : float
            Coverage of the intervals.

        Returns
        -------
        DataFrame
            Columns arm, classifier, mean, low, high, p_value and verdict ("better", "worse" or
            "unsure"). The intervals are for one comparison each; out of twenty, one excludes
            zero by chance.
        """
        rows = []
        for arm in self.arms:
            if arm == against:
                continue
            for name in [*self.classifiers, ALL]:
                ours, theirs = (arm, against) if name == ALL else ((arm, name), (against, name))
                found = self.interval(metric, ours, theirs, confidence)
                gain = (-found.high, -found.low) if metric in LOWER_IS_BETTER else found[1:3]
                verdict = "better" if gain[0] > 0 else "worse" if gain[1] < 0 else "unsure"
                rows.append({"arm": arm, "classifier": name, **found._asdict(), "verdict": verdict})
        return pd.DataFrame(rows)

    def verdict(self, arm: str | None = None) -> str:
        """Return a paragraph in plain words: did `arm` help, how sure is it, what to use.

        Parameters
        ----------
        arm : str, optional
            The arm in question; left out, `subject`.
        """
        subject = arm or self.subject
        self._check_cell(subject)
        return " ".join(write_verdict(self, subject))

    def winner(self, metric: str = RANKING) -> tuple[str, str]:
        """Return the simplest arm and classifier that no other is clearly better than.

        Parameters
        ----------
        metric : {"average_precision", "balanced_accuracy"}
            The first to rank rows, the second to decide.

        Returns
        -------
        tuple of (str, str)
            What the verdict advises.
        """
        winners = recommend(self, self.subject)
        if metric not in winners:
            raise ValueError(f"metric={metric!r} must be one of {', '.join(winners)}.")
        return winners[metric]

    # --- Models ------------------------------------------------------------------------------

    def refit(self, arm: str, classifier: str) -> Any:
        """Fit an arm with a classifier on all rows.

        The rows an arm adds are made once and serve all classifiers.

        Returns
        -------
        estimator
            Takes raw rows, like those of ``X``.
        """
        # SMOTE may be shown as the variant that fits the columns, and asked for as either.
        arm = {chosen.name: title for title, chosen in self.task.arms.items()}.get(arm, arm)
        self._check_cell(arm, classifier)
        # The folds are numbered from zero, so this number is free for the seeds of all rows.
        fold = self.n_folds
        with one_thread(), without_autologging():
            if arm not in self._rows:
                self._rows[arm] = encode(
                    self.task.rows(arm, fold, np.arange(len(self.y))), self.task.arms[arm].raw
                )
            encoded = self._rows[arm]
            members = self.task.fit(arm, classifier, fold, encoded)
        shares = self.task.learned_shares(arm, classifier, encoded)
        return as_one(encoded, members, shares, self.y)

    def _check_cell(self, arm: str, classifier: str | None = None) -> None:
        if arm not in self.arms:
            raise ValueError(f"Unknown arm {arm!r}. Choose from {', '.join(self.arms)}.")
        if classifier is not None and classifier not in self.classifiers:
            raise ValueError(
                f"Unknown classifier {classifier!r}. Choose from {', '.join(self.classifiers)}."
            )
