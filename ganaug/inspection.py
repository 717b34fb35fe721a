"""Look at a fitted augmenter: how its training went, and what it makes.

Displays as scikit-learn has them: made by ``from_estimator``, drawn by ``plot``. Drawing needs
matplotlib, which the extra ``cli`` brings.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from ganaug.containers import as_labels, evenly, rarest, take
from ganaug.frames import as_pandas
from ganaug.parameters import check_value, one_of, whole
from ganaug.quality.views import encoder_for, kind_of, view_of, without_identifiers
from ganaug.registry import VIEWS, make

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from ganaug.typing import (
        Augmenter,
        Classifier,
        Encoder,
        LabelsLike,
        RandomState,
        RowsLike,
        Sampler,
    )

Kind = Literal["marginals", "projection", "distances"]

#: So many rows of other classes are shown in the background of a projection.
MOST_OTHERS = 2000


class TrainingCurveDisplay:
    """The losses of a GAN by step and, with early stopping, how far its rows are from real ones.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    history : list of dict
        ``history_`` of a fitted augmenter.

    Attributes
    ----------
    ax_ : matplotlib Axes
        With the losses.
    quality_ax_ : matplotlib Axes or None
        With the energy distance to the real rows that were held out from training; None without
        early stopping.
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each loss, and then that of the distance.

    See Also
    --------
    RealVsSyntheticDisplay : What the augmenter makes.

    Notes
    -----
    Losses do not say how good the rows are: generator and critic play against each other, and one
    gains what the other loses. Losses that explode say that training diverged. To see
    whether rows get better, train with ``early_stopping=True``.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ganaug import GANAugmenter
    >>> from ganaug.inspection import TrainingCurveDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> augmenter = GANAugmenter(steps=40, early_stopping=True, random_state=0).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator(augmenter)
    >>> [line.get_label() for line in display.lines_]
    ['critic', 'generator', 'energy distance']
    >>> plt.close(display.figure_)
    """

    def __init__(self, history: Sequence[Mapping[str, float]]) -> None:
        self.history = history

    @classmethod
    def from_estimator(
        cls, estimator: Augmenter | Classifier | Sampler, *, ax: Axes | None = None
    ) -> TrainingCurveDisplay:
        """Draw the training of an augmenter.

        Parameters
        ----------
        estimator : GANAugmenter, GANOverSampler, AugmentedClassifier or AugmentedClassifierCV
            Fitted. Of a classifier, its ``augmenter_`` is shown.
        ax : matplotlib Axes, default=None
            Where to draw; by default on a new figure.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If no GAN was trained.
        ImportError
            Without matplotlib.
        """
        return cls(_fitted_augmenter(estimator).history_).plot(ax)

    def plot(self, ax: Axes | None = None) -> TrainingCurveDisplay:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default on a new figure.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        ValueError
            If ``history`` is empty, because no GAN was trained.
        ImportError
            Without matplotlib.
        """
        if not self.history:
            raise ValueError(
                "There is no training to show: no GAN was trained, because every class had too few "
                "rows for one, or because training diverged at once. See methods_."
            )
        if ax is None:
            _, ax = _pyplot("TrainingCurveDisplay.plot").subplots(layout="constrained")
        from matplotlib.ticker import MaxNLocator

        from ganaug.quality.page import AXIS, GOOD
        from ganaug.quality.pictures import REAL, SYNTHETIC

        self.ax_, self.figure_ = ax, ax.figure
        steps = [tick["step"] for tick in self.history]
        self.lines_: list[Line2D] = []
        for name, color in (("critic", REAL), ("generator", SYNTHETIC)):
            losses = [tick[f"loss/{name}"] for tick in self.history]
            self.lines_ += ax.plot(steps, losses, color=color, label=name)
        ax.set(xlabel="step", ylabel="loss")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.spines["top"].set_visible(False)
        self.quality_ax_ = None
        if "quality/energy" in self.history[0]:
            distances = [tick["quality/energy"] for tick in self.history]
            best = steps[int(np.argmin(distances))]
            self.quality_ax_ = ax.twinx()
            self.quality_ax_.set_ylabel("energy distance to real rows")
            self.quality_ax_.spines["top"].set_visible(False)
            style: dict[str, Any] = {"color": GOOD, "linestyle": "--", "marker": "."}
            self.lines_ += self.quality_ax_.plot(steps, distances, label="energy distance", **style)
            ax.axvline(best, color=AXIS, linestyle=":", label=f"weights kept: step {best}")
        else:
            ax.spines["right"].set_visible(False)
        marked = [*ax.get_lines(), *(self.quality_ax_.get_lines() if self.quality_ax_ else [])]
        ax.legend(handles=marked, fontsize="small", frameon=False)
        return self


class RealVsSyntheticDisplay:
    """Real rows of one class beside synthetic ones.

    Make it with :meth:`from_estimator` or :meth:`from_rows`.

    Parameters
    ----------
    real, synthetic : array-like or DataFrame of shape (n, n_features) and (m, n_features)
        Rows of one class.
    others : array-like or DataFrame of shape (k, n_features), default=None
        Real rows of other classes, for the background of a projection.
    held_out : array-like or DataFrame of shape (l, n_features), default=None
        Real rows of the class that were kept away from the generator. Distances need them; in
        marginals, how far their columns are from the real ones is written beside the distances of
        synthetic ones.
    encoder : str, object or None, default=None
        What the rows are of, as for :func:`ganaug.quality.report`.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The panels.
    figure_ : matplotlib Figure

    See Also
    --------
    ganaug.quality.report : The same in numbers.
    ExamplesDisplay : The same for images and other rows that are seen as a whole.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_wine
    >>> from ganaug import GANAugmenter
    >>> from ganaug.inspection import RealVsSyntheticDisplay
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> augmenter = GANAugmenter(steps=40, random_state=0).fit(X, y)
    >>> display = RealVsSyntheticDisplay.from_estimator(augmenter, X, y)
    >>> len(display.axes_)
    12
    >>> plt.close(display.figure_)
    >>> display = display.plot(kind="projection")
    >>> len(display.axes_)
    2
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        real: RowsLike,
        synthetic: RowsLike,
        *,
        others: RowsLike | None = None,
        held_out: RowsLike | None = None,
        encoder: str | Encoder | None = None,
    ) -> None:
        self.real = real
        self.synthetic = synthetic
        self.others = others
        self.held_out = held_out
        self.encoder = encoder

    @classmethod
    def from_estimator(
        cls,
        estimator: Augmenter | Classifier | Sampler,
        X: RowsLike,
        y: LabelsLike,
        *,
        label: Hashable | None = None,
        kind: Literal["marginals", "projection"] = "marginals",
        most_columns: int = 12,
        random_state: RandomState = None,
        ax: Axes | None = None,
    ) -> RealVsSyntheticDisplay:
        """Draw real rows of one class beside as many that an augmenter makes.

        Parameters
        ----------
        estimator : GANAugmenter, GANOverSampler, AugmentedClassifier or AugmentedClassifierCV
            Fitted. Of a classifier, its ``augmenter_`` is shown.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Real rows. Those that the augmenter has not seen are the stricter judges.
        y : array-like of shape (n_samples,)
            Their classes.
        label : object, default=None
            The class to show; by default the rarest that the augmenter was fitted on.
        kind : {"marginals", "projection"}, default="marginals"
            As for :meth:`plot`.
        most_columns : int, default=12
            As for :meth:`plot`.
        random_state : int, RandomState instance or None, default=None
            Of the synthetic rows; None: the seed of the fit.
        ax : matplotlib Axes, default=None
            Where to draw; by default on a new figure.

        Returns
        -------
        RealVsSyntheticDisplay

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If ``label`` is no class, or ``X`` has no rows of it.
        ImportError
            Without matplotlib.
        """
        augmenter = _fitted_augmenter(estimator)
        labels = augmenter.classes_.tolist()
        if label is None:
            (label,) = rarest(augmenter.class_counts_, 1)
        elif label not in labels:
            raise ValueError(f"label={label!r} must be one of the classes: {labels}.")
        check_consistent_length(X, y)
        is_own = augmenter.labels_.encode(as_labels(as_pandas(y, "y"))) == labels.index(label)
        own, other = np.flatnonzero(is_own), evenly(np.flatnonzero(~is_own), MOST_OTHERS)
        if not len(own):
            raise ValueError(f"X has no row of class {label!r}; pass real rows of that class.")
        synthetic, _ = augmenter.sample({label: len(own)}, random_state=random_state)
        others = take(X, other) if len(other) else None
        display = cls(take(X, own), synthetic, others=others, encoder=augmenter.encoder_)
        return display.plot(ax, kind=kind, most_columns=most_columns)

    @classmethod
    def from_rows(
        cls,
        real: RowsLike,
        synthetic: RowsLike,
        *,
        others: RowsLike | None = None,
        held_out: RowsLike | None = None,
        encoder: str | Encoder | None = None,
        kind: Kind = "marginals",
        most_columns: int = 12,
        ax: Axes | None = None,
    ) -> RealVsSyntheticDisplay:
        """Draw rows that are there already.

        Parameters
        ----------
        real, synthetic : array-like or DataFrame of shape (n, n_features) and (m, n_features)
            Rows of one class.
        others : array-like or DataFrame of shape (k, n_features), default=None
            Real rows of other classes, for the background of a projection.
        held_out : array-like or DataFrame of shape (l, n_features), default=None
            Real rows of the class that were kept away from the generator. Distances need them.
        encoder : str, object or None, default=None
            What the rows are of, as for :func:`ganaug.quality.report`.
        kind : {"marginals", "projection", "distances"}, default="marginals"
            As for :meth:`plot`.
        most_columns : int, default=12
            As for :meth:`plot`.
        ax : matplotlib Axes, default=None
            Where to draw; by default on a new figure.

        Returns
        -------
        RealVsSyntheticDisplay

        Raises
        ------
        ValueError
            If columns differ, there are no rows of a kind, or distances are asked for without
            ``held_out``.
        ImportError
            Without matplotlib.
        """
        display = cls(real, synthetic, others=others, held_out=held_out, encoder=encoder)
        return display.plot(ax, kind=kind, most_columns=most_columns)

    def plot(
        self, ax: Axes | None = None, *, kind: Kind = "marginals", most_columns: int = 12
    ) -> RealVsSyntheticDisplay:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to put the panels in the place of; it must be part of a grid, as those of
            ``plt.subplots`` are. By default they make a new figure.
        kind : {"marginals", "projection", "distances"}, default="marginals"
            The values of each column in a panel of its own; all rows in the plane in which the real
            ones differ most (their first two principal components); or how near synthetic and
            held-out rows come to ``real`` ones, which shows copies.
        most_columns : int, default=12
            If there are more columns, the marginals of those that differ most are drawn.

        Returns
        -------
        RealVsSyntheticDisplay

        Raises
        ------
        ValueError
            As for :meth:`from_rows`.
        ImportError
            Without matplotlib.
        """
        owner = "RealVsSyntheticDisplay.plot"
        check_value(owner, "kind", kind, one_of(["marginals", "projection", "distances"]))
        check_value(owner, "most_columns", most_columns, whole(1))
        if kind == "distances" and self.held_out is None:
            raise ValueError(
                "kind='distances' compares synthetic rows with held-out real ones; pass held_out."
            )
        from ganaug.quality.pictures import draw_distances, draw_projection

        view = view_of(encoder_for(self.real, self.encoder))
        if kind == "marginals" and view.has_examples:
            raise ValueError(
                "Only tables have columns to draw marginals of: use ExamplesDisplay, or "
                "kind='projection'."
            )
        rows, _ = without_identifiers(
            self.encoder,
            real=self.real,
            synthetic=self.synthetic,
            others=self.others,
            held_out=self.held_out,
        )
        figure = _place(ax, owner)
        if kind == "marginals":
            from ganaug.quality.tables import draw_marginals

            draw_marginals(
                rows["real"],
                rows["synthetic"],
                reference=rows["held_out"],
                most_columns=most_columns,
                figure=figure,
            )
        elif kind == "projection":
            draw_projection(
                rows["real"],
                rows["synthetic"],
                rows["others"],
                encoder=self.encoder,
                figure=figure,
            )
        else:
            draw_distances(
                rows["real"],
                rows["synthetic"],
                rows["held_out"],
                encoder=self.encoder,
                figure=figure,
            )
        self.axes_, self.figure_ = np.array(figure.axes), figure.get_figure(root=True)
        return self


class ExamplesDisplay:
    """Real and synthetic examples of each class: of what is seen as a whole, not column by column.

    Real images are drawn above synthetic ones, and curves of series over each other. Make it with
    :meth:`from_estimator`.

    Parameters
    ----------
    real, synthetic : tuple of (examples, labels)
        Examples as the encoder of their kind shows them, such as images of bytes of shape
        (n, h, w) or (n, h, w, c), and their classes.
    kind : str, default="image"
        What they are of: the ``kind`` of their encoder.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The panels.
    figure_ : matplotlib Figure

    See Also
    --------
    RealVsSyntheticDisplay : The same for rows of tables.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from ganaug import GANAugmenter
    >>> from ganaug.inspection import ExamplesDisplay
    >>> digits = load_digits(n_class=3)
    >>> painter = GANAugmenter(encoder="image", steps=20, random_state=0)
    >>> painter = painter.fit(digits.images, digits.target)
    >>> display = ExamplesDisplay.from_estimator(painter, digits.images, digits.target)
    >>> [label.get_text() for label in display.axes_[0].get_yticklabels()][:4]
    ['0, real', 'synthetic', '1, real', 'synthetic']
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        real: tuple[np.ndarray, LabelsLike],
        synthetic: tuple[np.ndarray, LabelsLike],
        *,
        kind: str = "image",
    ) -> None:
        self.real = real
        self.synthetic = synthetic
        self.kind = kind

    @classmethod
    def from_estimator(
        cls,
        estimator: Augmenter | Classifier | Sampler,
        X: RowsLike,
        y: LabelsLike,
        *,
        labels: Sequence[Hashable] | None = None,
        n_examples: int = 10,
        random_state: RandomState = None,
        ax: Axes | None = None,
    ) -> ExamplesDisplay:
        """Draw real examples and as many that an augmenter makes.

        Parameters
        ----------
        estimator : GANAugmenter, GANOverSampler, AugmentedClassifier or AugmentedClassifierCV
            Fitted on what is no table. Of a classifier, its ``augmenter_`` is shown.
        X : array-like or DataFrame
            Real examples, in the layout of those in ``fit``.
        y : array-like of shape (n_samples,)
            Their classes.
        labels : list, default=None
            The classes to show; by default the ten rarest that the augmenter was fitted on.
        n_examples : int, default=10
            How many of each kind to draw for each class; real ones at even distances among all.
        random_state : int, RandomState instance or None, default=None
            Of the synthetic examples; None: the seed of the fit.
        ax : matplotlib Axes, default=None
            What to put the picture in the place of, as in :meth:`plot`.

        Returns
        -------
        ExamplesDisplay

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If it was fitted on a table, or a label is no class.
        ImportError
            Without matplotlib.
        """
        check_value("ExamplesDisplay.from_estimator", "n_examples", n_examples, whole(1))
        augmenter = _fitted_augmenter(estimator)
        encoder = augmenter.encoder_
        view = view_of(encoder)
        if not view.has_examples:
            raise ValueError(
                "The augmenter was fitted on a table, whose rows are seen column by column: use "
                "RealVsSyntheticDisplay."
            )
        labels = rarest(augmenter.class_counts_, 10) if labels is None else list(labels)
        made, of_class = augmenter.sample(
            dict.fromkeys(labels, n_examples), random_state=random_state
        )
        check_consistent_length(X, y)
        of_real = augmenter.labels_.decode(augmenter.labels_.encode(as_labels(as_pandas(y, "y"))))
        display = cls(
            view.shown(encoder, X, of_real),
            view.shown(encoder, made, of_class),
            kind=kind_of(encoder),
        )
        return display.plot(ax, n_examples=n_examples)

    def plot(self, ax: Axes | None = None, *, n_examples: int = 10) -> ExamplesDisplay:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to put the picture in the place of; it must be part of a grid, as those of
            ``plt.subplots`` are. By default it makes a new figure.
        n_examples : int, default=10
            How many of each kind to draw for each class.

        Returns
        -------
        ExamplesDisplay

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        figure = _place(ax, "ExamplesDisplay.plot")
        make(VIEWS, self.kind).draw_examples(self.real, self.synthetic, n_examples, figure)
        self.axes_, self.figure_ = np.array(figure.axes), figure.get_figure(root=True)
        return self


def _fitted_augmenter(estimator: Any) -> Any:
    """Return an augmenter that is fitted, or the one that a fitted classifier has."""
    check_is_fitted(estimator)
    augmenter = getattr(estimator, "augmenter_", estimator)
    if not hasattr(augmenter, "history_"):
        raise ValueError(
            f"{type(estimator).__name__} has no fitted GAN to look at: pass a GANAugmenter, a "
            "GANOverSampler, or an AugmentedClassifier whose augmenter is a GANAugmenter and which "
            "adds rows."
        )
    return augmenter


def _pyplot(caller: str) -> Any:
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib. Install it with: pip install 'ganaug[cli]'"
        ) from error
    return matplotlib.pyplot


def _place(ax: Axes | None, caller: str) -> Any:
    """Return a new figure, or the part of one that an axis takes up; the axis goes away."""
    if ax is None:
        return _pyplot(caller).figure(layout="constrained")
    spec = ax.get_subplotspec()
    if spec is None:
        raise ValueError(
            "ax is not part of a grid, so there is no place for several panels; make it by "
            "plt.subplots."
        )
    figure = ax.figure
    ax.remove()
    return figure.add_subfigure(spec)
