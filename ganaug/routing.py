"""Metadata of a fit: what goes to the estimator, the augmenter, the splitter and the scorer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import Parameter, signature
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping, process_routing

from ganaug.draws import Rows, check_weighable
from ganaug.weights import check_sample_weight, takes_sample_weight

#: Which methods of the clones each method may call.
CALLS = {
    "predict": ("predict", "predict_proba", "decision_function"),
    "predict_proba": ("predict_proba",),
    "predict_log_proba": ("predict_proba",),
    "decision_function": ("decision_function", "predict_proba"),
}


def routing_enabled() -> bool:
    """Tell whether scikit-learn's metadata routing is on."""
    return get_config()["enable_metadata_routing"]


@dataclass(frozen=True)
class FitMetadata:
    """What came along with the rows of a fit, by who gets it.

    Attributes
    ----------
    weights : ndarray of shape (n,) or None
        Of the rows, for the estimator.
    estimator, augmenter, split, score : dict
        Parameters of the estimator's ``fit``, the same for all rows; of the augmenter's, of the
        splitter's ``split`` and of the scorer.
    """

    weights: np.ndarray | None = None
    estimator: Mapping[str, Any] = field(default_factory=dict)
    augmenter: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    score: Mapping[str, Any] = field(default_factory=dict)

    def take(self, rows: np.ndarray, n: int) -> FitMetadata:
        """Return what belongs to some of the ``n`` rows, by position."""
        return FitMetadata(
            None if self.weights is None else self.weights[rows],
            self.estimator,
            take_rows(self.augmenter, rows, n),
            take_rows(self.split, rows, n),
            take_rows(self.score, rows, n),
        )

    def weighted(self, n: int) -> np.ndarray:
        """Return the positions of the rows whose weight is not zero."""
        return np.arange(n) if self.weights is None else np.flatnonzero(self.weights)


class Training(NamedTuple):
    """The real rows of a fit, their labels, and what came along with them."""

    X: Any
    y: np.ndarray
    metadata: FitMetadata = FitMetadata()

    def rows(self) -> Rows:
        """Return the rows with the weights that the estimator gets."""
        return Rows(self.X, self.y, self.metadata.weights)

    def take(self, rows: np.ndarray) -> Training:
        """Return some of the rows, by position."""
        metadata = self.metadata.take(rows, len(self.y))
        return Training(_safe_indexing(self.X, rows), self.y[rows], metadata)

    def with_weight(self) -> Training:
        """Return the rows whose weight is not zero."""
        kept = self.metadata.weighted(len(self.y))
        return self if len(kept) == len(self.y) else self.take(kept)


class RoutesMetadata:
    """A classifier that hands metadata to its ``estimator`` and its augmenter."""

    estimator: Any

    # The estimator and the augmenter are asked whether they want it.
    __metadata_request__fit: ClassVar[dict] = {"sample_weight": UNUSED}

    def _get_augmenter(self) -> Any:
        raise NotImplementedError

    def _route_fit(self, n: int, params: dict[str, Any]) -> FitMetadata:
        """Return what goes to whom, of the metadata of a fit with ``n`` rows."""
        params = {name: value for name, value in params.items() if value is not None}
        if routing_enabled():
            routed = process_routing(self, "fit", **params) if params else {}
        else:
            routed = self._pass_on_fit(params)
        augmenter = self._get_augmenter()
        metadata = route_fit(routed, n, augmenter is not None, type(self).__name__)
        if metadata.weights is not None:
            check_weighable(augmenter)
        return metadata

    def _pass_on_fit(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return what goes to whom where metadata routing is off: all of it to the estimator."""
        routed: dict[str, Any] = {"estimator": {"fit": params}}
        if "sample_weight" in params:
            check_takes_sample_weight(self.estimator)
            augmenter = self._get_augmenter()
            method = _fit_method(augmenter)
            if augmenter is not None and takes_sample_weight(getattr(augmenter, method)):
                routed["augmenter"] = {method: {"sample_weight": params["sample_weight"]}}
        return routed

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata goes to the estimator and which to the augmenter.

        Returns
        -------
        MetadataRouter
            As of every scikit-learn meta-estimator.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        to_estimator = MethodMapping().add(caller="fit", callee="fit")
        for caller, callees in CALLS.items():
            for callee in callees:
                if hasattr(self.estimator, callee):
                    to_estimator.add(caller=caller, callee=callee)
        router.add(estimator=self.estimator, method_mapping=to_estimator)
        augmenter = self._get_augmenter()
        if augmenter is not None:
            method = _fit_method(augmenter)
            mapping = MethodMapping().add(caller="fit", callee=method)
            router.add(augmenter=augmenter, method_mapping=mapping)
        return router

    def _pass_on(self, caller: str, params: dict[str, Any]) -> Mapping[str, Any]:
        """Return the parameters of each method of the clones that a method may call."""
        if params and routing_enabled():
            return process_routing(self, caller, **params)["estimator"]
        return dict.fromkeys(CALLS[caller], params)


def _fit_method(augmenter: Any) -> str:
    return "fit_resample" if hasattr(augmenter, "fit_resample") else "fit"


def route_fit(
    routed: Mapping[str, Mapping[str, Mapping[str, Any]]], n: int, adds_rows: bool, owner: str
) -> FitMetadata:
    """Check what is routed through a ``fit`` with ``n`` rows.

    Parameters
    ----------
    routed : dict
        ``{"estimator": {"fit": {name: value}}, ...}``, as from
        :func:`sklearn.utils.metadata_routing.process_routing`.
    n : int
    adds_rows : bool
        Whether rows may be added, which have no metadata of their own but a weight.
    owner : str
        The class whose ``fit`` it is.

    Raises
    ------
    ValueError
        If weights are none, or the estimator is to get a value for each row where rows are added.
    """
    to_estimator = dict(routed.get("estimator", {}).get("fit", {}))
    weights = to_estimator.pop("sample_weight", None)
    for name, value in to_estimator.items():
        if adds_rows and of_each_row(value, n):
            raise ValueError(
                f"{owner}.fit got {name!r} with one value for each of the {n} rows, for the "
                "estimator; synthetic rows have none. Only sample_weight can be given to rows that "
                "are added: pass augmenter=None, or leave it out."
            )
    others = [
        next((dict(params) for params in routed.get(child, {}).values() if params), {})
        for child in ("augmenter", "splitter", "scorer")
    ]
    for params in others:
        if params.get("sample_weight") is not None:
            params["sample_weight"] = check_sample_weight(params["sample_weight"], n)
    weights = None if weights is None else check_sample_weight(weights, n)
    return FitMetadata(weights, to_estimator, *others)


def take_rows(params: Mapping[str, Any], rows: np.ndarray, n: int) -> dict[str, Any]:
    """Return parameters with those rows, by position, of each that has a value for all ``n``.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.routing import take_rows
    >>> take_rows({"groups": ["a", "b", "c"], "verbose": 2}, np.array([0, 2]), 3)
    {'groups': ['a', 'c'], 'verbose': 2}
    """
    return {
        name: _safe_indexing(value, rows) if of_each_row(value, n) else value
        for name, value in params.items()
    }


def of_each_row(value: Any, n: int) -> bool:
    """Tell whether a value is a container of ``n`` entries."""
    if isinstance(value, str | bytes | Mapping):
        return False
    if hasattr(value, "shape"):
        return len(value.shape) > 0 and value.shape[0] == n
    return hasattr(value, "__len__") and hasattr(value, "__getitem__") and len(value) == n


def check_takes_sample_weight(estimator: Any) -> None:
    """Raise unless weights reach an estimator while metadata routing is off.

    Raises
    ------
    ValueError
        With what to do about it.
    """
    inner = estimator
    while not takes_sample_weight(inner.fit):
        name = type(inner).__name__
        parameters = signature(inner.fit).parameters.values()
        if all(parameter.kind is not Parameter.VAR_KEYWORD for parameter in parameters):
            raise ValueError(
                f"{name}.fit takes no sample_weight. Fit without weights, or pass an estimator "
                "that takes them."
            )
        if not isinstance(inner, GridSearchCV | RandomizedSearchCV):  # which hand all on
            if hasattr(inner, "steps") or hasattr(inner, "estimator"):
                raise ValueError(
                    f"sample_weight does not reach what is inside of {name} by itself. Turn on "
                    "scikit-learn's metadata routing, "
                    "sklearn.set_config(enable_metadata_routing=True), and ask for weights: "
                    ".set_fit_request(sample_weight=True) on the classifier inside, and on the "
                    "augmenter."
                )
            return  # what it does with parameters that it does not name is its own affair
        inner = inner.estimator
