"""The result of a comparison: scores, differences, a verdict, and fitted models."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from ganaug.autologging import without_autologging
from ganaug.comparison.arms import BASELINE, Augmented
from ganaug.comparison.evaluate import Pair, Task, replace_memory
from ganaug.comparison.notebook import show_comparison
from ganaug.comparison.scores import (
    ALL,
    LOWER_IS_BETTER,
    METRICS,
    PURPOSES,
    PURPOSES_OF_MANY,
    RANKING,
    check_known,
)
from ganaug.comparison.statistics import Interval, paired_interval
from ganaug.comparison.verdict import Contest, Verdict
from ganaug.comparison.wording import write_verdict
from ganaug.digest import digest


@dataclass
class Comparison:
    """The scores of every arm and classifier on every fold, and their statistics.

    Made by `compare`.

    Attributes
    ----------
    task : Task
        The table, arms, classifiers and folds that were compared.
    results : DataFrame
        One row per fold (from 1), arm and classifier: the five metrics on real held-out rows,
        ``fit_seconds`` (with the training of a GAN, as if it served this classifier alone) and
        ``error``. A cell with an error has the scores of the arm *nothing*.
    held_out : DataFrame
        One row per fold, arm, classifier and held-out row: its position ``row`` in ``X``, whether
        it is ``positive``, the ``probability`` that it is, and whether it is ``predicted`` to be.
        Empty with more than two classes.
    draws : DataFrame
        One row per fold, arm, classifier and draw, for arms that average several draws: how many
        ``rows`` the draw adds, and the five metrics of the classifier trained on it alone.
    histories : dict of str to list
        The GAN's training curve in each fold, for every arm that has curves.
    augmenters : dict of str to (int, GANAugmenter)
        For the same arms the first fold that has a curve, and the augmenter that was fitted there.
    """

    task: Task
    results: pd.DataFrame
    held_out: pd.DataFrame = field(default_factory=pd.DataFrame)
    draws: pd.DataFrame = field(default_factory=pd.DataFrame)
    histories: dict[str, list[list[dict[str, Any]]]] = field(default_factory=dict)
    augmenters: dict[str, tuple[int, Any]] = field(default_factory=dict, repr=False)

    @classmethod
    def from_pairs(cls, task: Task, pairs: list[Pair]) -> Comparison:
        """Return the comparison of these pairs of a fold and an arm."""
        cells = [cell for pair in pairs for cell in pair.cells]
        places = ["fold", "arm", "classifier"]
        about = pd.DataFrame([vars(cell) for cell in cells])
        scores = pd.DataFrame([cell.scores for cell in cells], columns=list(METRICS))
        results = pd.concat([about[places], scores, about[["fit_seconds", "error"]]], axis=1)
        nothing = results[places].assign(arm=BASELINE).merge(results, how="left")[list(METRICS)]
        draws, held_out = [], []
        for cell in cells:
            place = {name: getattr(cell, name) for name in places}
            draws += [{**place, **draw} for draw in cell.draws]
            if cell.probabilities is not None:
                rows = task.rows(cell.fold)[1]
                said = {"probability": cell.probabilities, "predicted": cell.predicted}
                truth = {"row": rows, "positive": task.y[rows] == task.positive}
                held_out.append(pd.DataFrame({**place, **truth, **said}))
        no_rows = pd.DataFrame(columns=[*places, "row", "positive", "probability", "predicted"])
        found = cls(
            task,
            results.fillna(nothing),
            pd.concat(held_out, ignore_index=True) if held_out else no_rows,
            pd.DataFrame(draws, columns=[*places, "rows", *METRICS]),
        )
        for arm in task.arms:
            augmenters = [pair.augmenter for pair in pairs if pair.cells[0].arm == arm]
            curves = [getattr(augmenter, "history_", []) for augmenter in augmenters]
            if any(curves):
                first = next(i for i, curve in enumerate(curves) if curve)
                found.histories[arm], found.augmenters[arm] = curves, (first + 1, augmenters[first])
        return found

    def __repr__(self) -> str:
        return (
            f"<Comparison: {len(self.arms)} arms, {len(self.classifiers)} classifiers, "
            f"{len(self.y)} rows, cv={self.task.cv}>"
        )

    def _repr_html_(self) -> str:
        return show_comparison(self)

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
    def purposes(self) -> dict[str, str]:
        """What each metric of the verdict measures the fitness for, in words."""
        return PURPOSES if len(np.unique(self.y)) == 2 else PURPOSES_OF_MANY

    @property
    def arms(self) -> list[str]:
        """The arms in the order they were given; *nothing* is always there and first."""
        return list(self.task.arms)

    @property
    def classifiers(self) -> dict[str, BaseEstimator]:
        """The unfitted classifiers by name."""
        return dict(self.task.classifiers)

    @property
    def subject(self) -> str:
        """The arm in question: the first that trains a generator, or else the last."""
        return self.task.subject

    @property
    def digest(self) -> str:
        """A short text that identifies the table and its labels."""
        return digest(self.X, self.y)

    @property
    def n_folds(self) -> int:
        """How many folds there were."""
        return len(self.task.folds)

    @property
    def notes(self) -> list[str]:
        """Remarks for the reader: folds reduced, arms that did not apply."""
        return self.task.notes

    @property
    def failures(self) -> pd.DataFrame:
        """The cells that failed, with their errors."""
        failed = self.results[self.results["error"] != ""]
        return failed[["fold", "arm", "classifier", "error"]].reset_index(drop=True)

    def adds_rows(self, arm: str) -> bool:
        """Return whether an arm trains on more rows than there are."""
        return isinstance(self.task.arms[arm].wrap, Augmented)

    def leaderboard(self) -> pd.DataFrame:
        """Return mean and standard deviation over folds of every arm and classifier.

        Returns
        -------
        DataFrame
            Indexed by classifier and arm; the classifier "all" is the mean over classifiers.
            Columns are pairs of a metric and "mean", "sd" or "best" (whether no other arm has a
            better mean for that classifier), then ("rank", ""), the place of the arm by mean
            average precision, and ("failed", ""), whether it failed in some fold.
        """
        scores = self.results[["fold", "classifier", "arm", *METRICS]]
        scores = scores.assign(failed=self.results["error"] != "")
        over_classifiers = dict.fromkeys(METRICS, "mean") | {"failed": "any"}
        pooled = scores.groupby(["fold", "arm"], sort=False).agg(over_classifiers).reset_index()
        everything = pd.concat([scores, pooled.assign(classifier=ALL)])
        cells = everything.groupby(["classifier", "arm"], sort=False)
        found = {"mean": cells[list(METRICS)].mean(), "sd": cells[list(METRICS)].std()}
        # The larger the better.
        values = found["mean"].mul([-1 if name in LOWER_IS_BETTER else 1 for name in METRICS])
        found["best"] = values.eq(values.groupby(level=0).transform("max"))
        columns = pd.MultiIndex.from_product([METRICS, found])
        board = pd.concat(found, axis=1).swaplevel(axis=1)[columns]
        ranks = values[RANKING].groupby(level=0).rank(ascending=False, method="min")
        board["rank", ""], board["failed", ""] = ranks, cells["failed"].any()
        order = pd.MultiIndex.from_product([[*self.classifiers, ALL], self.arms])
        return board.reindex(order.set_names(["classifier", "arm"]))

    def arm_means(self) -> pd.DataFrame:
        """Return the mean of every metric over folds and classifiers, one row per arm."""
        return self.results.groupby("arm", sort=False)[list(METRICS)].mean()

    def fold_scores(self, metric: str, choice: str | tuple[str, str]) -> pd.Series:
        """Return one score per fold of an arm (mean over classifiers) or (arm, classifier)."""
        check_known("metric", metric, METRICS)
        arm, classifier = choice if isinstance(choice, tuple) else (choice, None)
        self._check_cell(arm, classifier)
        chosen = self.results["arm"] == arm
        if classifier is not None:
            chosen &= self.results["classifier"] == classifier
        return self.results[chosen].groupby("fold")[metric].mean()

    def draw_means(self) -> pd.DataFrame:
        """Return the rows and scores of each arm's draws with each classifier, mean over folds.

        Folds differ by a row or two: draws are paired by their order.
        """
        order = self.draws.groupby(["fold", "arm", "classifier"]).cumcount()
        means = self.draws.groupby(["classifier", "arm", order], sort=False)[["rows", *METRICS]]
        return means.mean().droplevel(2).reset_index()

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
        return paired_interval(change.to_numpy(), self.task.test_to_train, confidence)

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
            Columns arm, classifier, mean, low, high, p_value and finding: "better" or "worse" by
            more than `SMALLEST_DIFFERENCE`, "same" if surely not, or "unsure". The intervals are
            for one comparison each; out of twenty, one excludes zero by chance.
        """
        rows = []
        for arm in [arm for arm in self.arms if arm != against]:
            for name in [*self.classifiers, ALL]:
                ours, theirs = (arm, against) if name == ALL else ((arm, name), (against, name))
                found = self.interval(metric, ours, theirs, confidence)
                finding = found.finding(lower_is_better=metric in LOWER_IS_BETTER)
                rows.append({"arm": arm, "classifier": name, **found._asdict(), "finding": finding})
        return pd.DataFrame(rows)

    def verdict(self, arm: str | None = None) -> Verdict:
        """Return in plain words whether `arm` helped, how sure that is, and what to use.

        Parameters
        ----------
        arm : str, optional
            The arm in question; left out, `subject`.

        Returns
        -------
        Verdict
            Print it, or take its parts.
        """
        subject = arm or self.subject
        self._check_cell(subject)
        if subject == BASELINE and self.arms != [BASELINE]:
            raise ValueError(
                f"{BASELINE} is what the others are measured against; choose from "
                f"{', '.join(self.arms[1:])}."
            )
        return write_verdict(self, subject)

    def winner(self, metric: str = RANKING) -> tuple[str, str]:
        """Return the arm and the classifier that the verdict advises.

        The best of the arms that add no rows, unless another is surely better. Of arms that
        score nearly the same the simplest is taken.

        Parameters
        ----------
        metric : {"average_precision", "balanced_accuracy"}
            The first for a list sorted by risk, the second for a yes or no.

        Returns
        -------
        tuple of (str, str)
            The safe choice of :class:`Answer`.

        Raises
        ------
        ValueError
            If each arm failed in some fold with each classifier.
        """
        check_known("metric", metric, PURPOSES)
        return Contest(self, metric).safe()

    def refit(self, arm: str, classifier: str) -> BaseEstimator:
        """Fit an arm with a classifier on all rows.

        A GAN is trained once for all classifiers.

        Returns
        -------
        estimator
            Takes raw rows, like those of ``X``.
        """
        self._check_cell(arm, classifier)
        model = self.task.model(arm, classifier, fold=None)
        if self.task.text_columns:
            model = make_pipeline(self.task.text_rows(), model)
        with threadpool_limits(1), without_autologging():
            model.fit(self.X, self.y)
        return replace_memory(model, self.task.augmenter_memory, None)

    def _check_cell(self, arm: str, classifier: str | None = None) -> None:
        check_known("arm", arm, self.arms)
        if classifier is not None:
            check_known("classifier", classifier, self.classifiers)
