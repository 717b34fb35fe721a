"""The classifiers a comparison tries when none are given."""

from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

#: Every classifier that can be asked for by name.
CLASSIFIERS: dict[str, BaseEstimator] = {
    "logistic-regression": LogisticRegression(max_iter=1000),
    "random-forest": RandomForestClassifier(),
    "gradient-boosting": HistGradientBoostingClassifier(),
    "nearest-neighbours": KNeighborsClassifier(),
}
DEFAULT_CLASSIFIERS = ("logistic-regression", "random-forest", "gradient-boosting")
