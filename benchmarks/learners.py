"""Learners as people use them: tuned boosting, and a logistic regression that can bend.

Settings are searched once for each training fold, on its rows as they are, and every arm gets the
same ones.
"""

import json

import numpy as np
from filelock import FileLock
from lightgbm import LGBMClassifier
from scipy.stats import loguniform, randint, uniform
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import SplineTransformer

from ganaug.comparison.arms import on_numbers
from ganaug.comparison.evaluate import set_seeds
from ganaug.paths import replace_file


class Searched(BaseEstimator):
    """A learner whose settings are searched in a training fold, before any arm sees them.

    Parameters
    ----------
    learner : classifier
    space : dict
        A distribution for each parameter.
    n_settings : int
        How many settings to try.
    cv : int
        Stratified inner folds, scored by average precision.
    """

    def __init__(self, learner, space, n_settings=30, cv=2):
        self.learner = learner
        self.space = space
        self.n_settings = n_settings
        self.cv = cv

    def __repr__(self):
        """Name the distributions, which scikit-learn shows by where they are in memory."""
        space = {name: f"{d.dist.name}{d.args}" for name, d in self.space.items()}
        return f"Searched({self.learner!r}, {space}, {self.n_settings}, cv={self.cv})"

    def settings(self, X, y, seed):
        """Return the best settings for these rows; y is 0, and 1 for the rare class."""
        search = RandomizedSearchCV(
            set_seeds(on_numbers(clone(self.learner)), seed, seed),
            {f"{type(self.learner).__name__.lower()}__{k}": d for k, d in self.space.items()},
            n_iter=self.n_settings,
            scoring="average_precision",
            cv=StratifiedKFold(self.cv, shuffle=True, random_state=seed),
            random_state=seed,
            refit=False,
        )
        best = search.fit(X, y).best_params_
        return {name.partition("__")[2]: plain(value) for name, value in best.items()}


def plain(value):
    """Return a number of numpy as one of Python, with six digits."""
    return int(value) if isinstance(value, int | np.integer) else float(f"{value:.6g}")


def settled(classifiers, X, y, seed, key, file, lock):
    """Return the classifiers with the settings that suit these rows, kept in a file for all arms.

    Parameters
    ----------
    classifiers : mapping of str to classifier
        Those that are no `Searched` stay what they are.
    X, y : DataFrame, ndarray of shape (n_samples,)
        The training rows of a fold.
    seed : int
    key : str
        Which table, repeat and fold this is.
    file : Path
        A JSON file of settings, made if it is not there.
    lock : Path
        Processes that want the same settings wait for the one that searches.
    """
    found = dict(classifiers)
    searched = {name: one for name, one in found.items() if isinstance(one, Searched)}
    for name, one in searched.items():
        with FileLock(lock):
            kept = json.loads(file.read_text()) if file.exists() else {}
            settings = kept.get(f"{key}, {name}")
            if settings is None:
                settings = kept[f"{key}, {name}"] = one.settings(X, y, seed)
                text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in kept.items())
                replace_file(file, lambda new, text=text: new.write_text(f"{{\n{text}\n}}\n"))
        found[name] = clone(one.learner).set_params(**settings)
    return found


class CatBoost(ClassifierMixin, BaseEstimator):
    """CatBoost with the parameters that are searched, as an estimator of scikit-learn.

    CatBoostClassifier has another name for ``class_weight`` and for a seed.
    """

    def __init__(
        self,
        iterations=200,
        learning_rate=0.1,
        depth=4,
        l2_leaf_reg=3.0,
        random_strength=1.0,
        class_weight=None,
        random_state=None,
    ):
        self.iterations = iterations
        self.learning_rate = learning_rate
        self.depth = depth
        self.l2_leaf_reg = l2_leaf_reg
        self.random_strength = random_strength
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Train on numbers."""
        from catboost import CatBoostClassifier

        params = self.get_params()
        weighted = {"balanced": "Balanced", None: None}[params.pop("class_weight")]
        self.classes_ = np.unique(y)
        self.model_ = CatBoostClassifier(
            **params,
            auto_class_weights=weighted,
            thread_count=1,
            verbose=False,
            allow_writing_files=False,
        ).fit(X, y, sample_weight=sample_weight)
        return self

    def predict_proba(self, X):
        """Return one column a class."""
        return self.model_.predict_proba(X)

    def predict(self, X):
        """Return the likelier class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class SplineLogisticRegression(LogisticRegression):
    """Logistic regression on cubic splines of the columns that are no mere yes or no."""

    def fit(self, X, y, sample_weight=None):
        """Place the knots at quantiles, and train."""
        many = [j for j in range(X.shape[1]) if len(np.unique(X[:, j])) > 2]
        self.splines_ = make_column_transformer(
            (SplineTransformer(4, extrapolation="linear"), many), remainder="passthrough"
        )
        return super().fit(self.splines_.fit_transform(X), y, sample_weight)

    def decision_function(self, X):
        """Return log odds, from which probabilities and classes are made."""
        return super().decision_function(self.splines_.transform(X))


#: Those of the study `unseen`.
STRONG = {
    "LightGBM": Searched(
        LGBMClassifier(subsample_freq=1, n_jobs=1, deterministic=True, verbose=-1),
        {
            "n_estimators": randint(30, 200),
            "learning_rate": loguniform(0.02, 0.3),
            "num_leaves": randint(4, 32),
            "min_child_samples": randint(5, 40),
            "reg_lambda": loguniform(0.01, 10),
            "colsample_bytree": uniform(0.5, 0.5),
            "subsample": uniform(0.6, 0.4),
        },
    ),
    "CatBoost": Searched(
        CatBoost(),
        {
            "iterations": randint(50, 200),
            "learning_rate": loguniform(0.02, 0.3),
            "depth": randint(2, 7),
            "l2_leaf_reg": loguniform(0.5, 20),
            "random_strength": loguniform(0.1, 10),
        },
    ),
    "HistGB": HistGradientBoostingClassifier(max_iter=60),
    "forest": RandomForestClassifier(100),
    "LR, splines": SplineLogisticRegression(max_iter=1000),
    "kNN": KNeighborsClassifier(),
}
