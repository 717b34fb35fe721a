"""Classifiers that augment their training rows in ``fit`` and predict on real rows only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.stats import rankdata
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    _fit_context,
)
from sklearn.metrics import average_precision_score, get_scorer, get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.utils import (
    Tags,
    _safe_indexing,
    assert_all_finite,
    column_or_1d,
    get_tags,
    indexable,
)
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _estimator_has, check_is_fitted, validate_data

from ganaug.augmenter import GANAugmenter
from ganaug.autologging import without_autologging
from ganaug.callbacks import CallbackSupportMixin
from ganaug.draws import (
    ask_for,
    average_draws,
    choice_of,
    class_shares,
    clone_seeded,
    correct_prior,
    decision_shares,
    draw_rows,
    growing_shares,
    rows_it_adds,
    seed_of,
    subseed,
)
from ganaug.randomness import seed_from

# Purposes of the private random streams, so that no two of them are the same.
_AUGMENTER, _DRAW, _ESTIMATOR, _FOLD = range(4)

# Where the search lets ``predict`` decide besides where the draws do: see ``best_balance_``. At 0
# it decides where nothing is added; as one place more to try it only added to the noise.
BALANCES = (0.25, 0.5, 0.75, 1.0, 1.25)

_first_estimator_has = partial(_estimator_has, delegates=("estimators_", "estimator"))


class AugmentedClassifier(CallbackSupportMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    r"""Train a classifier on augmented rows; predict on real ones.

    ``fit`` adds synthetic rows to the training set and trains clones of ``estimator`` on it.
    Nothing is added at prediction time, so the classifier can be cross-validated, searched,
    calibrated and stacked like any other: only training folds are ever augmented.

    Parameters
    ----------
    estimator : classifier
        What is trained. It is cloned, never fitted itself.

    augmenter : GANAugmenter, imbalanced-learn sampler or None, default=None
        Where the extra training rows come from. A :class:`~ganaug.GANAugmenter` (anything with
        ``fit``, ``sample`` and ``transform``) is fitted once and sampled ``n_draws`` times. An
        imbalanced-learn sampler or pipeline of samplers (anything with ``fit_resample``) is
        cloned and run for each draw. None adds nothing: the baseline to compare with.

    n_draws : int, default=5
        Number of clones of ``estimator``, each trained on the real rows and a fresh draw of
        synthetic ones. The first draw adds none of the rows that the augmenter is set to, the
        last all, and those between a share that grows evenly: a classifier that has seen many
        synthetic rows finds rare ones, one that has seen few ranks them well, and together they
        do both. Without an augmenter there is nothing to draw, and one clone is trained.

    correct_prior : bool, default=False
        Whether ``predict_proba`` gives probabilities for the class shares of the training rows
        rather than for those of the augmented ones, under which the rare class is overestimated.
        ``predict`` decides as without: what augmentation gains there is kept. It needs an
        ``estimator`` with ``predict_proba`` that does not itself weigh classes or balance them,
        for its probabilities are taken to be those of the rows it is given.

    n_jobs : int, default=None
        Number of clones trained at the same time. The draws are made in the calling process.
        Results are the same for any number.

    random_state : int, RandomState instance or None, default=None
        Pass an int for the same results at every call: it sets each ``random_state`` of the
        augmenter and of the estimator, nested ones included. With None those keep the values they
        were given.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.

    estimators_ : list of classifiers
        The ``n_draws`` fitted clones.

    draw_shares_ : ndarray of shape (n_draws, n_classes)
        The share of each class among the rows of each draw.

    class_shares_ : ndarray of shape (n_classes,)
        The same among the real training rows.

    decision_shares_ : ndarray of shape (n_classes,) or None
        The class shares that ``predict`` decides for: the odds of two classes at ``class_shares_``
        are multiplied by how much the odds of these shares differ. None: the only clone decides
        itself or, without ``predict_proba``, all of them do.

    augmenter_ : GANAugmenter or None
        The fitted augmenter that every draw was sampled from. None where there is none, as for
        an imbalanced-learn sampler, which only lives as long as its draw.

    n_features_in_ : int
        Number of features seen in ``fit``.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features seen in ``fit``, where all of them are strings.

    See Also
    --------
    AugmentedClassifierCV : Chooses how much to add by cross-validation.
    GANOverSampler : The GAN as an imbalanced-learn sampler, for its Pipeline.

    Notes
    -----
    ``X`` reaches the augmenter and the estimator as it is: DataFrames keep their dtypes and their
    missing values if both can deal with them. Preprocessing that a distance or a linear model
    needs belongs into ``estimator``, as a Pipeline, so that the augmenter sees the raw columns.

    Draws have different class shares :math:`q`, so each clone's probabilities are first brought
    to the shares :math:`\pi` of the training rows, :math:`p'_c \propto p_c \pi_c / q_c` [1]_, and
    then averaged [2]_. With ``correct_prior`` that is what ``predict_proba`` returns; without, they
    are brought to ``decision_shares_``, where ``predict`` decides: the shares of the draws that add
    rows, averaged as logarithms, for it is their ratios that count.
    Without ``predict_proba`` the clones vote, but for two classes, where their decision functions
    are averaged if there are any.

    How many rows are a share is known of GANAugmenter and of imbalanced-learn's over-samplers.
    Pipelines of samplers, and samplers that remove rows, do the same in every draw.

    Where ``decision_shares_`` decide, a threshold that was tuned inside ``estimator`` has no say,
    as in any average of probabilities: put
    :class:`sklearn.model_selection.TunedThresholdClassifierCV` around this classifier, not inside.

    Callbacks that scikit-learn propagates reach the augmenter.

    References
    ----------
    .. [1] M. Saerens, P. Latinne, C. Decaestecker, "Adjusting the outputs of a classifier to new
       a priori probabilities: a simple procedure", Neural Computation 14, 2002.
    .. [2] L. Breiman, "Bagging predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from ganaug import AugmentedClassifier, GANAugmenter
    >>> X, y = make_classification(400, weights=[0.95], flip_y=0, random_state=0)
    >>> model = AugmentedClassifier(
    ...     LogisticRegression(), GANAugmenter(steps=30), n_draws=3, random_state=0
    ... ).fit(X, y)
    >>> model.predict_proba(X[:2]).shape
    (2, 2)
    >>> len(model.estimators_)
    3
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict"])],
        "augmenter": [HasMethods(["fit", "sample", "transform"]), HasMethods("fit_resample"), None],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "correct_prior": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        augmenter: Any = None,
        *,
        n_draws: int = 5,
        correct_prior: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.augmenter = augmenter
        self.n_draws = n_draws
        self.correct_prior = correct_prior
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)  # estimator and augmenter are the caller's
    def fit(self, X: Any, y: Any) -> AugmentedClassifier:
        """Augment the training rows and train on them.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,)
            Their class labels.

        Returns
        -------
        AugmentedClassifier
            The fitted classifier.
        """
        X, y = self._check_training_rows(X, y)
        seed = self._seed()
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        source = self._fit_augmenter(X, y, seed, context.subcontext(task_name="fit-augmenter"))
        self._fit_estimators(X, y, seed, source)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _get_augmenter(self) -> Any:
        return self.augmenter

    @classmethod
    def of_fitted(
        cls, members: Sequence[Any], draw_shares: Sequence[np.ndarray], y: np.ndarray
    ) -> AugmentedClassifier:
        """Return a fitted classifier that averages others, each fitted on one draw.

        Parameters
        ----------
        members : sequence of fitted classifiers
        draw_shares : sequence of ndarray of shape (n_classes,)
            The class shares that the probabilities of each come out for.
        y : ndarray of shape (n_samples,)
            The real labels.

        Returns
        -------
        AugmentedClassifier
            It has no augmenter; cloned and fitted again, it is its first member on real rows.
        """
        averaged = cls(members[0], n_draws=len(members))
        averaged.estimators_ = list(members)
        averaged.augmenter_ = None
        averaged.classes_ = np.unique(y)
        averaged.class_shares_ = class_shares(y)
        averaged.draw_shares_ = np.array(draw_shares)
        averaged._decide_at(None)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(members[0], name):
                setattr(averaged, name, getattr(members[0], name))
        return averaged

    def _check_training_rows(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        # X is left to the augmenter and the estimator: they know which values they can take.
        validate_data(self, X, y, skip_check_array=True)
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        X, y = indexable(X, y)
        self.classes_ = np.unique(y)
        self.class_shares_ = class_shares(y)
        # Not of self, which may still hold what an earlier fit left.
        if self.correct_prior and not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                "correct_prior=True corrects probabilities, and "
                f"{type(self.estimator).__name__} has no predict_proba. Calibrate it first, or "
                "leave correct_prior at False."
            )
        return X, y

    def _seed(self) -> int | None:
        """One seed for everything random in ``fit``; None: parameters keep their own."""
        return None if self.random_state is None else seed_from(self.random_state)

    def _fit_augmenter(
        self,
        X: Any,
        y: np.ndarray,
        seed: int | None,
        context: Any,
        rows: Mapping[Any, int] | None = None,
    ) -> Any:
        """Return what draws are made from: a fitted generative augmenter, a sampler or None."""
        augmenter = self._get_augmenter()
        self.augmenter_ = None
        if augmenter is None or hasattr(augmenter, "fit_resample") or rows == {}:
            return augmenter
        augmenter = clone_seeded(augmenter, seed, _AUGMENTER)
        self.augmenter_ = ask_for(augmenter, y, rows)
        with context.propagate_callback_context(self.augmenter_):
            context.call_on_fit_task_begin(estimator=self, X=X, y=y)
            self.augmenter_.fit(X, y)
            context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self.augmenter_

    def _fit_estimators(
        self,
        X: Any,
        y: np.ndarray,
        seed: int | None,
        source: Any,
        rows: Mapping[Any, int] | None = None,
    ) -> None:
        """Train a clone on each draw; ``rows`` of each class, None: what ``source`` is set to."""
        learned = []

        def draws() -> Iterator[tuple[Any, np.ndarray]]:
            added = rows if rows is not None or source is None else rows_it_adds(source, y)
            nothing = source is None or (added is not None and not any(added.values()))
            n_draws = 1 if nothing else self.n_draws
            own_seed = None if n_draws == 1 else seed_of(source)
            for draw, share in enumerate(growing_shares(n_draws)):
                draw_seed = subseed(own_seed if seed is None else seed, _DRAW, draw)
                X_draw, y_draw = draw_rows(X, y, source, rows, draw_seed, share)
                learned.append(class_shares(y_draw))
                yield X_draw, y_draw

        # Autologging would score the clones on augmented rows as if they were real.
        with without_autologging():
            # Dispatched at once, so that every draw is made in this thread.
            self.estimators_ = Parallel(n_jobs=self.n_jobs, pre_dispatch="all")(
                delayed(clone_seeded(self.estimator, seed, _ESTIMATOR, draw).fit)(*rows_of_draw)
                for draw, rows_of_draw in enumerate(draws())
            )
        self.draw_shares_ = np.array(learned)
        self._decide_at(None)

    @available_if(_first_estimator_has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities, averaged over the draws at the same class shares.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column a class, in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self._probabilities(X, self.class_shares_ if self.correct_prior else None)

    def _probabilities(self, X: Any, shares: np.ndarray | None = None) -> np.ndarray:
        """Return the average over the draws at ``shares``, None: where ``predict`` decides."""
        each = self._ask(X)
        shares = self.decision_shares_ if shares is None else shares
        if shares is None:
            return each[0]
        mean = average_draws(each, list(self.draw_shares_), self.class_shares_)
        return correct_prior(mean, self.class_shares_, shares)

    def _ask(self, X: Any) -> list[np.ndarray]:
        """Return what each clone says."""
        return [fitted.predict_proba(X) for fitted in self.estimators_]

    def _decide_at(self, balance: float | None) -> None:
        """Set the shares to decide for: real ones at 0, equal ones at 1, the draws' at None."""
        if balance is not None:
            weights = self.class_shares_ ** (1 - balance)
            self.decision_shares_: np.ndarray | None = weights / weights.sum()
        elif len(self.estimators_) > 1 and hasattr(self, "predict_proba"):
            self.decision_shares_ = decision_shares(list(self.draw_shares_))
        else:
            self.decision_shares_ = None

    @available_if(_first_estimator_has("predict_proba"))
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of ``predict_proba``.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column a class, in the order of ``classes_``.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @available_if(_first_estimator_has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Log odds at ``decision_shares_`` or, if None, an average over the draws.

        Positive where ``predict`` decides for the second of two classes.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Of two classes, how much likelier the second is.
        """
        check_is_fitted(self)
        if self.decision_shares_ is None:
            each = [fitted.decision_function(X) for fitted in self.estimators_]
            return np.mean(each, axis=0)
        # Certain members may agree; their odds stay finite.
        scores = np.log(np.maximum(self._probabilities(X), np.finfo(float).tiny))
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """Class labels: the likeliest at ``decision_shares_`` or, if None, what the clones say.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples,)
            One of ``classes_`` for each row.
        """
        check_is_fitted(self)
        if self.decision_shares_ is not None:
            scores = self._probabilities(X)
        elif len(self.estimators_) == 1:
            return self.estimators_[0].predict(X)
        elif hasattr(self, "decision_function") and len(self.classes_) == 2:
            scores = self.decision_function(X)
        else:  # with more classes the columns may stand for pairs of them
            votes = [fitted.predict(X)[:, None] == self.classes_ for fitted in self.estimators_]
            scores = np.sum(votes, axis=0)
        chosen = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)
        return self.classes_[chosen]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        parts = [self.estimator, self._get_augmenter()]
        inputs = [get_tags(part).input_tags for part in parts if part is not None]
        for kind in ("allow_nan", "sparse", "categorical", "string", "three_d_array"):
            setattr(tags.input_tags, kind, all(getattr(part, kind) for part in inputs))
        of_estimator = get_tags(self.estimator).classifier_tags
        if of_estimator is not None:
            tags.classifier_tags.multi_class = of_estimator.multi_class
        return tags


class AugmentedClassifierCV(AugmentedClassifier):
    r"""An :class:`AugmentedClassifier` that finds out how much to add, and where to decide.

    Every training fold of an inner cross-validation fits the augmenter once; each of ``amounts``
    is then tried on it and scored on the real rows held out. The best amount is used for a last
    fit on all rows. More rows of a rare class can make a classifier worse, so 0 is among the
    ``amounts`` by default. With a ``scoring`` of your own each amount is also tried with
    ``predict`` deciding in different places: F1 and balanced accuracy want different ones.

    Parameters
    ----------
    estimator : classifier
        What is trained. It is cloned, never fitted itself.

    augmenter : GANAugmenter or imbalanced-learn sampler, default=None
        As for :class:`AugmentedClassifier`, but None means ``GANAugmenter()``. Its
        ``sampling_strategy`` is set to what each of ``amounts`` asks for, whatever it was.

    amounts : array-like of float, default=(0.0, 0.25, 0.5, 1.0)
        The amounts to try, each between 0 and 1. Every class with fewer rows than ``amount``
        times those of the largest class is brought up to that number: 0 adds nothing, 1 gives
        all classes the same number of rows. No row is ever removed.

    scoring : str, callable or None, default=None
        What is maximized: the name of a scikit-learn scorer, or ``scorer(estimator, X, y)``.
        None is the average precision of each class but the largest against the rest, averaged
        over these classes. With two classes this is the average precision of the rarer one,
        whatever its label. For a score of probabilities, such as the Brier score, set
        ``correct_prior`` as well.

    cv : int, cross-validation generator or iterable, default=5
        The inner cross-validation; an int means that many stratified folds.

    n_draws : int, default=5
        Number of clones of ``estimator`` to average, as for :class:`AugmentedClassifier`, in
        each inner fold and in the last fit; for an amount of 0 it is one. The draws of an amount
        add from nothing up to it.

    correct_prior : bool, default=False
        As for :class:`AugmentedClassifier`, in the inner folds too.

    n_jobs : int, default=None
        Number of inner folds run at the same time, then of clones trained at the same time.
        Results are the same for any number.

    random_state : int, RandomState instance or None, default=None
        As for :class:`AugmentedClassifier`.

    Attributes
    ----------
    best_amount_ : float
        The amount with the best mean score; of equally good ones, the smallest.

    best_balance_ : float or None
        Where ``predict`` decides with it: at 0 for class shares as they are in the training rows,
        at 1 for equal ones, beyond for more of the rarer classes. None: as an
        :class:`AugmentedClassifier` does, for no other place was better.

    best_score_ : float
        Its mean score over the inner folds.

    cv_results_ : dict of ndarray
        For a DataFrame: ``amount``, ``balance`` (NaN: as an :class:`AugmentedClassifier`),
        ``split0_test_score`` and so on for each fold, ``mean_test_score``, ``std_test_score`` and
        ``rank_test_score``. Amounts are in the order of ``amounts``, each with every balance.

    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.

    estimators_ : list of classifiers
        The ``n_draws`` clones fitted on all rows with the best amount.

    draw_shares_, class_shares_, decision_shares_ : ndarray
        As for :class:`AugmentedClassifier`.

    augmenter_ : GANAugmenter or None
        The augmenter of that last fit. None if the best amount adds nothing, or for an
        imbalanced-learn sampler.

    n_features_in_ : int
        Number of features seen in ``fit``.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features seen in ``fit``, where all of them are strings.

    See Also
    --------
    AugmentedClassifier : The same with a given amount.

    Notes
    -----
    Within a fold the smaller draws of a GANAugmenter are parts of the largest one, and clones
    share their seeds between amounts: what differs between two scores is the amount.

    For a balance :math:`b` decisions are made at class shares in proportion to
    :math:`\pi_c^{1 - b}`, where :math:`\pi` are those of the training rows. Of two classes that
    moves a threshold; of more it moves all of them together. Five balances from 0.25 to 1.25 are
    tried if ``scoring`` is given and ``estimator`` has ``predict_proba``, which then comes out for
    these shares as well, unless ``correct_prior`` is set. What is said there of an ``estimator``
    that weighs or balances classes itself holds for balances too.

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
    >>> model.set_params(scoring="f1").fit(X, y).cv_results_["mean_test_score"].shape
    (12,)
    """

    _parameter_constraints: ClassVar[dict] = {
        **AugmentedClassifier._parameter_constraints,
        "amounts": ["array-like"],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "cv": ["cv_object"],
    }

    def __init__(
        self,
        estimator: Any,
        augmenter: Any = None,
        *,
        amounts: Sequence[float] = (0.0, 0.25, 0.5, 1.0),
        scoring: str | Callable | None = None,
        cv: Any = 5,
        n_draws: int = 5,
        correct_prior: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            estimator,
            augmenter,
            n_draws=n_draws,
            correct_prior=correct_prior,
            n_jobs=n_jobs,
            random_state=random_state,
        )
        self.amounts = amounts
        self.scoring = scoring
        self.cv = cv

    @_fit_context(prefer_skip_nested_validation=False)  # estimator and augmenter are the caller's
    def fit(self, X: Any, y: Any) -> AugmentedClassifierCV:
        """Choose by cross-validation, then augment and train on all rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,)
            Their class labels.

        Returns
        -------
        AugmentedClassifierCV
            The fitted classifier.
        """
        X, y = self._check_training_rows(X, y)
        amounts = self._check_amounts()
        scorer = self._get_scorer(y)
        searched = self.scoring is not None and hasattr(self.estimator, "predict_proba")
        balances = (None, *BALANCES) if searched else (None,)
        folds = self._inner_folds(X, y)
        seed = self._seed()
        context = self._init_callback_context(
            max_subtasks=len(folds) + 1, sequential_subtasks=False
        )
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        # Made beforehand: the tree of contexts must not grow while workers hold parts of it.
        contexts = [
            context.subcontext(task_name="inner-fold", task_id=fold) for fold in range(len(folds))
        ]
        refit_context = context.subcontext(task_name="refit", task_id=len(folds))
        scores = Parallel(n_jobs=self.n_jobs)(
            delayed(_score_amounts)(
                _Candidate(
                    self.estimator,
                    self._get_augmenter(),
                    n_draws=self.n_draws,
                    correct_prior=self.correct_prior,
                    random_state=subseed(seed, _FOLD, fold),
                ),
                X,
                y,
                *folds[fold],
                amounts=amounts,
                balances=balances,
                scorer=scorer,
                context=contexts[fold],
            )
            for fold in range(len(folds))
        )
        self._choose([(a, b) for a in amounts for b in balances], np.array(scores))
        rows = _rows_to_add(y, self.best_amount_)
        source = self._fit_augmenter(X, y, seed, refit_context, rows)
        self._fit_estimators(X, y, seed, source, rows)
        self._decide_at(self.best_balance_)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _get_augmenter(self) -> Any:
        return GANAugmenter() if self.augmenter is None else self.augmenter

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

    def _get_scorer(self, y: np.ndarray) -> Callable:
        if self.scoring is not None:
            return get_scorer(self.scoring)
        decides = hasattr(self.estimator, "decision_function") and len(self.classes_) == 2
        if not hasattr(self.estimator, "predict_proba") and not decides:
            raise ValueError(
                "scoring=None ranks rows by predict_proba or, for two classes, decision_function, "
                f"and {type(self.estimator).__name__} has neither. Pass a scoring that works on "
                "labels, such as 'balanced_accuracy'."
            )
        labels, counts = np.unique(y, return_counts=True)
        return partial(_average_precision, classes=np.delete(labels, counts.argmax()))

    def _inner_folds(self, X: Any, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        folds = list(check_cv(self.cv, y, classifier=True).split(X, y))
        for fold, (train, _) in enumerate(folds):
            absent = np.setdiff1d(self.classes_, y[train]).tolist()
            if absent:
                raise ValueError(
                    f"Inner fold {fold} of cv={self.cv!r} has no training row of class "
                    f"{absent[0]!r}, which has {np.sum(y == absent[0])} row(s) in all. Use another "
                    "cv, or AugmentedClassifier with a fixed amount."
                )
        return folds

    def _choose(self, tried: list[tuple[float, float | None]], scores: np.ndarray) -> None:
        """Set what the search found; ``scores`` has a row for each fold, a column for each try."""
        known = np.isfinite(scores)
        needed = np.array([balance is None for _, balance in tried])
        if not known[:, needed].all():
            fold, column = np.argwhere(~known & needed)[0]
            raise ValueError(
                f"scoring={self.scoring!r} gave {scores[fold, column]} for amount "
                f"{tried[column][0]} on inner fold {fold}, so amounts cannot be compared. Its rows "
                "may lack a class: use another scoring or fewer folds."
            )
        mean = scores.mean(axis=0)
        # A place to decide where a fold has no score, such as a precision of no rows, cannot win.
        comparable = np.where(known.all(axis=0), mean, -np.inf)
        self.best_score_ = float(comparable.max())
        # The smallest amount of the best, and of its balances the first.
        best = [tried[column] for column in np.flatnonzero(comparable == self.best_score_)]
        amount, self.best_balance_ = min(best, key=lambda one: one[0])
        self.best_amount_ = float(amount)
        self.cv_results_ = {
            "amount": np.array([amount for amount, _ in tried]),
            "balance": np.array([balance for _, balance in tried], dtype=float),
            **{f"split{fold}_test_score": row for fold, row in enumerate(scores)},
            "mean_test_score": mean,
            "std_test_score": scores.std(axis=0),
            "rank_test_score": rankdata(-comparable, method="min").astype(np.int32),
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
            self.draws[random_state] = self.augmenter.sample(
                self.largest, random_state=random_state, **choice_of(self.augmenter)
            )
        X, y = self.draws[random_state]
        kept = np.concatenate([np.flatnonzero(y == label)[:rows] for label, rows in n.items()])
        return _safe_indexing(X, kept), y[kept]


class _Candidate(AugmentedClassifier):
    """One whose clones are asked about the rows to score once, for all places to decide."""

    _seen: Any = None
    _said: Sequence[np.ndarray] = ()

    def remember(self, X: Any) -> None:
        """Ask about ``X``."""
        if hasattr(self, "predict_proba"):
            self._seen, self._said = X, super()._ask(X)

    def _ask(self, X: Any) -> list[np.ndarray]:
        # A scorer may write into what it gets.
        return [p.copy() for p in self._said] if X is self._seen else super()._ask(X)


def _score_amounts(
    classifier: _Candidate,
    X: Any,
    y: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    *,
    amounts: np.ndarray,
    balances: Sequence[float | None],
    scorer: Callable,
    context: Any,
) -> list[float]:
    """Score every amount with every balance on one inner fold, with one fitted augmenter."""
    X_test, y_test = _safe_indexing(X, test), y[test]
    X, y = classifier._check_training_rows(_safe_indexing(X, train), y[train])
    seed = classifier._seed()
    largest = _rows_to_add(y, amounts.max())
    source = classifier._fit_augmenter(X, y, seed, context, largest)
    if classifier.augmenter_ is not None:
        source = _NestedDraws(source, largest)
    scores = []
    for amount in amounts:
        classifier._fit_estimators(X, y, seed, source, _rows_to_add(y, amount))
        classifier.remember(X_test)
        for balance in balances:
            classifier._decide_at(balance)
            scores.append(scorer(classifier, X_test, y_test))
    return scores


def _rows_to_add(y: np.ndarray, amount: float) -> dict[Any, int]:
    """Rows that each rarer class lacks to ``amount`` times the largest one."""
    labels, counts = np.unique(y, return_counts=True)
    wanted = int(amount * counts.max())
    return {
        label: wanted - count
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True)
        if count < wanted
    }


def _average_precision(classifier: Any, X: Any, y: np.ndarray, *, classes: np.ndarray) -> float:
    """Average precision of each of ``classes`` present in ``y`` against the rest, averaged."""
    if hasattr(classifier, "predict_proba"):
        scores = classifier.predict_proba(X)
    else:
        scores = classifier.decision_function(X)
        scores = np.column_stack([-scores, scores])
    precisions = [
        average_precision_score(y == label, scores[:, column])
        for column, label in enumerate(classifier.classes_)
        if label in classes and label in y
    ]
    return float(np.mean(precisions)) if precisions else np.nan
