"""
How many synthetic rows should I add?
=====================================

Full balance is the usual default, and can be too much: with every synthetic
row a classifier learns more of what the GAN made up.
:class:`~ganaug.AugmentedClassifierCV` tries amounts in an inner
cross-validation. It keeps the best, or *none* if that gains too little to be
sure.
"""

# %%
# A table with overlapping classes, 5 % of it rare.
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

X, y = make_classification(
    1500,
    n_features=8,
    n_informative=5,
    n_clusters_per_class=3,
    weights=[0.95],
    class_sep=0.8,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, stratify=y, test_size=0.5, random_state=0
)
print(f"{y_train.sum()} of {len(y_train)} rows are rare")

# %%
# An amount is the share of the largest class that every other class is brought
# up to. One GAN per inner fold serves all amounts. By default the average
# precision of the rare class is maximised.
from sklearn.ensemble import RandomForestClassifier

from ganaug import AugmentedClassifierCV, GANAugmenter

model = AugmentedClassifierCV(
    RandomForestClassifier(50, min_samples_leaf=2),
    GANAugmenter(steps=200),
    amounts=[0, 0.1, 0.25, 0.5, 1],
    cv=3,
    random_state=0,
).fit(X_train, y_train)
print(f"best amount: {model.best_amount_}")

# %%
# What the inner folds said. Look at the spread before you believe a maximum.
import matplotlib.pyplot as plt
import pandas as pd

results = pd.DataFrame(model.cv_results_)
figure, panel = plt.subplots(figsize=(7, 4))
panel.errorbar(
    results["amount"],
    results["mean_test_score"],
    results["std_test_score"],
    fmt="o-",
    capsize=3,
)
panel.set_xlabel("amount: 0 adds nothing, 1 makes classes equally large")
panel.set_ylabel("average precision, mean ± spread over folds")
figure.tight_layout()

# %%
# On rows that had no part in the choice. Part of a gain comes from averaging
# the classifiers of five draws (``n_draws``), which helps by itself.
from sklearn.base import clone
from sklearn.metrics import average_precision_score

plain = clone(model.estimator).set_params(random_state=0).fit(X_train, y_train)
for name, fitted in {"as it is": plain, "best amount": model}.items():
    score = average_precision_score(y_test, fitted.predict_proba(X_test)[:, 1])
    print(f"{name:12} average precision {score:.3f}")
