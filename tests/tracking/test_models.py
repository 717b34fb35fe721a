import pytest
from helpers import Foreign
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from ganaug.tracking import trusted_types

pytest.importorskip("mlflow")

pytestmark = [
    pytest.mark.usefixtures("store"),
    # What MLflow says on being imported, opened and used, not in answer to what ganaug does.
    pytest.mark.filterwarnings("ignore:.*noload.*loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]


def test_trusted_types_are_exact(data):
    assert trusted_types(LogisticRegression().fit(*data)) == []
    types = trusted_types(HistGradientBoostingClassifier(max_iter=2).fit(*data))
    assert "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor" in types
    assert all(name.startswith(("sklearn.", "numpy.")) for name in types)


def test_foreign_types_are_refused(data):
    with pytest.raises(ValueError, match=r"Foreign holds types .* vouch for: \S*\.Foreign\. Look"):
        trusted_types(Foreign().fit(*data))
    with pytest.raises(ValueError, match=r"vouch for: \S*<lambda>"):
        trusted_types(FunctionTransformer(lambda X: X))
