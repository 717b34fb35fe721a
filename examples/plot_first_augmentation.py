"""
How to add synthetic rows of a rare class
=========================================

A few rows of one class, many of the other: a classifier then hardly ever
predicts the rare one. :class:`~ganaug.GANAugmenter` learns what rows of each
class look like and makes more of the rare one.
:class:`~ganaug.AugmentedClassifier` does so inside a classifier: the rows
that it predicts for, and is tested on, stay real.
"""

# %%
# The table
# ---------
# The breast cancer table of scikit-learn, with most of the malignant tumours
# taken out, so that they are rare: 25 of 382.
import numpy as np
from sklearn.datasets import load_breast_cancer

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
too_many = np.flatnonzero(y == 0)[25:]
X, y = X.drop(too_many), y.drop(too_many)
y = y.map({0: "malignant", 1: "benign"})
print(y.value_counts())

# %%
# More rows, by hand
# ------------------
# ``fit`` trains the GAN, ``transform(X, y)`` returns the real rows followed by
# synthetic ones. 200 steps keep this page quick to build. The default is the
# better choice.
from ganaug import GANAugmenter

augmenter = GANAugmenter(steps=200, random_state=0).fit(X, y)
X_more, y_more = augmenter.transform(X, y)
print(y_more.value_counts())

# %%
# Two columns of 30, with all real rows in grey. Synthetic rows lie about where
# the real ones of their class lie. With 25 rows to learn from and few steps,
# they spread wider.
import matplotlib.pyplot as plt

columns = ["mean radius", "mean concavity"]
malignant = {"real": X[y == "malignant"], "synthetic": X_more[len(X) :]}
figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharex=True, sharey=True)
for panel, (kind, rows) in zip(panels, malignant.items(), strict=True):
    panel.scatter(*X[columns].to_numpy().T, s=5, color="silver")
    panel.scatter(*rows[columns].to_numpy().T, s=9)
    panel.set_title(f"{len(rows)} {kind} malignant rows")
    panel.set_xlabel("mean radius")
panels[0].set_ylabel("mean concavity")
figure.tight_layout()

# %%
# Inside a classifier
# -------------------
# Put :class:`~ganaug.AugmentedClassifier` around the pipeline that you have.
# In each fold of a cross-validation it trains a GAN on the training rows
# alone, and predicts for real rows.
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ganaug import AugmentedClassifier

pipeline = make_pipeline(StandardScaler(), LogisticRegression())
augmented = AugmentedClassifier(
    pipeline, GANAugmenter(steps=200), random_state=0
)

rare = y == "malignant"
metrics = ["average_precision", "balanced_accuracy"]
for name, model in {"as it is": pipeline, "with the GAN": augmented}.items():
    scores = cross_validate(model, X, rare, cv=5, scoring=metrics)
    for metric in metrics:
        values = scores[f"test_{metric}"]
        print(f"{name}: {metric} {values.mean():.3f} ± {values.std():.3f}")

# %%
# On a table as easy as this there is little to gain, and five rows of the rare
# class in a fold are too few to tell small differences.
# :ref:`sphx_glr_gallery_plot_compare.py` shows how to find out what a table
# needs.
