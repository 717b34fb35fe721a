"""
One tree that knows what five forests know
==========================================

Five forests on augmented rows find the rare class better than a tree does, but
nobody can read them. ``DistilledClassifier`` trains one tree on what they say
of 10,000 rows that a GAN has made.
"""

# %%
# A table of which 5 % are rare, half of it to test on.
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

X, y = make_classification(
    2000,
    n_features=8,
    n_informative=5,
    weights=[0.95],
    class_sep=0.8,
    random_state=1,
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, stratify=y, test_size=0.5, random_state=0
)

# %%
# The teacher, and a tree that learns from it or from labels.
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from ganaug import AugmentedClassifier, DistilledClassifier, GANAugmenter

gan = GANAugmenter(steps=200)
forests = AugmentedClassifier(RandomForestClassifier(50), gan, random_state=0)
tree = DecisionTreeClassifier(min_samples_leaf=5, random_state=0)
models = {
    "five forests": forests,
    "a tree on their opinion": DistilledClassifier(
        tree, forests, gan, random_state=0
    ),
    "a tree on labels": tree,
}

# %%
# Average precision on rows that none has seen.
import matplotlib.pyplot as plt
from sklearn.metrics import PrecisionRecallDisplay

figure, panel = plt.subplots(figsize=(6, 5))
for name, model in models.items():
    probability = model.fit(X_train, y_train).predict_proba(X_test)[:, 1]
    PrecisionRecallDisplay.from_predictions(
        y_test, probability, name=name, ax=panel
    )
panel.legend(loc="lower left")
figure.tight_layout()

# %%
# What there is to deploy: the student alone.
import pickle

student = models["a tree on their opinion"].estimator_
kept = {"five forests": forests.estimators_, "the tree": student}
for name, model in kept.items():
    print(f"{name}: {len(pickle.dumps(model)) / 1000:,.0f} kB")
