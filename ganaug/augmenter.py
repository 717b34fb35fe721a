"""GANAugmenter and GANOverSampler: one engine behind scikit-learn's and imbalanced-learn's face."""

from __future__ import annotations

import math
import pkgutil
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_sampling_strategy
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
    _fit_context,
    clone,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_is_fitted, validate_data

from ganaug import evidence, fewrows
from ganaug.callbacks import CallbackSupportMixin
from ganaug.containers import as_labels, extend
from ganaug.encoders.labels import LabelCoder
from ganaug.randomness import numpy_stream, seed_from, torch_stream
from ganaug.registry import ENCODERS, LOSSES, NETWORKS, QUALITY, make

if TYPE_CHECKING:
    import torch
    from torch import nn

# Keys of the private streams that one seed is split into.
_THIN, _HOLD_OUT, _WEIGHTS, _TRAIN, _WATCH, _SAMPLE, _KEEP, _DECODE, _GROW = range(9)
SAMPLE_CHUNK = 4096
# How many rows a class off the GAN's rung keeps, to be blended or repeated.
KEPT_ROWS = 200
# How much more the trees' word weighs than Bayes' rule would have it. Without it a classifier that
# gets as many synthetic rows as real ones takes too many real ones for rare.
CERTAINTY = 2
# Beyond this a typing error is likelier than a table.
MOST_ROWS = 2**31
# So many rows of a class are held out at least, and at most.
HELD_OUT = (4, 500)
# The measure that early stopping goes by; less is better.
WATCHED = "quality/energy"
# Losses are of order one on rows that are; beyond this there is no coming back.
DIVERGED = 1e4

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
    network : {{"dense", "conv", "dcgan"}} or object, default="dense"
        Sizes of generator and critic, see :class:`~ganaug.networks.dense.DenseNetwork` and, for
        images, :class:`~ganaug.networks.conv.ConvNetwork` and
        :class:`~ganaug.networks.dcgan.DCGANNetwork`; ``set_params(network__width=64)`` works on
        the name as well.
    loss : {{"relativistic", "wasserstein", "bce"}} or object, default="relativistic"
        What the two play for, see :mod:`ganaug.losses`.
    encoder : {{"table", "image"}} or object, default="table"
        How rows become tensors, see :class:`~ganaug.encoders.table.TableEncoder` and
        :class:`~ganaug.encoders.image.ImageEncoder`.
    categorical_features : "from_dtype", None, or array-like of bool, int or str, \
default="from_dtype"
        As in :class:`sklearn.ensemble.HistGradientBoostingClassifier`. Strings and booleans are
        categorical in any case.
    steps : int, default=800
        Generator updates. The budget does not grow with the table.
    batch_size : int, default=128
        Real rows per update, drawn evenly over the classes.
    learning_rate : float, default=0.002
        Of Adam at the start; it decays to zero along a half cosine.
    n_candidates : int, default=4
        Rows are chosen from so many times as many, with chances in proportion to how much denser
        real rows are there than made ones, in the estimate of the critic [2]_, and to the square
        of the share that trees give to their class [3]_ (:mod:`ganaug.evidence`): rows that could
        as well be of another class teach a classifier little. Of images the critic chooses alone,
        whose classes are told apart more surely. 1 keeps every row as the generator made it. A loss
        whose critic estimates no ratio (Wasserstein's) leaves the choice to the trees.
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
    random_state : int, RandomState instance or None, default=None
        An int gives the same rows every time, bit for bit on a CPU.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    class_counts_ : dict
        ``{{label: real rows}}``.
    sampling_strategy_ : dict
        ``{{label: rows to add}}``.
    rungs_ : dict
        ``{{label: "gan" | "convex" | "jitter"}}``, what serves each class. A class of fewer than
        8 rows is too small for a critic to tell a rule from a row: its own rows are blended
        (two or more) or repeated with a little noise (one). See :mod:`ganaug.fewrows`.
    history_ : list of dict
        One for each twentieth of the steps: ``step``, ``loss/critic``, ``loss/generator`` and,
        with early stopping, ``quality/energy``.
    n_features_in_ : int
        Number of columns; of images that are not flattened the length of their first axis.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if they are all strings.
    encoder_, labels_ : object
        The fitted encoders of rows and of labels.
    seed_ : int
        What ``random_state`` came to; the same rows are drawn again from it.
    rows_ : dict of ndarray
        ``{{class code: encoded rows}}`` of classes that no GAN serves.
    weights_, critic_weights_ : dict of ndarray
        The averaged generator, and the critic.
    trees_ : dict of ndarray
        What tells classes apart, see :func:`ganaug.evidence.grow`; empty for images.

    Raises
    ------
    ValueError
        In ``fit``: if ``y`` is missing, continuous, multi-output or of one class; if ``X`` is
        empty, not two-dimensional, infinite somewhere, has a column name twice or no column that
        varies; if ``sampling_strategy`` asks to remove rows or names an unknown label; if the
        device is not there.
    TypeError
        In ``fit``: if a column mixes kinds of cells or holds objects.

    Warns
    -----
    ConvergenceWarning
        If training diverges. The last good weights are kept; if there were none, convex
        combinations serve in the GAN's place.

    See Also
    --------
    {other}

    Notes
    -----
    The game is that of [1]_ with class-balanced batches; every ingredient cites its source where
    it is written: :mod:`ganaug.losses`, :mod:`ganaug.networks.dense`,
    :mod:`ganaug.encoders.columns`. Training runs on one CPU thread, which for networks of this
    size is nearly as fast as more, far faster where other work runs, and leaves other cores to a
    grid search.

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


class _GANEngine(CallbackSupportMixin, BaseEstimator):
    """Parameters, training and sampling: what both faces share."""

    _parameter_constraints: dict = {
        **BaseOverSampler._parameter_constraints,
        "network": [StrOptions(set(NETWORKS)), HasMethods("build")],
        "loss": [StrOptions(set(LOSSES)), HasMethods(["critic_loss", "generator_loss"])],
        "encoder": [StrOptions(set(ENCODERS)), HasMethods(["fit", "inverse_transform"])],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "steps": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "device": [StrOptions({"auto", "cpu", "cuda", "mps"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        sampling_strategy: Any = "auto",
        *,
        network: Any = "dense",
        loss: Any = "relativistic",
        encoder: Any = "table",
        categorical_features: Any = "from_dtype",
        steps: int = 800,
        batch_size: int = 128,
        learning_rate: float = 0.002,
        n_candidates: int = 4,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.network = network
        self.loss = loss
        self.encoder = encoder
        self.categorical_features = categorical_features
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.n_candidates = n_candidates
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.device = device
        self.random_state = random_state

    def set_params(self, **params: Any) -> Any:
        """Set parameters, also of a part that is only named.

        Parameters
        ----------
        **params : dict
            ``network__width=64`` on ``network="dense"`` puts the network of that name in its
            place first.

        Returns
        -------
        self
        """
        for part, registry in (("network", NETWORKS), ("loss", LOSSES), ("encoder", ENCODERS)):
            named = params.get(part, getattr(self, part))
            if isinstance(named, str) and any(key.startswith(f"{part}__") for key in params):
                params[part] = make(registry, named)
        return super().set_params(**params)

    def _fit(self, X: Any, y: Any) -> Any:
        """Validate, encode, train; leaves everything that sampling needs."""
        y = as_labels(y)
        labels = LabelCoder().fit(y)
        encoder = self._make_encoder()
        table = encoder.check(X)
        check_consistent_length(table, y)
        codes = labels.encode(y)
        n_classes = len(labels.classes_)
        counts = np.bincount(codes, minlength=n_classes)
        to_add = self._rows_to_add(labels, codes, y)
        device = _pick_device(self.device)
        for part in (encoder, make(NETWORKS, self.network), make(LOSSES, self.loss)):
            if hasattr(part, "_parameter_constraints"):
                part._validate_params()

        # From here on a fit that fails must not pass for the one before it.
        self.__dict__.pop("rungs_", None)
        validate_data(self, X, skip_check_array=True, reset=True)
        self.seed_ = seed_from(self.random_state)
        self.labels_ = labels
        self.classes_ = labels.classes_
        self.class_counts_ = dict(zip(labels.classes_.tolist(), counts.tolist(), strict=True))
        self.sampling_strategy_ = {labels.classes_.tolist()[c]: n for c, n in to_add.items()}
        rungs = [fewrows.rung_for(n) for n in counts]

        context = self._init_callback_context(max_subtasks=None)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        # A class is thinned to the rows that the step budget can visit.
        budget = max(KEPT_ROWS, math.ceil(self.steps * self.batch_size / n_classes))
        kept = _thin(codes, budget, numpy_stream(self.seed_, _THIN))
        table, codes = _take(table, kept), codes[kept]
        held_out = np.zeros(len(codes), dtype=bool)
        if self.early_stopping:
            held_out = self._hold_out(codes, to_add)
        learned = np.flatnonzero(~held_out)
        self.encoder_ = encoder.fit(_take(table, learned), codes[learned], n_classes)
        rows = encoder.transform(table)
        self.history_: list[dict[str, float]] = []
        self.weights_: dict[str, np.ndarray] = {}
        self.critic_weights_: dict[str, np.ndarray] = {}
        self.trees_: dict[str, np.ndarray] = {}
        keep = _thin(codes, KEPT_ROWS, numpy_stream(self.seed_, _KEEP))

        def served_by(rungs: list[str]) -> tuple[dict[int, np.ndarray], dict[Any, str]]:
            few = [c for c in range(n_classes) if rungs[c] != "gan"]
            return (
                {c: rows[keep[codes[keep] == c]] for c in few},
                dict(zip(labels.classes_.tolist(), rungs, strict=True)),
            )

        own_rows, served = served_by(rungs)
        if "gan" in rungs:
            if not self.encoder_.spec_.shape:  # of images trees leave only the most typical
                self.trees_ = self._grow(rows[learned], codes[learned])
            by_gan = np.array([rung == "gan" for rung in rungs])[codes]
            rest = {"rows_": own_rows, "rungs_": served}
            self.weights_, self.critic_weights_ = self._train(
                rows[by_gan], codes[by_gan], held_out[by_gan], device, context, rest
            )
            if not self.weights_:
                own_rows, served = served_by([rung.replace("gan", "convex") for rung in rungs])
        self.rows_, self.rungs_ = own_rows, served
        context.call_on_fit_task_end(
            estimator=self,
            X=X,
            y=y,
            metadata={
                "history": self.history_,
                "rungs": self.rungs_,
                "class_counts": self.class_counts_,
                "device": device,
            },
        )
        return self

    def _make_encoder(self) -> Any:
        # A clone forgets what it may have learned elsewhere.
        encoder = clone(make(ENCODERS, self.encoder), safe=False)
        asked = self.categorical_features
        if isinstance(asked, str) and asked == "from_dtype":
            return encoder
        if "categorical_features" not in encoder.get_params():
            raise ValueError(
                f"categorical_features={asked!r} is for tables, and encoder={self.encoder!r} is "
                "not; leave it at 'from_dtype'."
            )
        own = encoder.categorical_features
        if not (isinstance(own, str) and own == "from_dtype"):
            raise ValueError(
                f"categorical_features={asked!r} and the encoder's own {own!r} are both set; "
                "leave one of them at 'from_dtype'."
            )
        encoder.set_params(categorical_features=asked)
        return encoder

    def _rows_to_add(self, labels: LabelCoder, codes: np.ndarray, y: Any) -> dict[int, int]:
        """Return ``{class code: rows to add}`` as imbalanced-learn reads the strategy."""
        strategy = self.sampling_strategy
        if callable(strategy):
            strategy = strategy(y)
            if not isinstance(strategy, Mapping):
                raise ValueError(
                    f"the callable sampling_strategy returned {strategy!r}; it must return a dict "
                    "of final totals per label."
                )
        if isinstance(strategy, Mapping):
            for label, total in strategy.items():
                labels.code_of(label)
                if not isinstance(total, int | np.integer) or not 0 <= total < MOST_ROWS:
                    raise ValueError(
                        f"sampling_strategy asks for {total!r} rows of {label!r}; "
                        f"pass the final total, a whole number below {MOST_ROWS:,}."
                    )
            strategy = {labels.code_of(label): int(n) for label, n in strategy.items()}
        asked = check_sampling_strategy(strategy, codes, "over-sampling")
        return {int(code): int(n) for code, n in asked.items()}

    def _hold_out(self, codes: np.ndarray, to_add: dict[int, int]) -> np.ndarray:
        """Return a mask of held-out rows, of the classes that are to grow and can spare some."""
        rng, mask = numpy_stream(self.seed_, _HOLD_OUT), np.zeros(len(codes), dtype=bool)
        least, most = HELD_OUT
        for c in [c for c, n in to_add.items() if n]:
            own = np.flatnonzero(codes == c)
            n = min(max(least, int(self.validation_fraction * len(own))), most)
            if len(own) - n >= fewrows.ENOUGH_FOR_GAN:
                mask[rng.choice(own, n, replace=False)] = True
        if not mask.any():
            warnings.warn(
                "early_stopping has nothing to watch: a class to add rows to needs "
                f"{least + fewrows.ENOUGH_FOR_GAN} rows, of which {least} are held out. "
                "Training goes on for all steps.",
                UserWarning,
                stacklevel=2,
            )
        return mask

    def _train(
        self,
        rows: np.ndarray,
        codes: np.ndarray,
        held_out: np.ndarray,
        device: str,
        context: Any,
        rest: dict[str, Any],
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Train the GAN; return generator and critic, both empty if they never were good.

        `rest` is what else a fitted estimator has, for callbacks that want one at a tick.
        """
        import torch

        from ganaug.training import BalancedBatches, Schedule, one_thread, train

        with one_thread():
            generator, critic = self._build(device, torch_stream(self.seed_, _WEIGHTS))
            watch = _Watch(self, context, rows[held_out], codes[held_out], critic, device, rest)
            batches = BalancedBatches(
                torch.from_numpy(rows[~held_out]).to(device),
                torch.from_numpy(codes[~held_out]).to(device),
                self.batch_size,
                torch_stream(self.seed_, _TRAIN, device=device),
            )
            train(
                generator,
                critic,
                make(LOSSES, self.loss),
                batches,
                Schedule(self.steps, self.batch_size, self.learning_rate),
                watch,
            )
        return watch.best, watch.best_critic

    def _grow(self, rows: np.ndarray, codes: np.ndarray) -> dict[str, np.ndarray]:
        """Return the trees that know what is typical of each class."""
        seen = _thin(codes, evidence.MOST_ROWS, numpy_stream(self.seed_, _GROW))
        seed = int(numpy_stream(self.seed_, _GROW, 1).integers(2**31 - 1))
        return evidence.grow(rows[seen], codes[seen], len(self.classes_), seed)

    def _build(self, device: str, rng: torch.Generator) -> tuple[nn.Module, nn.Module]:
        network: Any = make(NETWORKS, self.network)
        generator, critic = network.build(self.encoder_.spec_, rng)
        return generator.to(device), critic.to(device)

    def sample(
        self,
        n: Mapping[Any, int] | None = None,
        *,
        random_state: Any = None,
        n_candidates: int | None = None,
    ) -> tuple[Any, Any]:
        """Make synthetic rows.

        Parameters
        ----------
        n : dict or None, default=None
            ``{label: rows}``; ``None`` for what ``sampling_strategy`` asked.
        random_state : int, RandomState instance or None, default=None
            ``None`` for the seed of the fit: the same rows at every call. Pass another for a
            fresh draw.
        n_candidates : int or None, default=None
            As in the constructor. ``None`` is what was given there if ``n`` is ``None``, so that
            these are the very rows that ``transform`` adds; rows asked for by ``n`` come as the
            generator makes them, which is several times as fast.

        Returns
        -------
        X_new : ndarray or DataFrame of shape (n_new, n_features_in_)
            In the container and dtypes of the fitted ``X``.
        y_new : ndarray, list, Series or DataFrame of length n_new
            In the container of the fitted ``y``; classes in the order of ``n``.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If ``n`` names an unknown label or a count that is not a whole number from 0 on, or
            ``n_candidates`` is not one from 1 on.
        """
        check_is_fitted(self, "rungs_")
        if n_candidates is None:
            n_candidates = self.n_candidates if n is None else 1
        elif type(n_candidates) is bool or not (
            isinstance(n_candidates, int | np.integer) and n_candidates >= 1
        ):
            raise ValueError(f"n_candidates={n_candidates!r} must be a whole number from 1 on.")
        n = self.sampling_strategy_ if n is None else n
        X_new, codes = self._draw(n, random_state, n_candidates)
        return X_new, self.labels_.decode(codes)

    def _draw(self, n: Any, random_state: Any, n_candidates: int) -> tuple[Any, np.ndarray]:
        """Return synthetic rows, decoded, and their class codes."""
        asked = self._check_counts(n)
        seed = self.seed_ if random_state is None else seed_from(random_state)
        codes = np.repeat(np.array(list(asked), dtype=np.int64), list(asked.values()))
        rows = self._encoded_rows(asked, seed, int(n_candidates))
        return self.encoder_.inverse_transform(rows, codes, numpy_stream(seed, _DECODE)), codes

    def _check_counts(self, n: Any) -> dict[int, int]:
        if not isinstance(n, Mapping):
            raise ValueError(
                f"n={n!r} must be a dict of rows per label, such as "
                f"{{{self.classes_.tolist()[0]!r}: 10}}, or None."
            )
        asked = {}
        for label, rows in n.items():
            if (
                isinstance(rows, bool)
                or not isinstance(rows, int | np.integer)
                or not 0 <= rows < MOST_ROWS
            ):
                raise ValueError(
                    f"n asks for {rows!r} rows of {label!r}; "
                    f"pass a whole number from 0 to {MOST_ROWS - 1:,}."
                )
            asked[self.labels_.code_of(label)] = int(rows)
        return asked

    def _encoded_rows(self, asked: Mapping[int, int], seed: int, n_candidates: int) -> np.ndarray:
        """Return encoded rows, class after class in the order of ``asked``."""
        import torch

        from ganaug.training import one_thread

        spec = self.encoder_.spec_
        device = _pick_device(self.device, fallback=True)
        with one_thread(), torch.no_grad():
            if self.weights_:
                generator, critic = self._build(device, torch_stream(seed, _WEIGHTS))
                _restore(generator, self.weights_)
                _restore(critic, self.critic_weights_)
            parts = [np.empty((0, spec.width), dtype=np.float32)]
            for code, n in asked.items():
                # A stream for each class: asking for more of one leaves the others alone.
                rng = numpy_stream(seed, _SAMPLE, code)
                rung = self.rungs_[self.classes_.tolist()[code]]
                if rung == "gan":
                    classes = np.full(n, code)
                    context = self.encoder_.draw_context(classes, rng)
                    noise = torch_stream(seed, _SAMPLE, code, device=device)
                    promise = partial(self._promise, critic)
                    parts.append(
                        _generate(generator, classes, context, noise, device, n_candidates, promise)
                    )
                else:
                    make_rows = fewrows.convex if rung == "convex" else fewrows.jitter
                    parts.append(make_rows(self.rows_[code], n, spec, rng))
        return np.concatenate(parts)

    def _promise(self, critic: Any, rows: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of what a candidate's chances are in proportion to."""
        import torch

        promise = rows.new_zeros(len(rows))
        if self.trees_:
            own = evidence.shares(self.trees_, rows.cpu().numpy(), classes.cpu().numpy())
            certainty = torch.from_numpy(own + evidence.LEAST_SHARE).log()
            promise += CERTAINTY * certainty.to(rows.device)
        if getattr(make(LOSSES, self.loss), "scores_are_log_ratios", False):
            promise += critic(rows, classes)
        return promise

    def _extended(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the real rows, and after them the rows that the strategy asked for."""
        X_new, codes = self._draw(self.sampling_strategy_, None, self.n_candidates)
        y_new = self.labels_.decode(codes, like=y)
        if isinstance(X, pd.DataFrame) and isinstance(y, pd.Series | pd.DataFrame):
            longer = extend(X, X_new)
            # One row, one label: where X and y were aligned they stay so.
            return longer, extend(y, y_new, longer.index if y.index.equals(X.index) else None)
        return extend(X, X_new), extend(y, y_new)

    def save(self, path: str | Path) -> None:
        """Write the fitted estimator to a folder: safetensors and JSON, no pickle.

        Parameters
        ----------
        path : str or Path
            A folder; it is made, and must not exist yet.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        FileExistsError
            If ``path`` exists.
        TypeError
            If a parameter or label is not plain data.
        """
        from ganaug.storage import save

        check_is_fitted(self, "rungs_")
        save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Any:
        """Read what :meth:`save` wrote; runs no code from the files.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        object of this class

        Raises
        ------
        FileNotFoundError
            If there is no such folder.
        ValueError
            If the files are damaged, or hold an object of another class.
        """
        from ganaug.storage import load

        return load(path, cls)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        of_rows = get_tags(make(ENCODERS, self.encoder)).input_tags
        for kind in ("allow_nan", "string", "categorical", "sparse", "three_d_array"):
            setattr(tags.input_tags, kind, getattr(of_rows, kind))
        tags.target_tags.required = True
        return tags


class GANAugmenter(OneToOneFeatureMixin, TransformerMixin, _GANEngine):  # noqa: D101
    __doc__ = _DOC.format(
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

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> GANAugmenter:
        """Train the GAN.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_features)
            Numbers, integers, booleans, strings, categories, dates; gaps allowed. With
            ``encoder="image"`` images in one of the layouts of
            :class:`~ganaug.encoders.image.ImageEncoder`.
        y : array-like of shape (n,)
            Class labels of any hashable kind.

        Returns
        -------
        self
        """
        return self._fit(X, y)

    def transform(self, X: Any, y: Any = None) -> Any:
        """Return ``X`` as it is or, given ``y`` too, extended by synthetic rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_features)
        y : array-like of shape (n,), optional

        Returns
        -------
        X : ndarray or DataFrame of shape (n, n_features)
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
            images that are not flattened.
        TypeError
            If ``X`` has other dtypes than in ``fit``.
        """
        check_is_fitted(self, "rungs_")
        table = self.encoder_.check(X)
        validate_data(self, X, skip_check_array=True, reset=False)
        if _get_output_config("transform", self)["dense"] != "default":
            self._check_has_columns()
        if y is None:
            return table
        y = as_labels(y)
        check_consistent_length(table, y)
        self.encoder_.check_dtypes(table)
        self.labels_.encode(y)
        return self._extended(X if isinstance(X, list) else table, y)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns, which stay as they are.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            As in scikit-learn.

        Returns
        -------
        ndarray of shape (n_features_in_,), object

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If ``fit`` had images that are not flattened, or other names.
        """
        check_is_fitted(self, "rungs_")
        self._check_has_columns()
        return super().get_feature_names_out(input_features)

    def _check_has_columns(self) -> None:
        form = getattr(self.encoder_, "form_", ())
        if len(form) > 1:
            raise ValueError(
                f"images of shape {form} have no columns to name or to make a table of; flatten "
                "them first, or leave set_output at 'default'."
            )

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit, and return ``X`` as it is; warns, because no rows are added here.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_features)
        y : array-like of shape (n,)
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
        return self.fit(X, y, **fit_params).transform(X)


class GANOverSampler(_GANEngine, BaseOverSampler):  # noqa: D101
    __doc__ = _DOC.format(
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

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> GANOverSampler:
        """Train the GAN without resampling; :meth:`sample` then draws from it.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_features)
        y : array-like of shape (n,)
        **params : dict
            Nothing is expected.

        Returns
        -------
        self
        """
        return self._fit(X, y)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X: Any, y: Any = None) -> tuple[Any, Any]:
        """Train the GAN and extend the rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_features)
        y : array-like of shape (n,)
        **params : dict
            Nothing is expected.

        Returns
        -------
        X_resampled : array-like or DataFrame of shape (n_new, n_features)
            The real rows first, untouched and in order, then synthetic ones.
        y_resampled : array-like of shape (n_new,)
        """
        self._fit(X, y)
        return self._extended(X if isinstance(X, list) else self.encoder_.check(X), as_labels(y))

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        return self._fit(X, y)._extended(X, as_labels(y))


class _Watch:
    """What happens at a tick: measure, remember good weights, call back, decide to stop."""

    def __init__(
        self,
        estimator: Any,
        context: Any,
        rows: np.ndarray,
        codes: np.ndarray,
        critic: nn.Module,
        device: str,
        rest: dict[str, Any],
    ) -> None:
        self.estimator, self.context, self.device, self.rest = estimator, context, device, rest
        self.rows, self.codes, self.critic = rows, codes, critic
        self.best: dict[str, np.ndarray] = {}
        self.best_critic: dict[str, np.ndarray] = {}
        self.best_quality, self.patience = np.inf, estimator.n_iter_no_change

    def __call__(self, step: int, losses: dict[str, float], generator: nn.Module) -> bool:
        """Return whether to stop."""
        weights, critic = _weights_of(generator), _weights_of(self.critic)
        if not (
            np.abs(list(losses.values())).max() < DIVERGED  # False for NaN, too
            and all(np.isfinite(v).all() for v in [*weights.values(), *critic.values()])
        ):
            kept = "the weights of the last good tick" if self.best else "convex combinations"
            warnings.warn(
                f"GAN training diverged by step {step} of {self.estimator.steps}; {kept} are "
                f"used instead. Lower learning_rate (now {self.estimator.learning_rate}) or "
                "raise the penalty of the loss.",
                ConvergenceWarning,
                stacklevel=2,
            )
            return True
        logs = {"step": step, **losses}
        if len(self.rows):
            logs |= self._measure(generator)
            better = logs[WATCHED] < self.best_quality
            self.patience = self.estimator.n_iter_no_change if better else self.patience - 1
            self.best_quality = min(self.best_quality, logs[WATCHED])
        if not len(self.rows) or better:
            self.best, self.best_critic = weights, critic
        self.estimator.history_.append(logs)
        tick = self.context.subcontext(task_name="tick")
        tick.call_on_fit_task_begin(estimator=self.estimator)
        told = tick.call_on_fit_task_end(
            estimator=self.estimator,
            metadata=logs,
            reconstruction_attributes=lambda: {
                **self.rest,
                "weights_": weights,
                "critic_weights_": critic,
            },
        )
        return bool(told) or self.patience == 0

    def _measure(self, generator: nn.Module) -> dict[str, float]:
        """Return each measure's mean over classes, taken against held-out real rows."""
        measures = {name: pkgutil.resolve_name(where) for name, where in QUALITY.items()}
        seed, encoder = self.estimator.seed_, self.estimator.encoder_
        found: dict[str, list[float]] = {name: [] for name in measures}
        for c in np.unique(self.codes):
            classes = np.full(500, c)
            context = encoder.draw_context(classes, numpy_stream(seed, _WATCH))
            rng = torch_stream(seed, _WATCH, device=self.device)
            synthetic = _generate(generator, classes, context, rng, self.device)
            for name, measure in measures.items():
                found[name].append(measure(self.rows[self.codes == c], synthetic))
        return {f"quality/{name}": float(np.mean(values)) for name, values in found.items()}


def _generate(
    generator: Any,
    classes: np.ndarray,
    context: np.ndarray,
    rng: torch.Generator,
    device: str,
    n_candidates: int = 1,
    promise: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
) -> np.ndarray:
    """Run the generator in chunks that stay in the processor's cache.

    Of `n_candidates` times as many rows those are kept that `promise` most, as luck will have it.
    """
    import torch

    rows = np.empty((len(classes), generator.spec.width), dtype=np.float32)
    chunk = max(SAMPLE_CHUNK // n_candidates, 1)
    with torch.no_grad():
        for start in range(0, len(classes), chunk):
            part = slice(start, start + chunk)
            asked = torch.from_numpy(classes[part]).to(device).repeat(n_candidates)
            given = torch.from_numpy(context[part]).to(device).repeat(n_candidates, 1)
            made = generator(asked, given, rng)
            if promise is not None and n_candidates > 1:
                made = made[_choose(promise(made, asked), len(made) // n_candidates, rng)]
            rows[part] = made.cpu().numpy()
    return rows


def _choose(log_weights: torch.Tensor, n: int, rng: torch.Generator) -> torch.Tensor:
    """Draw `n` positions without replacement, with chances in proportion to the weights.

    The largest sums of a log weight and a Gumbel draw are such a sample (Vieira 2014; Kool et al.
    2019, "Stochastic beams and where to find them", ICML).
    """
    gumbel = -log_weights.new_empty(log_weights.shape).exponential_(generator=rng).log()
    return (log_weights + gumbel).topk(n).indices.sort()[0]


def _weights_of(network: nn.Module) -> dict[str, np.ndarray]:
    return {k: v.detach().cpu().numpy().copy() for k, v in network.state_dict().items()}


def _restore(network: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    import torch

    network.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in weights.items()})
    network.eval()


def _pick_device(asked: str, fallback: bool = False) -> str:
    """Return a device that is there; ``fallback`` is for models trained elsewhere."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if asked == "auto":
        return "cuda" if there["cuda"] else "cpu"
    if not there[asked] and not fallback:
        have = [device for device, ready in there.items() if ready]
        raise ValueError(f"device={asked!r} is not available here; choose among {have} or 'auto'.")
    return asked if there[asked] else "cpu"


def _thin(codes: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return sorted positions of at most ``most`` rows of each class."""
    kept = []
    for c in np.unique(codes):
        own = np.flatnonzero(codes == c)
        kept.append(own if len(own) <= most else rng.choice(own, most, replace=False))
    return np.sort(np.concatenate(kept))


def _take(table: Any, rows: np.ndarray) -> Any:
    if len(rows) == len(table):
        return table
    return table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows]
