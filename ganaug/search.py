"""A classifier that finds out by cross-validation how many rows to add, and where to decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import BaseCrossValidator, check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.parallel import Parallel, delayed

from ganaug.augmenter import GANAugmenter
from ganaug.draws import FOLD, sample_rows, seed_of
from ganaug.ensemble import AugmentedClassifier
from ganaug.parameters import (
    ARRAY_LIKE,
    CALLABLE,
    NONE,
    has_methods,
    is_a,
    one_of,
    whole,
)
from ganaug.priors import TAUS, weighing_parameters
from ganaug.randomness import subseed
from ganaug.routing import FitMetadata, Training, routing_enabled
from ganaug.scoring import BEST_DECISION, RANKING, scorer_for, scorer_takes_weights
from ganaug.targets import class_counts, rows_to_add
from ganaug.typing import Augmenter, Classifier, MemoryLike, RandomState, Sampler

#: How many standard errors rows must gain over none to be added.
SURE = 0.5


class AugmentedClassifierCV(AugmentedClassifier):
    r"""An :class:`AugmentedClassifier` that chooses how many rows to add, and where to decide.

    Every training fold of an inner cross-validation fits the augmenter once; each of ``amounts``
    is then tried on it and scored on the real rows held out. The best amount is used for a last
    fit on all rows. More rows of a rare class can make a classifier worse, so 0 is among the
    ``amounts`` by default, and rows are added only if they gain more than chance would.

    ``predict`` decides where ``scoring`` is best. For some scores it is known where that is; for
    others each amount is also tried with several strengths of logit adjustment [1]_.

    Parameters
    ----------
    estimator : classifier
        What is trained. It is cloned, never fitted itself.

    augmenter : GANAugmenter or imbalanced-learn sampler, default=None
        As for :class:`AugmentedClassifier`, but None means ``GANAugmenter()``. Its
        ``sampling_strategy`` is replaced for each of ``amounts``.

    amounts : array-like of float, default=(0.0, 1.0)
        The amounts to try, each between 0 and 1. Every class with fewer rows than ``amount`` times
        those of the largest class is brought up to that number: 0 adds nothing, 1 gives all classes
        the same number of rows. No row is ever removed. The draws of an amount add from nothing up
        to it, so to try amounts between 0 and 1 as well seldom pays.

    scoring : str, callable or None, default=None
        What is maximized: the name of a scikit-learn scorer, or ``scorer(estimator, X, y)``.
        None is the average precision of each class but the largest against the rest, averaged
        over these classes, with the weights of rows if there are any. With two classes this is the
        average precision of the rarer one, whatever its label. With a callable that scores
        probabilities, set ``correct_prior`` as well.

    cv : int, cross-validation generator or iterable, default=5
        The inner cross-validation; an int means that many stratified folds. ``groups`` that
        ``fit`` is given go to it. What an iterator gives is kept for later fits.

    n_draws : int, default=5
        As for :class:`AugmentedClassifier`, in each inner fold and in the last fit. For an amount
        of 0 there is one draw; those of another amount add from nothing up to it.

    decide_for : str, float, array-like or None, default=None
        As for :class:`AugmentedClassifier`, but None means what ``scoring`` is best for.

    correct_prior : bool, default=False
        As for :class:`AugmentedClassifier`, in each inner fold and in the last fit.

    memory : joblib.Memory, str, Path or None, default=None
        As for :class:`AugmentedClassifier`: the augmenter of each inner fold is kept, and the last
        one.

    n_jobs : int, default=None
        Number of inner folds run at the same time, then of clones trained at the same time.
        Results are the same for any number.

    random_state : int, RandomState instance or None, default=None
        As for :class:`AugmentedClassifier`.

    Attributes
    ----------
    best_amount_ : float
        The amount with the best mean score; of equally good ones, the smallest. If 0 was tried, it
        is 0 unless the best one gains more over it than half a standard error of that gain.

    best_tau_ : float or None
        The strength of logit adjustment that was best with that amount. At 0 ``predict`` would
        decide at the class prior of the training rows, at 1 it decides at an equal prior, and
        above 1 it favours rare classes more. None: nothing had to be tried, or no strength was
        better than to decide as an :class:`AugmentedClassifier` does.

    best_score_ : float
        The mean score of the two over the inner folds.

    cv_results_ : dict of ndarray
        For a DataFrame: ``amount``, ``tau`` (NaN: none was tried),
        ``split0_test_score`` and so on for each fold, ``mean_test_score``, ``std_test_score`` and
        ``rank_test_score``, in which the chosen amount is not the first if it did not gain enough.
        Amounts are in the order of ``amounts``, each with every ``tau``.

    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.

    estimators_ : list of classifiers
        The ``n_draws`` clones fitted on all rows with the best amount.

    augmenter_ : GANAugmenter or None
        The augmenter of the last fit, on all rows. None if the best amount adds nothing, or for
        an imbalanced-learn sampler.

    class_prior_, draw_priors_, draw_sizes_, probability_prior_ : ndarray
    decision_prior_, decision_costs_ : ndarray or None
        As for :class:`AugmentedClassifier`, of the last fit; so are ``classes_``,
        ``estimators_``, ``n_features_in_`` and ``feature_names_in_``.

    See Also
    --------
    AugmentedClassifier : The same with a given amount.

    Notes
    -----
    Within a fold the smaller draws of a GANAugmenter are the first rows of the largest one, and
    clones have the same seeds for all amounts, so that two scores differ by the amount alone.

    An amount of 0 is one clone of the estimator, trained on the rows as they are. The gain of the
    best amount is the mean over the inner folds of the difference to 0, each at its best decision.
    Half of its standard error is less than the whole one of the usual rule [2]_, because rows help
    on most tables.

    Post-hoc logit adjustment of strength :math:`\tau` decides at a class prior in proportion to
    :math:`\pi_c^{1 - \tau}`, where :math:`\pi` is that of the training rows [1]_. With two classes
    it moves a threshold; with more it moves all of them together. Five strengths from 0.25 to 1.25
    are tried if ``estimator`` has ``predict_proba``, which then comes out at that prior as well,
    unless ``correct_prior`` is set. As with ``correct_prior``, ``estimator`` must not itself weigh
    classes or balance them.

    These strengths are not tried if ``decide_for`` is set, for rankings (``"average_precision"``,
    ``"roc_auc"``), which need no decision, and for names of scores whose best decision is known:
    accuracy, log loss and Brier score at the class prior of the training rows,
    ``"balanced_accuracy"`` at an equal one. For ``"f1"`` it is better to try five than to follow
    theory, which has to estimate what F1 can be reached. With an ``estimator`` that weighs classes
    no best decision is known, so all are tried.

    References
    ----------
    .. [1] A. K. Menon, S. Jayasumana, A. S. Rawat, H. Jain, A. Veit, S. Kumar, "Long-tail learning
       via logit adjustment", ICLR 2021.
    .. [2] L. Breiman, J. Friedman, R. Olshen, C. Stone, "Classification and regression trees",
       Wadsworth 1984, section 3.4.3.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ganaug import AugmentedClassifierCV, GANAugmenter
    >>> X, y = make_classification(400, weights=[0.95], flip_y=0, random_state=0)
    >>> model = AugmentedClassifierCV(
    ...     LogisticRegression(), GANAugmenter(steps=30), amounts=[0, 0.5], cv=2, random_state=0
    ... ).fit(X, y)
    >>> model.best_amount_ in (0.0, 0.5)
    True
    >>> model.cv_results_["mean_test_score"].shape
    (2,)
    >>> model.set_params(scoring="f1_macro").fit(X, y).cv_results_["mean_test_score"].shape
    (12,)
    """

    parameter_rules: ClassVar[dict] = {
        **AugmentedClassifier.parameter_rules,
        "amounts": (ARRAY_LIKE,),
        "scoring": (one_of(get_scorer_names()), CALLABLE, NONE),
        "cv": (
            whole(2),
            has_methods("split", "get_n_splits"),
            is_a("an iterable of (training rows, test rows)", list, tuple, Iterator),
            NONE,
        ),
    }

    #: An iterator that was ``cv``, and the splits it gave.
    _read: tuple[Any, list] | None = None

    def __init__(
        self,
        estimator: Classifier,
        augmenter: Augmenter | Sampler | None = None,
        *,
        amounts: ArrayLike = (0.0, 1.0),
        scoring: str | Callable | None = None,
        cv: int | BaseCrossValidator | Iterable | None = 5,
        n_draws: int = 5,
        decide_for: str | float | ArrayLike | None = None,
        correct_prior: bool = False,
        memory: MemoryLike = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        super().__init__(
            estimator,
            augmenter,
            n_draws=n_draws,
            decide_for=decide_for,
            correct_prior=correct_prior,
            memory=memory,
            n_jobs=n_jobs,
            random_state=random_state,
        )
        self.amounts = amounts
        self.scoring = scoring
        self.cv = cv

    def _fit(self, X: Any, y: np.ndarray, metadata: FitMetadata, decide_for: Any) -> None:
        amounts, scorer = self._check_amounts(), scorer_for(self.scoring, self.estimator, y)
        training = Training(X, y, metadata)
        folds = self._inner_folds(training)
        seed = self.seed()
        context = self._init_callback_context(
            max_subtasks=len(folds) + 1, sequential_subtasks=False
        )
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        # Made beforehand, because the tree of contexts must not grow while workers hold nodes.
        contexts = [
            context.subcontext(task_name="inner-fold", task_id=fold) for fold in range(len(folds))
        ]
        refit_context = context.subcontext(task_name="refit", task_id=len(folds))
        tried = self._tries(decide_for)
        found = self._search(training, seed, folds, contexts, amounts, tried, scorer)
        training = training.with_weight()
        to_add = rows_to_add(class_counts(training.y), amount=found["best_amount_"])
        source = self._fit_augmenter(training, seed, refit_context, to_add)
        draws = self._fit_estimators(training, seed, source, to_add)
        best = tried[0] if len(tried) == 1 else found["best_tau_"]
        decision = self._find_decision(training, seed, best)
        self.__dict__.update(found)
        self._set_fitted(training, draws, source, decision)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)

    def _route_fit(self, n: int, params: dict[str, Any]) -> FitMetadata:
        metadata = super()._route_fit(n, params)
        if self.scoring is None and metadata.weights is not None:
            return replace(metadata, score={"sample_weight": metadata.weights})
        return metadata

    def _pass_on_fit(self, params: dict[str, Any]) -> dict[str, Any]:
        """As scikit-learn's searches do: ``groups`` to the splitter, weights to the scorer too."""
        routed = super()._pass_on_fit({k: v for k, v in params.items() if k != "groups"})
        routed["splitter"] = {"split": {k: v for k, v in params.items() if k == "groups"}}
        if self.scoring is not None and scorer_takes_weights(get_scorer(self.scoring)):
            weights = {k: v for k, v in params.items() if k == "sample_weight"}
            routed["scorer"] = {"score": weights}
        return routed

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata goes to the estimator, the augmenter, the splitter and the scorer.

        Returns
        -------
        MetadataRouter
            As of every scikit-learn meta-estimator.
        """
        router = super().get_metadata_routing()
        router.add(
            splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split")
        )
        if self.scoring is not None:
            to_scorer = MethodMapping().add(caller="fit", callee="score")
            router.add(scorer=get_scorer(self.scoring), method_mapping=to_scorer)
        return router

    def _get_augmenter(self) -> Any:
        if self.augmenter is not None:
            return self.augmenter
        augmenter = GANAugmenter()
        return augmenter.set_fit_request(sample_weight=True) if routing_enabled() else augmenter

    def _check_amounts(self) -> np.ndarray:
        amounts = np.asarray(self.amounts, dtype=float)
        if amounts.ndim != 1 or not amounts.size or not np.all((amounts >= 0) & (amounts <= 1)):
            raise ValueError(
                f"amounts={self.amounts!r} must be a list of one or more numbers between 0 (add "
                "nothing) and 1 (as many rows as the largest class)."
            )
        augmenter = self._get_augmenter()
        if "sampling_strategy" not in augmenter.get_params():
            raise ValueError(
                f"{type(augmenter).__name__} has no parameter 'sampling_strategy' through which "
                "amounts could be set. Pass an augmenter with one, or use AugmentedClassifier."
            )
        return amounts

    def _inner_folds(self, training: Training) -> list[tuple[np.ndarray, np.ndarray]]:
        X, y, metadata = training
        splitter = check_cv(self._splits(), y, classifier=True)
        folds = list(splitter.split(X, y, **metadata.split))
        if not folds:
            raise ValueError(
                f"cv={self.cv!r} gives no inner fold. An iterator gives its splits once: pass a "
                "list of them, or a splitter."
            )
        weighted = np.isin(np.arange(len(y)), metadata.weighted(len(y)))
        for fold, (train, _) in enumerate(folds):
            absent = np.setdiff1d(y[weighted], y[train][weighted[train]]).tolist()
            if absent:
                raise ValueError(
                    f"Inner fold {fold} of cv={self.cv!r} has no training row of class "
                    f"{absent[0]!r}, which has {np.sum(y[weighted] == absent[0])} row(s) in all. "
                    "Use another cv, or AugmentedClassifier with a fixed amount."
                )
        return folds

    def _splits(self) -> Any:
        """Return ``cv``; of an iterator what it gave at first, because it gives that only once."""
        if not isinstance(self.cv, Iterator):
            return self.cv
        if self._read is None or self._read[0] is not self.cv:
            self._read = self.cv, list(self.cv)
        return self._read[1]

    def _tries(self, decide_for: Any) -> Sequence[Any]:
        """Return each ``decide_for`` to score: the one given or known, or several strengths."""
        if decide_for is not None or not hasattr(self.estimator, "predict_proba"):
            return (decide_for,)
        named = self.scoring if isinstance(self.scoring, str) else None
        if self.scoring is None or named in RANKING:
            return (None,)
        # Known for probabilities at the prior of the rows that were trained on.
        if named in BEST_DECISION and not weighing_parameters(self.estimator):
            return (BEST_DECISION[named],)
        return (None, *TAUS)

    def _search(
        self,
        training: Training,
        seed: int | None,
        folds: Sequence[tuple[np.ndarray, np.ndarray]],
        contexts: Sequence[Any],
        amounts: np.ndarray,
        tried: Sequence[Any],
        scorer: Callable,
    ) -> dict[str, Any]:
        """Score every amount on every fold; return the fitted attributes of the search."""
        candidates = [
            _Candidate(
                self.estimator,
                self._get_augmenter(),
                n_draws=self.n_draws,
                correct_prior=self.correct_prior,
                memory=self.memory,
                random_state=subseed(seed, FOLD, fold),
            )
            for fold in range(len(folds))
        ]
        scores = Parallel(n_jobs=self.n_jobs)(
            # The table as an argument of its own: Dask and Ray then send it to each worker once.
            delayed(_score_amounts)(*training, candidate, *fold, amounts, tried, scorer, context)
            for candidate, fold, context in zip(candidates, folds, contexts, strict=True)
        )
        taus = tried if len(tried) > 1 else (None,)
        return self._choose([(a, tau) for a in amounts for tau in taus], np.array(scores))

    def _choose(
        self, pairs: list[tuple[float, float | None]], scores: np.ndarray
    ) -> dict[str, Any]:
        """Choose a pair of amount and tau by ``scores`` of shape (n_folds, n_pairs)."""
        known = np.isfinite(scores)
        needed = np.array([tau is None for _, tau in pairs])
        if not known[:, needed].all():
            fold, column = np.argwhere(~known & needed)[0]
            raise ValueError(
                f"scoring={self.scoring!r} gave {scores[fold, column]} for amount "
                f"{pairs[column][0]} on inner fold {fold}, so amounts cannot be compared. Its rows "
                "may lack a class: use another scoring or fewer folds."
            )
        mean = scores.mean(axis=0)
        # A tau without a score in a fold, such as a precision of no rows, cannot win.
        comparable = np.where(known.all(axis=0), mean, -np.inf)
        amounts = np.array([amount for amount, _ in pairs])

        def best_of(columns: np.ndarray) -> int:
            """Return the smallest amount of the best, and the first tau with it."""
            best = columns[comparable[columns] == comparable[columns].max()]
            return int(best[amounts[best].argmin()])

        chosen, without = best_of(np.arange(len(pairs))), np.flatnonzero(amounts == 0)
        if without.size and amounts[chosen] > 0:
            nothing = best_of(without)
            gain = scores[:, chosen] - scores[:, nothing]
            error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else 0.0
            chosen = chosen if gain.mean() > SURE * error else nothing
        amount, tau = pairs[chosen]
        return {
            "best_amount_": float(amount),
            "best_tau_": tau,
            "best_score_": float(mean[chosen]),
            "cv_results_": {
                "amount": amounts,
                "tau": np.array([tau for _, tau in pairs], dtype=float),
                **{f"split{fold}_test_score": row for fold, row in enumerate(scores)},
                "mean_test_score": mean,
                "std_test_score": scores.std(axis=0),
                "rank_test_score": rankdata(-comparable, method="min").astype(np.int32),
            },
        }


class _NestedDraws:
    """A fitted augmenter whose smaller draws are the first rows of its largest one."""

    def __init__(self, augmenter: Any, largest: Mapping[Any, int]) -> None:
        self.augmenter = augmenter
        self.seed_ = seed_of(augmenter)
        self.largest = largest
        self.draws: dict[int | None, tuple[Any, np.ndarray]] = {}

    def sample(self, n: Mapping[Any, int], *, random_state: int | None) -> tuple[Any, np.ndarray]:
        if random_state not in self.draws:
            self.draws[random_state] = sample_rows(self.augmenter, self.largest, random_state)
        X, y = self.draws[random_state]
        first = np.concatenate([np.flatnonzero(y == label)[:rows] for label, rows in n.items()])
        return _safe_indexing(X, first), y[first]


class _Candidate(AugmentedClassifier):
    """The classifier that is scored. Its clones predict the held-out rows once for all taus."""

    _held_out: Any = None
    _stored: Sequence[np.ndarray] = ()

    def hold_out(self, X: Any) -> None:
        """Store the probabilities of ``X`` at the first prediction from now on."""
        self._held_out, self._stored = X, ()

    def _probabilities_of_clones(self, X: Any, **params: Any) -> list[np.ndarray]:
        if X is not self._held_out or params:
            return super()._probabilities_of_clones(X, **params)
        self._stored = self._stored or super()._probabilities_of_clones(X)
        return [p.copy() for p in self._stored]  # a scorer may write into what it gets


def _score_amounts(
    X: Any,
    y: np.ndarray,
    metadata: FitMetadata,
    candidate: _Candidate,
    train: np.ndarray,
    test: np.ndarray,
    amounts: np.ndarray,
    tried: Sequence[Any],
    scorer: Callable,
    context: Any,
) -> list[float]:
    """Score every amount with every decision on one inner fold, with one fitted augmenter."""
    training = Training(X, y, metadata)
    held_out, kept = training.take(test).with_weight(), training.take(train).with_weight()
    kept = Training(*candidate._check_training_rows(kept.X, kept.y), kept.metadata)
    seed, counts = candidate.seed(), class_counts(kept.y)
    decisions = [candidate._find_decision(kept, seed, decide_for) for decide_for in tried]
    largest = rows_to_add(counts, amount=amounts.max())
    fitted = source = candidate._fit_augmenter(kept, seed, context, largest)
    if fitted is not None and not hasattr(fitted, "fit_resample"):
        source = _NestedDraws(fitted, largest)
    scores = []
    for amount in amounts:
        to_add = rows_to_add(counts, amount=amount)
        draws = candidate._fit_estimators(kept, seed, source, to_add)
        candidate.hold_out(held_out.X)
        for decision in decisions:
            candidate._set_fitted(kept, draws, fitted, decision)
            scores.append(scorer(candidate, held_out.X, held_out.y, **held_out.metadata.score))
    return scores
