"""The engine of GANAugmenter and GANOverSampler: check, encode, learn, remember; sample, decode."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing, check_consistent_length, get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from ganaug.callbacks import CallbackSupportMixin
from ganaug.containers import as_labels, extend, take
from ganaug.encoders.labels import LabelCoder
from ganaug.environment import pick_device
from ganaug.fitted import check_fits
from ganaug.frames import as_form, as_pandas, check_fitted_form, form_of
from ganaug.generators.few_rows import Interpolation, Jitter
from ganaug.generators.gan import CHUNK, ConditionalGAN
from ganaug.generators.monitor import HELD_OUT_ROWS, Monitor, TrainingDiverged, Validation, hold_out
from ganaug.generators.selection import CandidateSelector
from ganaug.parameters import (
    ARRAY_LIKE,
    CALLABLE,
    FLAG,
    NONE,
    RANDOM_STATE,
    check_parameters,
    check_value,
    has_methods,
    is_a,
    number,
    one_of,
    whole,
)
from ganaug.randomness import Purpose, numpy_stream, seed_from
from ganaug.registry import ENCODERS, LOSSES, NETWORKS, make
from ganaug.targets import check_target, checked_rows, rows_to_add
from ganaug.weights import (
    check_sample_weight,
    mean_weights,
    spread_by_weight,
    thin_weighted,
    within_class,
)

#: Rows of a class that the encoder sees at least, however few the step budget can visit.
MIN_ROWS_SEEN = 200
#: For one row. All of them are in memory at once.
N_CANDIDATES = whole(1, CHUNK)


class _Checked(NamedTuple):
    """What ``fit`` was given, checked, without the rows of weight 0."""

    X: Any
    y: Any
    table: Any
    codes: np.ndarray
    counts: dict[Any, int]
    to_add: dict[Any, int]
    labels: LabelCoder
    encoder: Any
    device: str
    mean_weights: dict[Any, float]
    #: With a mean of 1 in each class; None: all the same.
    weights: np.ndarray | None


class _Encoded(NamedTuple):
    """Encoded rows, and what encoded them."""

    encoder: Any
    rows: np.ndarray
    codes: np.ndarray
    held_out: np.ndarray
    weights: np.ndarray | None


class GANEngine(CallbackSupportMixin, BaseEstimator):
    """Parameters, training and sampling: what both faces share."""

    parameter_rules = {
        "sampling_strategy": (
            number(above=0, high=1),
            one_of(["auto", "all", "minority", "not minority", "not majority"]),
            is_a("a dict", Mapping),
            CALLABLE,
        ),
        "network": (one_of(NETWORKS), has_methods("build")),
        "loss": (one_of(LOSSES), has_methods("critic_loss", "generator_loss")),
        "encoder": (
            one_of(ENCODERS),
            has_methods(
                "check", "fit", "transform", "inverse_transform", "draw_missing_flags", "get_params"
            ),
        ),
        "categorical_features": (one_of(["from_dtype"]), ARRAY_LIKE, NONE),
        "steps": (whole(1),),
        "batch_size": (whole(2),),
        "learning_rate": (number(above=0),),
        "n_candidates": (N_CANDIDATES,),
        "early_stopping": (FLAG,),
        "validation_fraction": (number(above=0, below=1),),
        "n_iter_no_change": (whole(1),),
        "device": (one_of(["auto", "cpu", "cuda", "mps"]),),
        "random_state": RANDOM_STATE,
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
        """Set parameters, also of a part that is given by its name.

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
            value = params.get(part, getattr(self, part))
            if isinstance(value, str) and any(key.startswith(f"{part}__") for key in params):
                params[part] = make(registry, value)
        return super().set_params(**params)

    def _fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Check, encode, learn, remember. A fit that fails leaves the estimator as it was."""
        checked = self._check(X, y, sample_weight)
        fitted = self._describe(X, y, checked)
        X, y = checked.X, checked.y
        context = self._init_callback_context(max_subtasks=None)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        generators = Jitter(), Interpolation(), self._checked_generator(checked.weights)
        encoded = self._encode(checked, fitted["seed_"], generators[-1].min_rows)
        fitted |= {"encoder_": encoded.encoder, "labels_": checked.labels}
        fitted |= self._learn(encoded, generators, fitted, checked.device, context)
        kept = {name: value for name, value in vars(self).items() if not name.endswith("_")}
        self.__dict__ = kept | fitted
        context.call_on_fit_task_end(
            estimator=self,
            X=X,
            y=y,
            metadata={
                "history": list(self.history_),
                "methods": self.methods_,
                "class_counts": self.class_counts_,
                "device": checked.device,
            },
        )
        return self

    def _check(self, X: Any, y: Any, sample_weight: Any) -> _Checked:
        """Refuse what cannot be fitted, before anything takes time."""
        check_parameters(self)
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None; pass "
                "the class of each row."
            )
        target = as_labels(as_pandas(y, "y"))
        check_target(target, one_hot=True)
        encoder = self._make_encoder()
        table = encoder.check(as_pandas(X))
        check_consistent_length(table, target)
        given = None
        if sample_weight is not None:
            given = check_sample_weight(sample_weight, len(table))
            kept = np.flatnonzero(given)
            if len(kept) < len(given):  # a row of weight 0 is none
                table, target = take(table, kept), _safe_indexing(target, kept)
                X, y, given = table, target, given[kept]
        labels = LabelCoder().fit(target)
        codes = labels.encode(target)
        counts = dict(zip(labels.classes_.tolist(), np.bincount(codes).tolist(), strict=True))
        to_add = rows_to_add(counts, self.sampling_strategy, y=target)
        for part in (encoder, make(NETWORKS, self.network), make(LOSSES, self.loss)):
            if hasattr(part, "parameter_rules"):
                check_parameters(part)
        device = pick_device(self.device)
        means = np.ones(len(counts)) if given is None else mean_weights(codes, given)
        mean_of = dict(zip(counts, means.tolist(), strict=True))
        weights = None if given is None else within_class(codes, given)
        return _Checked(
            X, y, table, codes, counts, to_add, labels, encoder, device, mean_of, weights
        )

    def _checked_generator(self, weights: np.ndarray | None) -> Any:
        generator = self.make_generator()
        if weights is not None and not has_fit_parameter(generator, "sample_weight"):
            raise ValueError(
                f"{type(generator).__name__}.fit takes no sample_weight; give it that parameter, "
                "or fit without weights."
            )
        return generator

    def _describe(self, X: Any, y: Any, checked: _Checked) -> dict[str, Any]:
        """Return the fitted attributes that are known before training."""
        columns = BaseEstimator()
        validate_data(columns, X, skip_check_array=True, reset=True)
        return {
            **vars(columns),  # n_features_in_ and feature_names_in_
            "classes_": checked.labels.classes_,
            "class_counts_": checked.counts,
            "sampling_strategy_": checked.to_add,
            "mean_weights_": checked.mean_weights,
            "seed_": seed_from(self.random_state),
            "n_candidates_": self.n_candidates,
            "device_": self.device,
            "forms_": {"X": form_of(X), "y": form_of(y)},
        }

    def _encode(self, checked: _Checked, seed: int, min_rows: int) -> _Encoded:
        """Fit the encoder on the rows that are not held out; encode all."""
        n_classes = len(checked.labels.classes_)
        # A class is thinned to the rows that the step budget can visit.
        budget = max(MIN_ROWS_SEEN, math.ceil(int(self.steps) * int(self.batch_size) / n_classes))
        kept, weights = thin_weighted(
            checked.codes, checked.weights, budget, numpy_stream(seed, Purpose.THIN)
        )
        table, codes = take(checked.table, kept), checked.codes[kept]
        held_out = np.zeros(len(codes), dtype=bool)
        if self.early_stopping:
            grow = [c for c, label in enumerate(checked.counts) if checked.to_add.get(label)]
            held_out = self._hold_out(codes, grow, min_rows, seed)
        learned = np.flatnonzero(~held_out)
        options = {}
        if weights is not None and has_fit_parameter(checked.encoder, "sample_weight"):
            options["sample_weight"] = weights[learned]
        encoder = checked.encoder.fit(take(table, learned), codes[learned], n_classes, **options)
        if identifiers := getattr(encoder, "identifiers", []):
            encoder.reserve_identifiers(checked.table)
            self._warn_of_identifiers(identifiers)
        return _Encoded(encoder, encoder.transform(table), codes, held_out, weights)

    def _learn(
        self,
        encoded: _Encoded,
        unfitted: Sequence[Any],
        fitted: dict[str, Any],
        device: str,
        context: Any,
    ) -> dict[str, Any]:
        """Fit the generators of all classes; return the fitted attributes that this adds."""
        encoder, rows, codes, held_out, weights = encoded
        seed, seen = fitted["seed_"], ~held_out
        options = {} if weights is None else {"sample_weight": weights[seen]}
        methods = {c: _method_for(n, unfitted) for c, n in fitted["class_counts_"].items()}
        monitor = Monitor(n_iter_no_change=self.n_iter_no_change)
        generators: dict[str, Any] = {}

        def attributes(generators: dict[str, Any]) -> dict[str, Any]:
            history = list(monitor.history)
            return {"history_": history, "methods_": methods, "generators_": generators}

        monitor.on_tick = self._tick(
            context, lambda now: fitted | attributes(generators | {now.name: now})
        )
        if held_out.any():
            draw = encoder.draw_missing_flags
            watched = np.flatnonzero(held_out)
            if weights is not None:
                counts = dict(enumerate(np.bincount(codes[watched]).tolist()))
                rng = numpy_stream(seed, Purpose.HOLD_OUT, 1)
                spread = spread_by_weight(codes[watched], weights[watched], counts, rng)
                watched = watched[spread]
            monitor.validation = Validation(rows[watched], codes[watched], draw, seed, device)
        for generator in unfitted:
            served = np.flatnonzero([method == generator.name for method in methods.values()])
            if not len(served):
                continue
            try:
                generators[generator.name] = generator.fit(
                    rows[seen],
                    codes[seen],
                    encoder.layout_,
                    classes=served,
                    seed=seed,
                    device=device,
                    monitor=monitor,
                    **options,
                )
            except TrainingDiverged:
                self._warn_of_divergence(monitor, "interpolation or jitter is")
                everything = _Encoded(encoder, rows, codes, np.zeros_like(held_out), weights)
                rest = [other for other in unfitted if other is not generator]
                instead = self._learn(everything, rest, fitted, device, context)
                return instead | {"history_": list(monitor.history)}
        if monitor.diverged_at is not None:
            self._warn_of_divergence(monitor, "the weights of the last good tick are")
        return attributes(generators)

    def _tick(
        self, context: Any, at_tick: Callable[[Any], dict[str, Any]]
    ) -> Callable[[dict[str, Any], Any], bool]:
        """Return what tells callbacks of a tick; they may ask for the estimator as it is then."""

        def on_tick(logs: dict[str, Any], generator: Any) -> bool:
            tick = context.subcontext(task_name="tick")
            tick.call_on_fit_task_begin(estimator=self)
            return tick.call_on_fit_task_end(
                estimator=self,
                metadata=logs,
                reconstruction_attributes=lambda: at_tick(generator),
            )

        return on_tick

    def _warn_of_identifiers(self, names: Sequence[Any]) -> None:
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        warnings.warn(
            f"Columns that identify rows: {', '.join(map(repr, names[:20]))}{more}. The GAN learns "
            "nothing from them, and synthetic rows get made-up values by which a classifier could "
            "tell them from real ones. Drop such columns, or name them in categorical_features if "
            "they are categories.",
            UserWarning,
            stacklevel=6,  # past fit and what wraps it
        )

    def _warn_of_divergence(self, monitor: Monitor, instead: str) -> None:
        step = "" if monitor.diverged_at is None else f" by step {monitor.diverged_at}"
        warnings.warn(
            f"Training diverged{step} of {self.steps}; {instead} used instead. Lower learning_rate "
            f"(now {self.learning_rate}) or raise the penalty of the loss.",
            ConvergenceWarning,
            stacklevel=6,  # past fit and what wraps it
        )

    def make_generator(self) -> Any:
        """Return the unfitted generator of classes with enough rows.

        A subclass that overrides this has another, see :mod:`ganaug.generators`. It must not hold
        objects that the caller can change.
        """
        return ConditionalGAN(
            clone(self.network, safe=False),
            clone(self.loss, safe=False),
            CandidateSelector(),
            steps=int(self.steps),
            batch_size=int(self.batch_size),
            learning_rate=float(self.learning_rate),
        )

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

    def _hold_out(self, codes: np.ndarray, grow: list[int], min_rows: int, seed: int) -> np.ndarray:
        """Return a mask of held-out rows, of the classes that are to grow and can spare some."""
        rng = numpy_stream(seed, Purpose.HOLD_OUT)
        mask = hold_out(codes, grow, self.validation_fraction, min_rows, rng)
        if not mask.any():
            least = HELD_OUT_ROWS[0]
            warnings.warn(
                f"early_stopping has nothing to watch: a class to add rows to needs "
                f"{least + min_rows} rows, of which {least} are held out. Training goes on for all "
                "steps.",
                UserWarning,
                stacklevel=6,  # past fit and what wraps it
            )
        return mask

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
        random_state : int, RandomState, numpy Generator or None, default=None
            ``None`` for the seed of the fit: the same rows at every call. Pass another for a
            fresh draw.
        n_candidates : int or None, default=None
            As in the constructor. ``None`` is what was given there if ``n`` is ``None``, so that
            these are the very rows that ``transform`` adds; rows asked for by ``n`` come as the
            generator makes them, which is several times as fast.

        Returns
        -------
        X_new : ndarray, DataFrame or Table of shape (n_new, n_features_in_)
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
        ImportError
            If rows are to come in polars or pyarrow, and that is not installed here.
        """
        check_is_fitted(self, "generators_")
        if n_candidates is None:
            n_candidates = self.n_candidates_ if n is None else 1
        check_value(f"{type(self).__name__}.sample", "n_candidates", n_candidates, N_CANDIDATES)
        n = self.sampling_strategy_ if n is None else n
        X_new, codes = self._draw(n, random_state, n_candidates)
        y_new = self.labels_.decode(codes)
        return as_form(X_new, self.forms_["X"]), as_form(y_new, self.forms_["y"])

    def _draw(self, n: Any, random_state: Any, n_candidates: int) -> tuple[Any, np.ndarray]:
        """Return synthetic rows, decoded into pandas or numpy, and their class codes."""
        labels = self.classes_.tolist()
        if not isinstance(n, Mapping):
            raise ValueError(
                f"n={n!r} must be a dict of rows per label, such as {{{labels[0]!r}: 10}}, or None."
            )
        counts = {labels.index(label): rows for label, rows in checked_rows(n, labels, "n").items()}
        seed = self.seed_ if random_state is None else seed_from(random_state)
        codes = np.repeat(np.array(list(counts), dtype=np.int64), list(counts.values()))
        rows = self._encoded_rows(counts, seed, int(n_candidates))
        return self.encoder_.inverse_transform(
            rows, codes, numpy_stream(seed, Purpose.DECODE)
        ), codes

    def _encoded_rows(self, counts: Mapping[int, int], seed: int, n_candidates: int) -> np.ndarray:
        """Return encoded rows, class after class in the order of ``counts``."""
        methods = list(self.methods_.values())
        made: dict[int, np.ndarray] = {}
        for name, generator in self.generators_.items():
            served = {code: n for code, n in counts.items() if methods[code] == name}
            if served:
                made |= generator.sample(
                    served,
                    seed=seed,
                    draw_missing_flags=self.encoder_.draw_missing_flags,
                    n_candidates=n_candidates,
                    device=pick_device(self.device_, fallback=True),
                )
        nothing = np.empty((0, self.encoder_.layout_.width), dtype=np.float32)
        return np.concatenate([nothing, *(made[code] for code in counts)])

    def _extended(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the real rows, and after them the rows that ``sampling_strategy`` adds."""
        X_new, codes = self._draw(self.sampling_strategy_, None, self.n_candidates_)
        X_new = as_form(X_new, self.forms_["X"])
        y_new = as_form(self.labels_.decode(codes, like=as_pandas(y)), form_of(y))
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
        OSError
            If it cannot be written, as on a full disk. Nothing is left behind.
        TypeError
            If a parameter, label, level or name is not plain data. The message names it and its
            column.
        """
        from ganaug.storage import save

        check_is_fitted(self, "generators_")
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

        return load(path, cls, cls._check_parts)

    def _check_parts(self) -> None:
        """Raise if parts that were read from a file do not fit together, or make no rows."""
        labels = self.classes_.tolist()
        self.labels_.check_fitted(len(labels))
        if hasattr(self.encoder_, "check_fitted"):
            self.encoder_.check_fitted(len(labels))
        check_fits(self.labels_.classes_.tolist() == labels, "classes_")
        check_fits(list(self.class_counts_) == list(self.methods_) == labels, "methods_")
        check_fits(set(self.methods_.values()) == set(self.generators_), "generators_")
        for name, generator in self.generators_.items():
            check_fits(name == generator.name, f"generators_[{name!r}]")
            if hasattr(generator, "check_fitted"):
                generator.check_fitted(self.encoder_.layout_)
        checked_rows(self.sampling_strategy_, labels, "sampling_strategy_")
        check_value(type(self).__name__, "n_candidates_", self.n_candidates_, N_CANDIDATES)
        check_fits(isinstance(self.seed_, int) and isinstance(self.history_, list), "seed_")
        # What is left shows when a row of each class is made.
        X_new, codes = self._draw(dict.fromkeys(labels, 1), None, n_candidates=2)
        check_fitted_form(self.forms_["X"], X_new)
        check_fitted_form(self.forms_["y"], self.labels_.decode(codes))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # What was fitted counts, whatever the parameter is by now.
        encoder = vars(self).get("encoder_", self.encoder)
        if (isinstance(encoder, str) and encoder not in ENCODERS) or encoder is None:
            return tags  # fit will refuse it
        of_rows = get_tags(make(ENCODERS, encoder)).input_tags
        for kind in ("allow_nan", "string", "categorical", "sparse", "three_d_array"):
            setattr(tags.input_tags, kind, getattr(of_rows, kind))
        tags.target_tags.required = True
        return tags


def _method_for(n_rows: int, generators: Sequence[Any]) -> str:
    """Return the name of the last generator for which so many rows of a class are enough."""
    return [generator.name for generator in generators if generator.min_rows <= n_rows][-1]
