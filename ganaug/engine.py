"""The engine of GANAugmenter and GANOverSampler: check, encode, learn, remember; sample, decode."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, get_tags
from sklearn.utils.validation import check_is_fitted

from ganaug.budget import BUDGET, check_batch, check_sample
from ganaug.callbacks import CallbackSupportMixin, has_progress_bar
from ganaug.containers import extend, take
from ganaug.encoders.labels import LabelCoder
from ganaug.fabric import current_ranks
from ganaug.fitted import ABSENT, array_of, check_fits, check_part, dict_of, each
from ganaug.frames import as_form, as_pandas, check_fitted_form, form_of
from ganaug.generators.few_rows import Interpolation, Jitter
from ganaug.generators.gan import CHUNK, ConditionalGAN, chunk_of
from ganaug.generators.monitor import Monitor, TrainingDiverged, Validation, steps_done
from ganaug.generators.near_copies import NearCopies
from ganaug.generators.selection import CandidateSelector
from ganaug.notebook import ShowsTraining
from ganaug.parameters import (
    ARRAY_LIKE,
    CALLABLE,
    FLAG,
    NONE,
    RANDOM_STATE,
    NamesParameters,
    Rule,
    check_value,
    has_methods,
    is_a,
    number,
    one_of,
    whole,
)
from ganaug.progress import StepProgress
from ganaug.randomness import seed_from
from ganaug.registry import ENCODERS, LOSSES, NETWORKS, make
from ganaug.row_source import RowSource
from ganaug.targets import checked_rows, shared_out
from ganaug.training_rows import (
    CheckedRows,
    EncodedRows,
    check_features,
    check_rows,
    encode_rows,
)
from ganaug.typing import ColumnsLike, Encoder, Loss, Network, RandomState, SamplingStrategy

#: For one row. All of them are in memory at once.
N_CANDIDATES = whole(1, CHUNK)
#: Rows of a class that the ``sampling_strategy_`` of a file may ask for, for each row of ``fit``.
MOST_TIMES = 100
#: Numbers of encoded rows that are as large say that the weights of a file are damaged.
FAR = 1e30


class GANEngine(ShowsTraining, NamesParameters, CallbackSupportMixin, BaseEstimator):
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
        "steps": (one_of(["auto"]), whole(1)),
        "batch_size": (whole(2),),
        "learning_rate": (number(above=0),),
        "n_candidates": (N_CANDIDATES,),
        "min_distance": (number(above=0), NONE),
        "early_stopping": (FLAG,),
        "validation_fraction": (number(above=0, below=1),),
        "n_iter_no_change": (whole(1),),
        "device": (one_of(["auto", "cpu", "cuda", "mps"]),),
        "memory_budget": BUDGET,
        "random_state": RANDOM_STATE,
        "warm_start": (FLAG,),
        "verbose": (one_of(["auto"]), FLAG),
    }

    saved_rules = {
        "memory_budget": BUDGET,
        "n_features_in_": (whole(1),),
        "feature_names_in_": (array_of("OUT"), ABSENT),
        "classes_": (array_of("biufcmMOSU"),),
        "class_counts_": (dict_of(whole(1)),),
        "sampling_strategy_": (dict_of(whole(0)),),
        "mean_weights_": (dict_of(number(above=0)),),
        "n_steps_": (whole(1),),
        "seed_": (whole(0, 2**63),),
        "n_candidates_": (N_CANDIDATES,),
        "device_": (one_of(["auto", "cpu", "cuda", "mps"]),),
        "forms_": (dict_of(Rule("a dict or None", lambda form: isinstance(form, dict | None))),),
        "encoder_": (has_methods("inverse_transform", "draw_missing_flags"),),
        "labels_": (is_a("a LabelCoder", LabelCoder),),
        "history_": (each(dict_of(is_a("a number", int, float), is_a("text", str)), list),),
        "methods_": (dict_of(is_a("text", str)),),
        "generators_": (dict_of(has_methods("row_maker"), is_a("text", str)),),
        "near_copies_": (is_a("a NearCopies", NearCopies), NONE),
    }

    def __init__(
        self,
        sampling_strategy: SamplingStrategy = "auto",
        *,
        network: str | Network = "dense",
        loss: str | Loss = "relativistic",
        encoder: str | Encoder = "table",
        categorical_features: Literal["from_dtype"] | ColumnsLike | None = "from_dtype",
        steps: int | Literal["auto"] = "auto",
        batch_size: int = 128,
        learning_rate: float = 0.002,
        n_candidates: int = 4,
        min_distance: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
        memory_budget: int | str = "auto",
        random_state: RandomState = None,
        warm_start: bool = False,
        verbose: Literal["auto"] | bool = "auto",
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
        self.min_distance = min_distance
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.device = device
        self.memory_budget = memory_budget
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def set_params(self, **params: Any) -> Self:
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
        ranks = current_ranks()
        checked = check_rows(self, X, y, sample_weight)
        fitted = self._describe(checked)
        X, y = checked.X, checked.y
        context = self._init_callback_context(max_subtasks=None)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        verbose = False if ranks.rank or has_progress_bar(context) else self.verbose
        with StepProgress("Training the GAN", "steps", verbose) as progress:
            encoded = encode_rows(self, checked)
            if ranks.size > 1:
                ranks.check_same(n_steps=checked.n_steps, rows=encoded.summary())
            fitted |= {"encoder_": encoded.encoder, "labels_": checked.labels}
            generators = Jitter(), Interpolation(), checked.generator
            on_tick = self._tick(context, progress, fitted["n_steps_"])
            fitted |= self._learn(
                encoded, generators, fitted, checked.device, on_tick, checked.before
            )
            fitted = ranks.share(fitted)
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
                "n_steps": self.n_steps_,
                "device": checked.device,
            },
        )
        return self

    def _describe(self, checked: CheckedRows) -> dict[str, Any]:
        """Return the fitted attributes that are known before training."""
        columns = BaseEstimator()
        check_features(columns, checked.encoder, checked.X, checked.table, reset=True)
        return {
            **vars(columns),  # n_features_in_ and feature_names_in_
            "classes_": checked.labels.classes_,
            "class_counts_": checked.counts,
            "sampling_strategy_": checked.to_add,
            "mean_weights_": checked.mean_weights,
            "n_steps_": checked.n_steps + steps_done(getattr(checked.before, "history_", [])),
            "seed_": checked.seed,
            "n_candidates_": self.n_candidates,
            "device_": self.device,
            "forms_": checked.forms,
        }

    def _near_copies(self, encoded: EncodedRows, before: Any) -> NearCopies | None:
        """Return what tells near copies of the rows that are learned from, now or before."""
        if self.min_distance is None:
            return None
        seen = np.flatnonzero(~encoded.held_out)
        rows, codes = take(encoded.rows, seen), encoded.codes[seen]
        if before is not None:
            known = before.near_copies_.rows_
            rows = np.concatenate([rows, *known.values()])
            codes = np.concatenate([codes, *(np.full(len(r), c) for c, r in known.items())])
        return NearCopies(float(self.min_distance)).fit(rows, codes)

    def _learn(
        self,
        encoded: EncodedRows,
        unfitted: Sequence[Any],
        fitted: dict[str, Any],
        device: str,
        on_tick: Callable[[dict[str, Any], Callable[[], dict[str, Any]]], bool],
        before: Any,
    ) -> dict[str, Any]:
        """Fit the generators of all classes; return the fitted attributes that this adds.

        ``before`` is the estimator whose training goes on, or None.
        """
        encoder, weights, seen = encoded.encoder, encoded.weights, ~encoded.held_out
        rows, codes, seed = encoded.rows, encoded.codes, fitted["seed_"]
        learned, options = take(rows, np.flatnonzero(seen)), {}
        if weights is not None:
            options["sample_weight"] = weights[seen]
        methods = {c: _method_for(n, unfitted) for c, n in fitted["class_counts_"].items()}
        monitor = Monitor(
            n_iter_no_change=self.n_iter_no_change,
            history=list(getattr(before, "history_", [])),
        )
        generators: dict[str, Any] = {}
        near_copies = self._near_copies(encoded, before)

        def attributes(generators: dict[str, Any]) -> dict[str, Any]:
            return {
                "history_": list(monitor.history),
                "methods_": methods,
                "generators_": generators,
                "near_copies_": near_copies,
            }

        monitor.on_tick = lambda logs, now: on_tick(
            logs, lambda: fitted | attributes(generators | {now.name: now})
        )
        if not seen.all():
            watched = encoded.watched(seed)
            monitor.validation = Validation(
                rows[watched], codes[watched], encoder.draw_missing_flags, seed, device
            )
        for generator in unfitted:
            served = np.flatnonzero([method == generator.name for method in methods.values()])
            if not len(served):
                continue
            start: dict[str, Any] = {}
            if "start" in signature(generator.fit).parameters:
                monitor.best = getattr(before, "generators_", {}).get(generator.name)
                start = {"start": monitor.best}
            try:
                generators[generator.name] = generator.fit(
                    learned,
                    codes[seen],
                    encoder.layout_,
                    classes=served,
                    seed=seed,
                    device=device,
                    monitor=monitor,
                    **options,
                    **start,
                )
            except TrainingDiverged:
                self._warn_of_divergence(monitor, fitted, "interpolation or jitter is")
                everything = replace(encoded, held_out=np.zeros_like(seen))
                rest = [other for other in unfitted if other is not generator]
                instead = self._learn(everything, rest, fitted, device, on_tick, before)
                return instead | {"history_": list(monitor.history)}
        if monitor.diverged_at is not None:
            self._warn_of_divergence(monitor, fitted, "the weights of the last good tick are")
        return attributes(generators)

    def _tick(
        self, context: Any, progress: StepProgress, n_steps: int
    ) -> Callable[[dict[str, Any], Callable[[], dict[str, Any]]], bool]:
        """Return what tells of a tick; callbacks may ask for the estimator as it is then."""

        def on_tick(logs: dict[str, Any], attributes: Callable[[], dict[str, Any]]) -> bool:
            progress.reached(logs["step"], n_steps)
            tick = context.subcontext(task_name="tick")
            tick.call_on_fit_task_begin(estimator=self)
            return tick.call_on_fit_task_end(
                estimator=self, metadata=logs, reconstruction_attributes=attributes
            )

        return on_tick

    def _warn_of_divergence(
        self, monitor: Monitor, fitted: Mapping[str, Any], instead: str
    ) -> None:
        step = "" if monitor.diverged_at is None else f" by step {monitor.diverged_at}"
        warnings.warn(
            f"Training diverged{step} of {fitted['n_steps_']}; {instead} used instead. Lower "
            f"learning_rate (now {self.learning_rate}) or raise the penalty of the loss.",
            ConvergenceWarning,
            stacklevel=6,  # past fit and what wraps it
        )

    def make_generator(self, n_steps: int) -> Any:
        """Return the unfitted generator of classes with enough rows.

        A subclass that overrides this has another, see :mod:`ganaug.generators`. It must not hold
        objects that the caller can change.

        Parameters
        ----------
        n_steps : int
            How many steps to train for: what will be ``n_steps_``. A generator that does not learn
            step by step has no use for it.

        Returns
        -------
        generator
            Its ``min_rows`` says how many rows a class needs.
        """
        return ConditionalGAN(
            clone(self.network, safe=False),
            clone(self.loss, safe=False),
            CandidateSelector(),
            steps=n_steps,
            batch_size=int(self.batch_size),
            learning_rate=float(self.learning_rate),
        )

    def sample(
        self,
        n: int | Mapping[Any, int] | None = None,
        *,
        random_state: RandomState | np.random.Generator = None,
        n_candidates: int | None = None,
    ) -> tuple[Any, Any]:
        """Make synthetic rows.

        Parameters
        ----------
        n : int, dict or None, default=None
            How many rows: in all, of the classes that ``sampling_strategy`` adds to and in its
            proportions; or of each class, ``{label: rows}``; ``None`` for as many as
            ``sampling_strategy`` asked.
        random_state : int, RandomState, numpy Generator or None, default=None
            ``None`` for the seed of the fit: the same rows at every call. Pass another for a
            fresh draw.
        n_candidates : int or None, default=None
            As in the constructor. ``None`` is what was given there if ``n`` is ``None``, so that
            these are the very rows that ``transform`` adds; rows asked for by ``n`` come as the
            generator makes them, which is several times as fast.

        Returns
        -------
        X_new : ndarray, DataFrame or Table of shape (n_new, `n_features_in_`)
            In the container and dtypes of the fitted ``X``.
        y_new : ndarray, list, Series or DataFrame of length n_new
            In the container of the fitted ``y``; classes in the order of ``n``.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If ``n`` names an unknown label or a count that is not a whole number from 0 on, or
            ``n_candidates`` is not one from 1 on; if ``n`` is a number, and ``sampling_strategy``
            adds to no class; if the rows would take more memory than ``memory_budget``; if fewer
            than one in a hundred rows come as far from training rows as ``min_distance`` asks.
        ImportError
            If rows are to come in polars or pyarrow, and that is not installed here.
        """
        check_is_fitted(self, "generators_")
        if n_candidates is None:
            n_candidates = self.n_candidates_ if n is None else 1
        check_value(f"{type(self).__name__}.sample", "n_candidates", n_candidates, N_CANDIDATES)
        n = self.sampling_strategy_ if n is None else n
        X_new, codes = self._draw(n, random_state, n_candidates)
        return self._in_fitted_form(X_new, self.labels_.decode(codes))

    def sample_batches(
        self,
        n: int | Mapping[Any, int],
        *,
        batch_size: int = 100_000,
        batches: Iterable[int] | None = None,
        random_state: RandomState | np.random.Generator = None,
        n_candidates: int = 1,
    ) -> Iterator[tuple[Any, Any]]:
        """Make synthetic rows batch by batch, in as much memory as one batch takes.

        Every row belongs to its number: row 7 of a class and seed is the same one in batches of
        any size, in any process, and from the model that :func:`ganaug.tracking.log_model` logs. So
        processes and machines can share the batches out among them.

        Parameters
        ----------
        n : int or dict
            As in :meth:`sample`: how many rows in all, or of each class, ``{label: rows}``.
        batch_size : int, default=100_000
            Rows of a batch; the last one may have fewer. Rows are made in blocks of 1000 of a class
            (with axes, as images have: 100), so that a class of fewer takes as long as one block.
        batches : iterable of int, default=None
            The numbers of the batches to make, from 0 on, in this order. ``None`` for all, which
            are ``ceil(rows / batch_size)``.
        random_state : int, RandomState, numpy Generator or None, default=None
            As in :meth:`sample`. Processes that share the batches need the same one: an int, or
            None, the seed of the fit.
        n_candidates : int, default=1
            Each row is chosen from so many, which takes as many times as long; see the constructor.

        Yields
        ------
        X_new : ndarray, DataFrame or Table of shape (`batch_size`, `n_features_in_`)
            In the container and dtypes of the fitted ``X``. The index of a DataFrame goes on from
            batch to batch.
        y_new : ndarray, list, Series or DataFrame of length `batch_size`
            In the container of the fitted ``y``; classes in the order of ``n``.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            As :meth:`sample`; if ``batch_size`` is no whole number from 1 on, or there is no batch
            of a number in ``batches``; if one batch would take more memory than ``memory_budget``.
        ImportError
            As :meth:`sample`.

        See Also
        --------
        sample : All rows at once. Its rows are others: it shares out candidates, and patterns of
            missing cells, among all that are asked for.

        Notes
        -----
        Numbers in columns that number the rows go on from batch to batch. Texts that name the rows
        are drawn: within a block no two are equal, over many blocks as few as chance has it.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from ganaug import GANAugmenter
        >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
        >>> augmenter = GANAugmenter(steps=20, random_state=0).fit(X, y)
        >>> for X_new, y_new in augmenter.sample_batches({0: 5000}, batch_size=2000):
        ...     print(X_new.shape, X_new.index)
        (2000, 30) RangeIndex(start=0, stop=2000, step=1)
        (2000, 30) RangeIndex(start=2000, stop=4000, step=1)
        (1000, 30) RangeIndex(start=4000, stop=5000, step=1)
        >>> [(third, _)] = augmenter.sample_batches({0: 5000}, batch_size=2000, batches=[2])
        >>> third.equals(X_new)
        True
        """
        check_is_fitted(self, "generators_")
        where = f"{type(self).__name__}.sample_batches"
        check_value(where, "batch_size", batch_size, whole(1))
        check_value(where, "n_candidates", n_candidates, N_CANDIDATES)
        counts = self._counts(n)
        n_batches = -(-sum(counts.values()) // int(batch_size))
        chosen = range(n_batches) if batches is None else list(batches)
        for batch in chosen if batches is not None else ():
            if not isinstance(batch, Integral) or not 0 <= batch < n_batches:
                raise ValueError(
                    f"batches asks for batch {batch!r}, and there are {n_batches} of {batch_size} "
                    "rows; their numbers begin at 0."
                )
        source = RowSource(self)
        largest = min(int(batch_size), sum(counts.values()))
        together = min(source.n_together, -(-largest // source.block)) * source.block
        apart = self.near_copies_ is not None
        check_batch(self.memory_budget, self.encoder_, largest, together, apart)
        made = source.batches(
            counts, int(batch_size), chosen, self._seed(random_state), int(n_candidates)
        )
        return (
            self._in_fitted_form(X_new, self.labels_.decode(codes), start)
            for start, X_new, codes in made
        )

    def _in_fitted_form(self, X_new: Any, y_new: Any, start: int = 0) -> tuple[Any, Any]:
        """Return rows and labels as they came in ``fit``; pandas' index begins at ``start``."""
        for part in (X_new, y_new):
            if isinstance(part, pd.Series | pd.DataFrame):
                part.index = pd.RangeIndex(start, start + len(part))
        return as_form(X_new, self.forms_["X"]), as_form(y_new, self.forms_["y"])

    def _draw(
        self, n: Any, random_state: Any, n_candidates: int, n_real: int = 0
    ) -> tuple[Any, np.ndarray]:
        """Return synthetic rows, decoded into pandas or numpy, and their class codes.

        ``n_real`` is how many rows they are to be joined to.
        """
        counts = self._counts(n)
        width = self.encoder_.layout_.width
        chunk, apart = chunk_of(width) * width, self.near_copies_ is not None
        check_sample(self.memory_budget, self.encoder_, counts, chunk, n_real, apart)
        return RowSource(self).rows(counts, self._seed(random_state), int(n_candidates))

    def _seed(self, random_state: Any) -> int:
        """Return the seed that rows are drawn with."""
        return self.seed_ if random_state is None else seed_from(random_state)

    def _counts(self, n: Any) -> dict[int, int]:
        """Return how many rows are asked for by class code, in the order of ``n``."""
        labels = self.classes_.tolist()
        if isinstance(n, Integral) and not isinstance(n, bool) and int(n) >= 0:
            if not any(self.sampling_strategy_.values()):
                raise ValueError(
                    f"n={n} rows of which class? sampling_strategy adds to none here. Pass rows "
                    f"per label, such as {{{labels[0]!r}: {n}}}."
                )
            n = shared_out(int(n), self.sampling_strategy_)
        if not isinstance(n, Mapping):
            raise ValueError(
                f"n={n!r} must be a number of rows, a dict of rows per label, such as "
                f"{{{labels[0]!r}: 10}}, or None."
            )
        return {labels.index(label): rows for label, rows in checked_rows(n, labels, "n").items()}

    def _extended(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the real rows, and after them the rows that ``sampling_strategy`` adds."""
        X_new, codes = self._draw(self.sampling_strategy_, None, self.n_candidates_, len(y))
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
        ValueError
            If loading would take more memory than :meth:`load` allows itself.
        """
        from ganaug.storage import save

        check_is_fitted(self, "generators_")
        save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote; runs no code from the files.

        Parameters
        ----------
        path : str or Path
            The folder.

        Returns
        -------
        GANAugmenter or GANOverSampler
            An object of the class that it is called on.

        Raises
        ------
        FileNotFoundError
            If there is no such folder.
        InvalidFileError
            If the files are damaged, of another version's format, or hold an object of another
            class. It is a ValueError.
        """
        from ganaug.storage import load

        return load(path, cls, cls._check_parts)

    def _check_parts(self) -> None:
        """Raise if parts that were read from a file do not fit together, or make no rows."""
        labels = self.classes_.tolist()
        self.labels_.check_fitted(len(labels))
        check_part(self.encoder_, len(labels))
        check_fits(self.labels_.classes_.tolist() == labels, "classes_")
        check_fits(list(self.class_counts_) == list(self.methods_) == labels, "methods_")
        check_fits(list(self.mean_weights_) == labels, "mean_weights_")
        check_fits(set(self.forms_) == {"X", "y"}, "forms_")
        check_fits(set(self.methods_.values()) == set(self.generators_), "generators_")
        for name, generator in self.generators_.items():
            check_fits(name == generator.name, f"generators_[{name!r}]")
            check_part(generator, self.encoder_.layout_)
        if self.near_copies_ is not None:
            self.near_copies_.check_fitted(self.encoder_.layout_)
        asked = checked_rows(self.sampling_strategy_, labels, "sampling_strategy_")
        most = MOST_TIMES * sum(self.class_counts_.values())
        if isinstance(self.sampling_strategy, Mapping):
            most = max(most, *self.sampling_strategy.values())
        check_fits(max(asked.values(), default=0) <= most, "sampling_strategy_")
        # What is left shows when rows of each class are made.
        few = dict.fromkeys(range(len(labels)), 1 + 50 // len(labels))
        encoded = RowSource(self).encoded_rows(few, self.seed_, n_candidates=2)
        check_fits(bool((np.abs(encoded) < FAR).all()), "its rows are not finite")
        X_new, codes = self._draw(dict.fromkeys(labels, 1), None, n_candidates=1)
        names = getattr(self, "feature_names_in_", None)
        wide = X_new.shape[1] if self.encoder_.has_columns else self.n_features_in_
        check_fits(self.n_features_in_ == wide, "n_features_in_")
        check_fits(names is None or names.shape == (self.n_features_in_,), "feature_names_in_")
        check_fitted_form(self.forms_["X"], X_new)
        check_fitted_form(self.forms_["y"], self.labels_.decode(codes))

    def __sklearn_tags__(self) -> Tags:
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
