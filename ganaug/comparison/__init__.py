"""Does a GAN help here? Arms, cross-validation, statistics and a verdict in plain words."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from joblib import Memory
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.model_selection import BaseCrossValidator

from ganaug.comparison.arms import ARMS, DEFAULT_ARMS, GAN, Arm
from ganaug.comparison.checks import check_task
from ganaug.comparison.classifiers import CLASSIFIERS
from ganaug.comparison.evaluate import Cell
from ganaug.comparison.record import LoggedComparison, check_log, log_comparison
from ganaug.comparison.repetition import evaluate_until_clear
from ganaug.comparison.report import render_report
from ganaug.comparison.result import Comparison
from ganaug.comparison.scores import METRICS
from ganaug.comparison.statistics import SMALLEST_DIFFERENCE, Interval
from ganaug.comparison.verdict import Answer, Choice, Verdict
from ganaug.progress import ComparisonProgress
from ganaug.randomness import seed_from

__all__ = [
    "ARMS",
    "CLASSIFIERS",
    "DEFAULT_ARMS",
    "GAN",
    "METRICS",
    "SMALLEST_DIFFERENCE",
    "Answer",
    "Arm",
    "Cell",
    "Choice",
    "Comparison",
    "Interval",
    "LoggedComparison",
    "Verdict",
    "check_log",
    "compare",
    "log_comparison",
    "render_report",
]


def compare(
    X: pd.DataFrame | ArrayLike,
    y: pd.Series | ArrayLike,
    *,
    arms: Iterable[str | Arm] | None = None,
    classifiers: Iterable[str] | Mapping[str, BaseEstimator] | None = None,
    cv: int | BaseCrossValidator | Iterable[tuple[ArrayLike, ArrayLike]] | None = None,
    budget: float | None = None,
    random_state: int | np.random.RandomState | np.random.Generator | None = 0,
    n_jobs: int | None = None,
    verbose: Literal["auto"] | bool | ComparisonProgress = "auto",
    memory: str | Path | Memory | None = None,
) -> Comparison:
    """Compare ways to deal with a rare class, on real held-out rows.

    Every arm is cross-validated with every classifier on the same stratified folds. Rows are
    added to training folds only, and made once per fold for all classifiers. Missing values,
    levels and dates are turned into numbers inside the training fold, after rows were added.

    Parameters
    ----------
    X : DataFrame, array or list of shape (n_rows, n_columns)
        Any mixed table, a DataFrame of polars or a Table of pyarrow, too. Arms get it in pandas.
    y : array of shape (n_rows,)
        Labels: text, whole numbers or booleans, of one kind; every class needs two rows, and all
        rows weigh the same.
    arms : iterable of str or Arm, optional
        Names from `ARMS`, or new arms; `DEFAULT_ARMS` if left out. *nothing* is always among them:
        the others are measured against it. Of images, whose pixels are columns, *repeats* belongs
        to what is compared, and is not among the default arms.
    classifiers : iterable of str or mapping of str to classifier, optional
        Names from `CLASSIFIERS`, or classifiers by name. Left out: logistic regression, random
        forest and gradient boosting.
    cv : int, splitter or iterable, optional
        Left out: five stratified folds, shuffled and cut anew until the verdict is clear or the
        budget is spent, ten times at most. A number: so many folds, once. The folds are the first
        ones of scikit-learn's ``RepeatedStratifiedKFold``, and fewer if the rarest class has fewer
        rows. Or exactly those of what scikit-learn takes as ``cv``, such as a splitter. Rows of a
        group stay together with ``StratifiedGroupKFold().split(X, y, groups)``.
    budget : float, optional
        Seconds in which to repeat the folds. The first repetition is always completed, and no
        further one begins that would not end in time. Left out with `cv` left out: about as long
        again as the first repetition took, one minute at least and ten at most.
    random_state : int, RandomState instance or None
        An int gives the same results at every call, whatever `n_jobs` is and whichever other
        arms and classifiers are compared.
    n_jobs : int, optional
        How many (fold, arm) pairs run at the same time. Each uses one thread. Within
        ``joblib.parallel_config("dask")``, ``"ray"`` or ``"spark"`` they run on that cluster.
    verbose : {"auto"}, bool or ComparisonProgress
        "auto" shows progress after two seconds if somebody watches: in a terminal or a notebook.
    memory : path or joblib.Memory, optional
        Folder where every (fold, arm) pair is stored when it is ready: the same call after an
        interruption goes on from there, on another machine too if it sees the folder; workers
        of a cluster need not see it. Fitted GANs are stored there too; the time to train one
        that is loaded does not count. Arms and classifiers must be picklable: a lambda is not.

    Returns
    -------
    Comparison
        With ``results``, ``leaderboard()``, ``differences()``, ``verdict()`` and ``refit()``.

    Notes
    -----
    A comparison that stops as soon as its answer is clear is a little more often misled by chance
    than one of a fixed length. In 20,000 simulated comparisons of two equal arms (five folds, ten
    looks, differences of any two folds correlated by .2) "better" was said of one of them in at
    most 4.4 % of the cases, and in 2 % after one look; where the true difference was the smallest
    that matters, .01, in 6.3 % and 2.5 %.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> comparison = compare(
    ...     X, y, arms=["class-weight", "SMOTE"], classifiers=["logistic-regression"], cv=3
    ... )
    >>> comparison.arms
    ['nothing', 'class-weight', 'SMOTE']
    >>> comparison.results.shape
    (9, 10)
    >>> comparison.differences("balanced_accuracy")[["arm", "classifier", "finding"]]
                arm           classifier finding
    0  class-weight  logistic-regression  unsure
    1  class-weight                  all  unsure
    2         SMOTE  logistic-regression  unsure
    3         SMOTE                  all  unsure
    >>> comparison.refit("SMOTE", "logistic-regression").predict(X[:2])
    array([0, 0])
    """
    task = check_task(
        X,
        y,
        arms=arms,
        classifiers=classifiers,
        cv=cv,
        seed=seed_from(random_state),
        budget=budget,
        memory=memory,
    )
    shown = verbose if isinstance(verbose, ComparisonProgress) else ComparisonProgress(verbose)
    with shown as progress:
        return evaluate_until_clear(task, budget, n_jobs, progress)
