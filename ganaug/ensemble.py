"""A classifier that augments its training rows in ``fit`` and predicts on real rows only."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from joblib import Memory
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import Tags, get_tags, indexable
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import validate_data

from ganaug.autologging import without_autologging
from ganaug.averaging import AveragesClones
from ganaug.callbacks import CallbackSupportMixin, with_callbacks
from ganaug.decisions import (
    METRICS,
    Decision,
    checked_decide_for,
    find_decision,
    predict_out_of_fold,
)
from ganaug.draws import AUGMENTER, ESTIMATOR, draw_rows, set_rows_to_add
from ganaug.frames import as_pandas, check_container
from ganaug.memory import fit_or_load
from ganaug.notebook import ShowsTraining
from ganaug.parameters import (
    ARRAY_LIKE,
    FLAG,
    NONE,
    RANDOM_STATE,
    NamesParameters,
    check_parameters,
    has_methods,
    is_a,
    number,
    one_of,
    whole,
)
from ganaug.priors import class_prior, decision_prior, weighing_parameters
from ganaug.randomness import clone_seeded, seed_from
from ganaug.routing import FitMetadata, RoutesMetadata, Training
from ganaug.targets import plain_labels
from ganaug.typing import (
    Augmenter,
    Classifier,
    LabelsLike,
    MemoryLike,
    RandomState,
    RowsLike,
    Sampler,
)
from ganaug.wrapping import join_input_tags


class Draws(NamedTuple):
    """A clone trained on each draw, and how many rows and which class prior the draw has."""

    estimators: Sequence[Any]
    sizes: np.ndarray
    priors: np.ndarray


class AugmentedClassifier(
    ShowsTraining,
    NamesParameters,
    RoutesMetadata,
    AveragesClones,
    CallbackSupportMixin,
    ClassifierMixin,
    MetaEstimatorMixin,
    BaseEstimator,
):
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
        last all, and those between a fraction that grows evenly: a classifier that has seen many
        synthetic rows finds rare ones, one that has seen few ranks them well, and together they
        do both. Without an augmenter there is nothing to draw, and one clone is trained.

    decide_for : {"accuracy", "balanced_accuracy", "f1"}, float, array-like or None, default=None
        What ``predict`` is for. All but None need an ``estimator`` with ``predict_proba``, and move
        the decision alone: training, and the order of rows by their probability, stay the same.

        - None: the likeliest class at ``decision_prior_``, a mean of the class priors of the draws.
          That is a compromise between F1 and balanced accuracy.
        - ``"accuracy"``: the likeliest class at the class prior of the training rows.
        - ``"balanced_accuracy"``: the likeliest class if all were equally frequent.
        - ``"f1"``: the F1 of the rarer of two classes. A row is called rare if its probability is
          above half of the best F1 that can be reached [3]_. To estimate that, ``fit`` trains three
          more clones, on two thirds of the real rows each. The estimate from ``n`` rare rows has
          the weight ``n / (n + 30)``, and logit adjustment of strength 0.75 has the rest. More
          than two classes are refused: no rule is known for the mean of their F1.
        - a number: the strength tau of post-hoc logit adjustment [4]_: each probability is divided
          by the prior of its class to the power of tau, and the largest wins. 0 is the same as
          ``"accuracy"``, 1 as ``"balanced_accuracy"``, and more favours rare classes more.
        - an array of shape (n_classes, n_classes): costs. ``decide_for[i, j]`` is what it costs to
          predict class ``j`` where class ``i`` is true, in the order of the sorted labels:
          ``"fraud"`` comes before ``"ok"``. The class of least expected cost at the class prior of
          the training rows is predicted [5]_.
        - a pandas DataFrame: costs, too, with the true classes as its index and the predicted ones
          as its columns. It is aligned by these labels, so their order does not matter.

    correct_prior : bool, default=False
        Whether ``predict_proba`` gives probabilities at the class prior of the training rows
        rather than at that of the augmented ones, at which the rare class is overestimated.
        The decisions of ``predict`` stay the same. It needs an ``estimator`` with
        ``predict_proba`` that does not itself weigh classes or balance them, because its
        probabilities are taken to be at the class prior of the rows it is trained on.

    memory : joblib.Memory, str, Path or None, default=None
        A folder in which fitted generative augmenters are kept, as scikit-learn's Pipeline keeps
        its transformers. An augmenter with the same parameters and seed is trained once on the
        same rows, whatever ``estimator`` is: a search over 10 settings of ``estimator`` with 5
        folds trains 5 GANs. Without a seed, here or in the augmenter, no two fits are the same:
        nothing is kept then, and a warning says so. Imbalanced-learn samplers are not kept.

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

    class_prior_ : ndarray of shape (n_classes,)
        The relative frequency of each class among the real training rows, or its share of their
        weights.

    draw_priors_ : ndarray of shape (n_draws, n_classes)
        The same among the training rows of each draw.

    draw_sizes_ : ndarray of shape (n_draws,)
        The number of rows of each draw, real ones included.

    decision_prior_ : ndarray of shape (n_classes,) or None
        The class prior at which ``predict`` decides: probabilities at ``class_prior_`` are
        multiplied by the ratio of the two. None: ``predict`` takes the class of the only clone
        or, without ``predict_proba``, the one that most clones predict.

    decision_costs_ : ndarray of shape (n_classes, n_classes) or None
        The costs that ``decide_for`` gives. None: ``predict`` takes the likeliest class at
        ``decision_prior_``.

    probability_prior_ : ndarray of shape (n_classes,) or None
        The class prior at which ``predict_proba`` gives probabilities: ``class_prior_`` with
        ``correct_prior``, else ``decision_prior_``.

    augmenter_ : GANAugmenter or None
        The fitted augmenter that every draw was sampled from. None without one, and for an
        imbalanced-learn sampler, of which each draw fits a clone.

    n_features_in_ : int
        Number of features seen in ``fit``.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in ``fit``, where all of them are strings.

    See Also
    --------
    AugmentedClassifierCV : Chooses how much to add by cross-validation.
    GANOverSampler : The GAN as an imbalanced-learn sampler, for its Pipeline.

    Notes
    -----
    ``X`` reaches the augmenter and the estimator as it is: DataFrames, of pandas or polars, keep
    their dtypes and their missing values if both can deal with them; an imbalanced-learn sampler
    gets those of polars in pandas. Preprocessing that a distance or a linear model
    needs belongs into ``estimator``, as a Pipeline, so that the augmenter sees the raw columns.

    Draws have different class priors :math:`q`, so each clone's probabilities are first brought
    to the prior :math:`\pi` of the training rows, :math:`p'_c \propto p_c \pi_c / q_c` [1]_, and
    then averaged [2]_. With ``correct_prior`` that is what ``predict_proba`` returns; without, they
    are brought to ``decision_prior_``, where ``predict`` decides: the geometric mean of the priors
    of the draws that add rows, or what ``decide_for`` asks for. So ``predict`` takes the likeliest
    class of ``predict_proba``, but with ``correct_prior`` and with costs.
    Without ``predict_proba`` the clones vote, but for two classes, where their decision functions
    are averaged if there are any.

    Draws grow where it is known how many rows the augmenter adds: for a GANAugmenter, and for
    imbalanced-learn's over-samplers. Pipelines of samplers, and samplers that remove rows, do the
    same in every draw.

    A threshold that was tuned inside ``estimator`` is not used where ``predict`` decides at
    ``decision_prior_``: put :class:`sklearn.model_selection.TunedThresholdClassifierCV` around
    this classifier, not inside.

    Callbacks that scikit-learn propagates reach the augmenter, unless it comes from ``memory``.
    ``memory`` reads pickles: give it a folder that only you can write to.

    References
    ----------
    .. [1] M. Saerens, P. Latinne, C. Decaestecker, "Adjusting the outputs of a classifier to new
       a priori probabilities: a simple procedure", Neural Computation 14, 2002.
    .. [2] L. Breiman, "Bagging predictors", Machine Learning 24, 1996.
    .. [3] Z. C. Lipton, C. Elkan, B. Naryanaswamy, "Optimal thresholding of classifiers to maximize
       F1 measure", ECML PKDD 2014.
    .. [4] A. K. Menon, S. Jayasumana, A. S. Rawat, H. Jain, A. Veit, S. Kumar, "Long-tail learning
       via logit adjustment", ICLR 2021.
    .. [5] C. Elkan, "The foundations of cost-sensitive learning", IJCAI 2001.

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
    >>> model.set_params(decide_for="balanced_accuracy").fit(X, y).decision_prior_
    array([0.5, 0.5])
    """

    parameter_rules: ClassVar[dict] = {
        "estimator": (has_methods("fit", "predict"),),
        "augmenter": (has_methods("fit", "sample", "transform"), has_methods("fit_resample"), NONE),
        "n_draws": (whole(1),),
        "decide_for": (one_of(METRICS), number(low=0), ARRAY_LIKE, NONE),
        "correct_prior": (FLAG,),
        "memory": (is_a("a path or a joblib.Memory", str, Path, Memory), NONE),
        "n_jobs": (is_a("a whole number", Integral), NONE),
        "random_state": RANDOM_STATE,
    }

    def __init__(
        self,
        estimator: Classifier,
        augmenter: Augmenter | Sampler | None = None,
        *,
        n_draws: int = 5,
        decide_for: str | float | ArrayLike | None = None,
        correct_prior: bool = False,
        memory: MemoryLike = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.augmenter = augmenter
        self.n_draws = n_draws
        self.decide_for = decide_for
        self.correct_prior = correct_prior
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state

    @with_callbacks
    def fit(
        self, X: RowsLike, y: LabelsLike, sample_weight: ArrayLike | None = None, **params: Any
    ) -> Self:
        """Augment the training rows and train on them.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,)
            Their class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights for the estimator, which must take them, and for an augmenter that does: a GAN
            draws real rows in proportion. Synthetic rows get the mean weight of their class. Rows
            of weight 0 are left out.

        **params : dict
            Parameters of the estimator's ``fit``, the same for all rows. An
            :class:`AugmentedClassifierCV` takes ``groups`` for its inner cross-validation. With
            scikit-learn's metadata routing these, and ``sample_weight``, go to those that request
            them.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError
            Before anything is trained: if weights are wrong, or nobody takes them; if a parameter
            has a value for each row, which synthetic rows could not have; if ``decide_for`` cannot
            decide between these classes, or by this estimator.
        """
        check_parameters(self)
        learned = self._forget()
        try:
            X, y = self._check_training_rows(X, y)
            metadata = self._route_fit(len(y), {"sample_weight": sample_weight} | params)
            labels = np.unique(y[metadata.weighted(len(y))])
            self._fit(X, y, metadata, checked_decide_for(self.decide_for, labels))
        except BaseException:
            if "estimators_" not in vars(self):  # which is set last; a callback may fail after it
                self._forget()
                self.__dict__ |= learned
            raise
        return self

    def _forget(self) -> dict[str, Any]:
        """Remove what was learned, and return it."""
        learned = {n: v for n, v in vars(self).items() if n.endswith("_") and n[0] != "_"}
        for name in learned:
            delattr(self, name)
        return learned

    def _fit(self, X: Any, y: np.ndarray, metadata: FitMetadata, decide_for: Any) -> None:
        seed = self.seed()
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        training = Training(X, y, metadata).with_weight()
        decision = self._find_decision(training, seed, decide_for)
        subcontext = context.subcontext(task_name="fit-augmenter")
        source = self._fit_augmenter(training, seed, subcontext)
        draws = self._fit_estimators(training, seed, source)
        self._set_fitted(training, draws, source, decision)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)

    def _check_training_rows(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        # The augmenter and the estimator check X, because they know which values they can take.
        check_container(X)
        validate_data(self, X, y, skip_check_array=True)
        y = plain_labels(as_pandas(y, "y"))
        self._check_probabilities()
        return indexable(X, y)

    def _check_probabilities(self) -> None:
        """Raise if there are none where they are needed; warn if they are at an unknown prior."""
        given = {"correct_prior": self.correct_prior or None, "decide_for": self.decide_for}
        asked = " and ".join(f"{name}={v!r}" for name, v in given.items() if v is not None)
        if not asked:
            return
        if not hasattr(self.estimator, "predict_proba"):
            raise ValueError(
                f"{type(self.estimator).__name__} has no predict_proba, without which there is no "
                f"{asked}. Put a CalibratedClassifierCV around it, or leave that out."
            )
        weighing = weighing_parameters(self.estimator)
        if weighing:
            warnings.warn(
                f"With {asked} the probabilities of the estimator are taken to be at the class "
                f"prior of its training rows, but it weighs classes itself: {weighing}. Leave out "
                "one of the two.",
                UserWarning,
                stacklevel=5,  # past fit and what wraps it
            )

    def _find_decision(
        self, training: Training, seed: int | None, decide_for: Any
    ) -> Decision | None:
        rows, params = training.rows(), training.metadata.estimator
        prior = class_prior(rows.y, rows.weights)
        out_of_fold = partial(predict_out_of_fold, self.estimator, rows, seed, params)
        return find_decision(decide_for, np.unique(rows.y), prior, out_of_fold)

    def _get_augmenter(self) -> Any:
        return self.augmenter

    def seed(self) -> int | None:
        """Return the seed of ``fit``.

        Returns
        -------
        int or None
            None: nested ``random_state`` parameters stay as they are given.
        """
        return None if self.random_state is None else seed_from(self.random_state)

    def _fit_augmenter(
        self,
        training: Training,
        seed: int | None,
        context: Any,
        to_add: Mapping[Any, int] | None = None,
    ) -> Any:
        """Return the source of the draws: a fitted generative augmenter, a sampler or None.

        ``to_add`` says how many rows of each class to add; None: ``sampling_strategy`` does.
        """
        augmenter = self._get_augmenter()
        if augmenter is None or to_add == {}:
            return None
        if hasattr(augmenter, "fit_resample"):
            return augmenter
        (X, y, _), metadata = training.rows(), training.metadata.augmenter
        augmenter = clone_seeded(augmenter, seed, AUGMENTER)
        if to_add is not None:
            set_rows_to_add(augmenter, y, to_add)

        def fit() -> None:
            with context.propagate_callback_context(augmenter):
                context.call_on_fit_task_begin(estimator=self, X=X, y=y)
                augmenter.fit(X, y, **metadata)
                context.call_on_fit_task_end(estimator=self, X=X, y=y)

        fit_or_load(augmenter, X, y, fit, self.memory, metadata)
        return augmenter

    def _fit_estimators(
        self,
        training: Training,
        seed: int | None,
        source: Any,
        to_add: Mapping[Any, int] | None = None,
    ) -> Draws:
        """Train a clone on each draw.

        All draws together go up to ``to_add`` of each class; None: what ``source`` is set to.
        """
        sizes, priors = [], []
        metadata = training.metadata

        def fits() -> Iterator[Any]:
            drawn = draw_rows(
                training.rows(), source, to_add, seed, self.n_draws, metadata.augmenter
            )
            for draw, (X, y, weights) in enumerate(drawn):
                sizes.append(len(y))
                priors.append(class_prior(y, weights))
                params = dict(metadata.estimator)
                if weights is not None:
                    params["sample_weight"] = weights
                estimator = clone_seeded(self.estimator, seed, ESTIMATOR, draw)
                yield delayed(estimator.fit)(X, y, **params)

        # Autologging would score the clones on augmented rows as if they were real.
        with without_autologging():
            # Dispatched at once, so that every draw is made in this thread.
            estimators = Parallel(n_jobs=self.n_jobs, pre_dispatch="all")(fits())
        return Draws(estimators, np.array(sizes), np.array(priors))

    def _set_fitted(
        self,
        training: Training,
        draws: Draws,
        source: Any = None,
        decision: Decision | None = None,
    ) -> None:
        """Set all that is learned; without a ``decision`` the draws decide."""
        self.classes_ = np.unique(training.y)
        self.class_prior_ = class_prior(training.y, training.metadata.weights)
        self.draw_sizes_ = draws.sizes
        self.draw_priors_ = draws.priors
        several = len(draws.estimators) > 1
        if decision is None and several and hasattr(draws.estimators[0], "predict_proba"):
            decision = Decision(decision_prior(list(self.draw_priors_)))
        self.decision_prior_, self.decision_costs_ = decision or (None, None)
        self.probability_prior_ = self.class_prior_ if self.correct_prior else self.decision_prior_
        self.augmenter_ = None if hasattr(source, "fit_resample") else source
        self.estimators_ = list(draws.estimators)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimators_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # What was fitted counts, whatever the parameters are by now.
        estimator = getattr(self, "estimators_", [self.estimator])[0]
        both = [estimator, getattr(self, "augmenter_", self._get_augmenter())]
        join_input_tags(tags.input_tags, [one for one in both if one is not None])
        of_estimator = get_tags(estimator).classifier_tags
        if of_estimator is not None:
            tags.classifier_tags.multi_class = of_estimator.multi_class
        return tags
