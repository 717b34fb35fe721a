"""
Grid search without training a GAN again for each setting
=========================================================

A search over settings of the classifier fits each of them in each fold. The
rows of a fold are the same for all settings, and so is the GAN. With
``memory``, a folder as in scikit-learn's Pipeline, it is trained once per
fold: three folds take three GANs, however many settings there are.
"""

# %%
# A table with a rare class, and a pipeline around which an
# :class:`~ganaug.AugmentedClassifier` goes.
import tempfile

from sklearn.datasets import make_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ganaug import AugmentedClassifier, GANAugmenter

X, y = make_classification(
    600, n_features=8, n_informative=5, weights=[0.92], random_state=1
)
pipeline = make_pipeline(StandardScaler(), SVC())
memory = tempfile.TemporaryDirectory()
model = AugmentedClassifier(
    pipeline,
    GANAugmenter(steps=200),
    n_draws=1,
    memory=memory.name,
    random_state=0,
)

# %%
# Parameters of all parts are in reach: of the classifier, of the pipeline in
# it, of the GAN. Twelve settings of the SVM share their GANs. Settings of the
# augmenter would need GANs of their own, but for ``sampling_strategy``, which
# only says how many rows are drawn.
from sklearn.model_selection import GridSearchCV

grid = {
    "estimator__svc__C": [0.1, 1, 10, 100],
    "estimator__svc__gamma": [0.03, 0.1, 0.3],
}
search = GridSearchCV(model, grid, scoring="average_precision", cv=3).fit(X, y)
print(search.best_params_, round(search.best_score_, 3))

# %%
# How long each of the 36 fits took. The first of each fold trained the GAN,
# the others found it in the folder.
import matplotlib.pyplot as plt
import pandas as pd

results = pd.DataFrame(search.cv_results_)
table = results.pivot_table(
    index="param_estimator__svc__C",
    columns="param_estimator__svc__gamma",
    values="mean_fit_time",
)
print(table.round(2))

# %%
# And what each setting scored:
scores = results.pivot_table(
    index="param_estimator__svc__C",
    columns="param_estimator__svc__gamma",
    values="mean_test_score",
)
figure, panel = plt.subplots(figsize=(6, 4))
picture = panel.imshow(scores, aspect="auto")
panel.set_xticks(range(scores.shape[1]), scores.columns)
panel.set_yticks(range(scores.shape[0]), scores.index)
panel.set_xlabel("gamma")
panel.set_ylabel("C")
figure.colorbar(picture, label="average precision, mean over folds")
figure.tight_layout()
memory.cleanup()

# %%
# A memory needs a seed, here ``random_state=0``: without one no two GANs are
# the same.
