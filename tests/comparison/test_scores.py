import numpy as np
import pytest
from sklearn import metrics

from ganaug.comparison.scores import METRICS, check_known, score


def test_score__binary__rarest_class_is_positive():
    # The positive label sorts first, where scikit-learn would take the other one.
    y = np.array(["a", "b", "b", "b", "a"])
    p = np.array([0.9, 0.4, 0.2, 0.6, 0.3])
    predicted = np.where(p > 0.5, "a", "b")
    found = score(y, np.c_[p, 1 - p], predicted, np.array(["a", "b"]), "a")
    assert list(found) == list(METRICS)
    assert found["average_precision"] == metrics.average_precision_score(y == "a", p)
    assert found["roc_auc"] == metrics.roc_auc_score(y == "a", p)
    assert found["f1"] == metrics.f1_score(y, predicted, pos_label="a")
    assert found["balanced_accuracy"] == metrics.balanced_accuracy_score(y, predicted)
    assert found["brier"] == pytest.approx(np.mean((p - (y == "a")) ** 2))


def test_score__three_classes__macro():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [20, 10, 5])
    p = rng.dirichlet([1, 1, 1], 35)
    found = score(y, p, p.argmax(axis=1), np.arange(3), 2)
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(y, p, multi_class="ovr"))
    assert found["f1"] == metrics.f1_score(y, p.argmax(axis=1), average="macro")
    assert found["brier"] == pytest.approx(np.mean(((p - np.eye(3)[y]) ** 2).sum(axis=1)))


def test_score__nothing_found__zero_not_a_warning():
    y = np.array([0, 0, 0, 1])
    found = score(y, np.full((4, 2), 0.5), np.zeros(4, dtype=int), np.array([0, 1]), 1)
    assert found["f1"] == 0.0


def test_check_known__unknown__lists_the_known():
    with pytest.raises(ValueError, match=r"Unknown metric 'auc'. Did you mean 'roc_auc'"):
        check_known("metric", "auc", METRICS)
    check_known("metric", "f1", METRICS)
