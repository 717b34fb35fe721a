"""GANAugmenter and GANOverSampler: the faces that scikit-learn and imbalanced-learn know."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from ganaug.callbacks import with_callbacks
from ganaug.containers import as_labels
from ganaug.engine import GANEngine
from ganaug.fitted import ABSENT, array_of
from ganaug.frames import as_pandas, check_container, library_of
from ganaug.registry import ENCODERS, LOSSES, NETWORKS
from ganaug.sources import as_source
from ganaug.training_rows import check_features, check_like_fit
from ganaug.typing import LabelsLike, RowsLike, SourceLike
from ganaug.weights import check_sample_weight

_DOC = """{summary}

    {story}

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        How many rows each class is to have in the end, with imbalanced-learn's meaning: a float
        is the ratio of minority to majority wanted (binary only); ``"minority"``,
        ``"not minority"``, ``"not majority"``, ``"all"`` and ``"auto"`` (= ``"not majority"``)
        bring those classes up to the largest; a dict maps labels to final totals; a callable
        takes ``y`` and returns such a dict.
    network : {networks} or object, default="dense"
        Generator and critic, see {of_networks}; ``set_params(network__width=64)`` works on the
        name as well.
    loss : {losses} or object, default="relativistic"
        The objective of generator and critic, see :mod:`ganaug.losses`.
    encoder : {encoders} or object, default="table"
        How rows become tensors, see {of_encoders}.
    categorical_features : "from_dtype", None, or array-like of bool, int or str, \
default="from_dtype"
        As in :class:`sklearn.ensemble.HistGradientBoostingClassifier`. Strings and booleans are
        categorical in any case.
    steps : int or "auto", default="auto"
        Generator updates. ``"auto"``: so many that each row of the smallest class is seen 256
        times, but at least 300 and at most 800. With two classes and the default batch that is four
        steps for each row of the smaller class. See :func:`~ganaug.generators.gan.steps_for`.
    batch_size : int, default=128
        Real rows per update, drawn evenly over the classes.
    learning_rate : float, default=0.002
        Of Adam at the start; it decays to zero along a half cosine.
    n_candidates : int, default=4
        Rows are drawn without replacement from so many times as many candidates, with probability
        proportional to an importance weight: the critic's estimate of the density ratio of real to
        generated rows [2]_ times the square of the class posterior that trees estimate [3]_, see
        :class:`~ganaug.generators.selection.CandidateSelector`. Candidates compete with those that
        have the same missing cells, so these stay as frequent as in the class. Of what is no table
        the density ratio alone counts, with a loss whose critic estimates none (Wasserstein's) the
        posterior alone. 1 keeps every row as the generator made it.
    min_distance : float or None, default=None
        No synthetic row comes closer to a training row of its class than this; in the place of one
        that does another is made. The unit is the distance within which 5 % of the different
        training rows of the class have another one, as rows that were held out would. 1 leaves no
        copies, and fewer near copies than there are among held-out rows; with more than 1 training
        rows stand out by having no synthetic row near them. It needs 8 rows of each class, and the
        fitted estimator, also when it is saved, then holds the training rows as numbers. It is no
        guarantee of privacy. See :class:`~ganaug.generators.near_copies.NearCopies`.
    early_stopping : bool, default=False
        Hold out ``validation_fraction`` of each class to add rows to, measure at every
        twentieth of the steps how far synthetic rows are from the held-out real ones (energy
        distance), keep the best weights, and stop after ``n_iter_no_change`` measures
        without a better one.
    validation_fraction : float, default=0.1
        Share of real rows held out, with ``early_stopping`` only.
    n_iter_no_change : int, default=5
        Patience, with ``early_stopping`` only.
    device : {{"auto", "cpu", "cuda", "mps"}}, default="auto"
        Where to train and sample; ``"auto"`` is ``"cuda"`` if there is one, else ``"cpu"``.
    memory_budget : int or str, default="auto"
        Main memory that ``fit``, ``sample`` and ``transform`` may each take beyond what is taken
        already: bytes, or text such as ``"4GB"``; ``"auto"`` is what is available to this process,
        within the limits of its container. What they will take is predicted from the encoded rows
        before these are made, and refused if it is more. Processes that run side by side each see
        the same memory: give each its part.
    random_state : int, RandomState instance or None, default=None
        An int gives the same rows every time, bit for bit on a CPU.
    warm_start : bool, default=False
        Whether ``fit`` trains on from the fit before, if there is one, for ``steps`` more: from
        its averaged generator and its critic, with new moments of Adam and the learning rate of
        the start. Encoder and labels stay as they were, so that rows must have the same columns
        and labels. ``history_`` and ``n_steps_`` count on.
    verbose : {{"auto"}} or bool, default="auto"
        Whether ``fit`` shows how far it is. ``"auto"``: after two seconds, in a terminal or a
        notebook; True: at once, and as lines in a log file; False: never. What is learned does not
        depend on it. With scikit-learn's callback ``ProgressBar`` that is shown instead.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    class_counts_ : dict
        ``{{label: real rows}}``.
    sampling_strategy_ : dict
        ``{{label: rows to add}}``.
    mean_weights_ : dict
        ``{{label: mean weight of its real rows}}``, which is the weight of a synthetic one; 1
        without weights.
    methods_ : dict
        ``{{label: "gan" | "interpolation" | "jitter"}}``, the generator of each class. A class of
        fewer than 8 rows is too small to train the GAN on: its rows are blended (two or more)
        or repeated with a little noise (one). See :mod:`ganaug.generators.few_rows`.
    n_steps_ : int
        The number of steps that training is set to; with early stopping it may take fewer. With
        ``warm_start`` those that were done before count as well.
    history_ : list of dict
        One for each twentieth of the steps: ``step``, ``loss/critic``, ``loss/generator`` and,
        with early stopping, ``quality/energy``.
    n_features_in_ : int
        Number of columns; of rows with axes, such as images, the length of their first axis.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if they are all strings.
    encoder_, labels_ : object
        The fitted encoders of rows and of labels.
    generators_ : dict
        ``{{name: fitted generator}}`` of the generators that ``methods_`` names, see
        :mod:`ganaug.generators`.
    near_copies_ : NearCopies or None
        The training rows that synthetic ones keep apart from; None without ``min_distance``.
    forms_ : dict
        Of ``"X"`` and ``"y"``: in which schema of which library rows come back, as plain data; None
        but for polars and pyarrow.
    seed_ : int
        The seed that ``random_state`` gave; the same rows are drawn again from it.
    n_candidates_ : int
    device_ : str
        The parameters of these names, as they were in ``fit``.

    Raises
    ------
    ValueError
        In ``fit``: if ``y`` is missing, continuous, multi-output or of one class; if ``X`` is
        empty, not two-dimensional, infinite somewhere, has a column name twice, a column of texts
        (see :class:`~ganaug.TextRows`) or no column that varies; if ``sampling_strategy`` asks to
        remove rows or names an unknown label; if the device is not there; if ``min_distance`` is
        set and a class has fewer than 8 rows; if training would take more memory than
        ``memory_budget``.
    TypeError
        In ``fit``: if a column mixes kinds of cells or holds objects, or ``X`` is a table of a
        library that is not known, a LazyFrame or a masked array.

    Warns
    -----
    UserWarning
        If columns identify rows: text of which nearly every value is different, or integers that
        number the rows. Nothing is learned from them, and synthetic rows get made-up values of the
        same form. Drop such columns, or name them in ``categorical_features`` if they are
        categories. Fewer than 30 rows are no evidence, and floats are measurements.
    ConvergenceWarning
        If training diverges. The last good weights are kept; if there were none, rows are
        interpolated instead.

    See Also
    --------
    {other}

    Notes
    -----
    The game is that of [1]_ with class-balanced batches; every ingredient cites its source where
    it is written: :mod:`ganaug.losses`, :mod:`ganaug.networks.dense`,
    :mod:`ganaug.encoders.numbers`, :mod:`ganaug.encoders.levels`,
    :mod:`ganaug.generators.calibration`. Training runs on one CPU thread, which for networks of
    this size is nearly as fast as more, far faster where other work runs, and leaves other cores
    to a grid search.

    References
    ----------
    .. [1] Y. Huang et al., "The GAN is dead; long live the GAN! A modern GAN baseline",
       NeurIPS 2024.
    .. [2] A. Grover et al., "Bias correction of learned generative models using likelihood-free
       importance weighting", NeurIPS 2019; D. B. Rubin, "Using the SIR algorithm to simulate
       posterior distributions", Bayesian Statistics 3, 1988.
    .. [3] A. Razavi, A. van den Oord, O. Vinyals, "Generating diverse high-fidelity images with
       VQ-VAE-2", NeurIPS 2019, section 4.3: classifier-based rejection sampling.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ganaug import {name}
    >>> X, y = load_breast_cancer(return_X_y=True)
    {example}
    """


def _described(registry: dict[str, str]) -> tuple[str, str]:
    """Return the names of parts as a set, and references to their classes."""
    names = ", ".join(f'"{name}"' for name in registry)
    *others, last = [f":class:`~{path.replace(':', '.')}`" for path in registry.values()]
    line = ",\n        "
    return f"{{{names}}}", f"{line.join(others)} and\n        {last}"


_NETWORKS, _LOSSES, _ENCODERS = map(_described, (NETWORKS, LOSSES, ENCODERS))
_PARTS = {
    "networks": _NETWORKS[0],
    "of_networks": _NETWORKS[1],
    "losses": _LOSSES[0],
    "encoders": _ENCODERS[0],
    "of_encoders": _ENCODERS[1],
}


class GANAugmenter(OneToOneFeatureMixin, TransformerMixin, GANEngine):  # noqa: D101
    __doc__ = _DOC.format(
        **_PARTS,
        summary="Train a conditional GAN on all classes; add synthetic rows of the rare ones.",
        story="""``transform(X, y)`` returns the real rows followed by synthetic ones;
    ``transform(X)`` returns ``X`` as it is, because nothing synthetic belongs in prediction.
    For a scikit-learn Pipeline, wrap it and a classifier into
    :class:`~ganaug.AugmentedClassifier`; for an imbalanced-learn Pipeline take
    :class:`~ganaug.GANOverSampler`.""",
        other="""GANOverSampler : The same as an imbalanced-learn sampler.
    AugmentedClassifier : A classifier that augments its training rows.""",
        name="GANAugmenter",
        example=""">>> augmenter = GANAugmenter(steps=100, random_state=0)
    >>> X_more, y_more = augmenter.fit(X, y).transform(X, y)
    >>> len(X), augmenter.sampling_strategy_, len(X_more)
    (569, {0: 145}, 714)
    >>> X_new, y_new = augmenter.sample({0: 5}, random_state=1)
    >>> X_new.shape
    (5, 30)""",
    )

    @with_callbacks
    def fit(
        self,
        X: RowsLike | SourceLike,
        y: LabelsLike | str | None = None,
        sample_weight: ArrayLike | str | None = None,
    ) -> GANAugmenter:
        """Train the GAN.

        Parameters
        ----------
        X : array-like, DataFrame of pandas or polars, or pyarrow Table of shape (n, n_features)
            Numbers, integers, booleans, strings, categories, dates; gaps allowed. With another
            ``encoder`` what that takes: for instance images in one of the layouts of
            :class:`~ganaug.encoders.image.ImageEncoder`. Rows that are larger than memory come as
            the path of a Parquet file, of a folder of them, or a pattern such as
            ``"part-*.parquet"``; as a ``pyarrow.dataset.Dataset``; as a LazyFrame of polars; or as
            a DataFrame of Dask. They are read batch by batch, and what is learned is the same as
            from all of them in memory.
        y : array-like of shape (n,), or str
            Class labels of any hashable kind. Where ``X`` is read batch by batch, the name of
            their column.
        sample_weight : array-like of shape (n,), or str, default=None
            The GAN draws real rows in proportion, among those of their class. Rows of weight 0 are
            left out; how many rows are added does not depend on the other weights. Where ``X`` is
            read batch by batch, the name of their column.

        Returns
        -------
        self

        Notes
        -----
        Synthetic rows come as from a fit in memory: for files and datasets as pyarrow Tables, for a
        LazyFrame as DataFrames of polars, for Dask as those of pandas.
        """
        return self._fit(X, y, sample_weight)

    def transform(self, X: RowsLike, y: LabelsLike | None = None) -> Any:
        """Return ``X`` as it is or, given ``y`` too, extended by synthetic rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_features)
            Rows like those of ``fit``.
        y : array-like of shape (n,), default=None
            Their labels.

        Returns
        -------
        X : ndarray, DataFrame or Table of shape (n, n_features)
            Without ``y``: ``X``, checked and unchanged.
        (X, y) : tuple
            With ``y``: the real rows first, untouched and in order, then as many synthetic rows
            as ``sampling_strategy`` asked in ``fit``, in the containers that came in.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If ``X`` or ``y`` are unlike those of ``fit``, or ``set_output`` asks for a table of
            rows with axes.
        TypeError
            If ``X`` has other dtypes than in ``fit``.
        """
        check_is_fitted(self, "generators_")
        table = self.encoder_.check(as_pandas(X))
        rows = X if library_of(X) else table
        check_features(self, self.encoder_, X, table, reset=False)
        if y is None:
            return as_pandas(rows) if self._gives_pandas() else rows
        labels = as_labels(as_pandas(y, "y"))
        check_consistent_length(table, labels)
        check_like_fit(self, X, table)
        self.labels_.encode(labels)
        X, y = self._extended(X if isinstance(X, list) else rows, as_labels(y))
        return (as_pandas(X) if self._gives_pandas() else X), y

    def _gives_pandas(self) -> bool:
        """Tell whether scikit-learn is about to make a DataFrame of pandas of what is returned.

        It would make objects of the cells of other DataFrames. There is no public way to ask.
        """
        asked = vars(self).get("_sklearn_output_config", {}).get("transform")
        return (asked or get_config()["transform_output"]) == "pandas"

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns, which stay as they are.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            As in scikit-learn.

        Returns
        -------
        ndarray of shape (`n_features_in_`,), object

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If ``fit`` had rows with axes, such as images, or other names.
        """
        check_is_fitted(self, "generators_")
        self._check_has_columns()
        return super().get_feature_names_out(input_features)

    def _check_has_columns(self) -> None:
        layout = self.encoder_.layout_
        if not self.encoder_.has_columns:
            raise ValueError(
                f"{layout.noun} of shape {layout.shape} have no columns to name or to make a "
                "table of; flatten them first, or leave set_output at 'default'."
            )

    def fit_transform(self, X: RowsLike, y: LabelsLike | None = None, **fit_params: Any) -> Any:
        """Fit, and return ``X`` as it is; warns, because no rows are added here.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_features)
            Rows of all classes.
        y : array-like of shape (n,)
            Their labels.
        **fit_params : dict
            Nothing is expected.

        Returns
        -------
        ndarray or DataFrame of shape (n, n_features)
        """
        warnings.warn(
            "GANAugmenter.fit_transform adds no rows: a Pipeline cannot change their number. "
            "Use AugmentedClassifier(classifier, GANAugmenter()) in a scikit-learn Pipeline, "
            "GANOverSampler() in an imbalanced-learn Pipeline, or fit(X, y).transform(X, y) "
            "by hand.",
            UserWarning,
            stacklevel=3,  # past scikit-learn's set_output
        )
        check_container(X)
        return self.fit(X, y, **fit_params).transform(X)


class GANOverSampler(GANEngine, BaseOverSampler):  # noqa: D101
    __doc__ = _DOC.format(
        **_PARTS,
        summary="Over-sample the rare classes with a conditional GAN, where SMOTE stood.",
        story="""An imbalanced-learn sampler: ``fit_resample(X, y)`` gives the rows of
    ``GANAugmenter(...).fit(X, y).transform(X, y)`` for the same parameters and seed.""",
        other="""GANAugmenter : The same as a scikit-learn transformer.
    imblearn.over_sampling.SMOTE : Over-sample by interpolation.""",
        name="GANOverSampler",
        example=""">>> X_more, y_more = GANOverSampler(steps=100, random_state=0).fit_resample(X, y)
    >>> len(X), len(X_more)
    (569, 714)""",
    )

    saved_rules = {"sample_weight_": (array_of("f"), ABSENT)}

    @with_callbacks
    def fit(
        self,
        X: RowsLike | SourceLike,
        y: LabelsLike | str | None = None,
        sample_weight: ArrayLike | str | None = None,
    ) -> GANOverSampler:
        """Train the GAN without resampling; :meth:`sample` then draws from it.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_features), or a source
            Rows of all classes, as for :class:`~ganaug.GANAugmenter`, larger than memory or not.
        y : array-like of shape (n,), or str
            Their labels; of a source the name of the column.
        sample_weight : array-like of shape (n,), or str, default=None
            As in :meth:`fit_resample`; of a source the name of the column.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight)

    @with_callbacks
    def fit_resample(
        self, X: RowsLike, y: LabelsLike | None = None, sample_weight: ArrayLike | None = None
    ) -> tuple[Any, Any]:
        """Train the GAN and extend the rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_features)
            Rows of all classes, as for :class:`~ganaug.GANAugmenter`.
        y : array-like of shape (n,)
            Their labels.
        sample_weight : array-like of shape (n,), default=None
            The GAN draws real rows in proportion, among those of their class. Rows of weight 0 are
            left out; how many rows are added does not depend on the other weights.

        Returns
        -------
        X_resampled : array-like or DataFrame of shape (n_new, n_features)
            The real rows first, untouched and in order, then synthetic ones. Their weights are in
            ``sample_weight_``.
        y_resampled : array-like of shape (n_new,)

        Raises
        ------
        TypeError
            If ``X`` is not in memory, as all rows are returned.
        """
        if (source := as_source(X)) is not None:
            raise TypeError(
                f"fit_resample returns all rows, and {source.noun} may be larger than memory; call "
                "fit, and then sample or sample_batches for synthetic rows."
            )
        return self._fit_resample(X, y, sample_weight)

    def _fit_resample(self, X: Any, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        self._fit(X, y, sample_weight)
        table = X if isinstance(X, list) or library_of(X) else self.encoder_.check(X)
        if sample_weight is not None:
            means = list(self.mean_weights_.values())
            new = np.repeat(means, [self.sampling_strategy_.get(c, 0) for c in self.mean_weights_])
            given = check_sample_weight(sample_weight, len(table))
            self.sample_weight_ = np.concatenate([given, new])
        return self._extended(table, as_labels(y))
