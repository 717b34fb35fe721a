"""
Calibrated probabilities after oversampling
===========================================

Synthetic rows make the rare class look more common than it is, and so do those
of SMOTE. A classifier that was trained on them gives probabilities that are
too high. ``correct_prior=True`` brings them back to the world as it is, and
leaves the decisions of ``predict`` as they are.
"""

# %%
# A table of which 5 % are rare, half of it to test on.
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

X, y = make_classification(
    4000,
    n_features=10,
    n_informative=6,
    weights=[0.95],
    class_sep=0.7,
    random_state=0,
)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, stratify=y, test_size=0.5, random_state=0
)

# %%
# The same classifier three times. The last two differ in one parameter only.
from sklearn.linear_model import LogisticRegression

from ganaug import AugmentedClassifier, GANAugmenter

models = {"as it is": LogisticRegression()}
for correct in (False, True):
    models[f"with the GAN, correct_prior={correct}"] = AugmentedClassifier(
        LogisticRegression(),
        GANAugmenter(steps=200),
        correct_prior=correct,
        random_state=0,
    )
probabilities = {
    name: model.fit(X_train, y_train).predict_proba(X_test)[:, 1]
    for name, model in models.items()
}

# %%
# Of rows that are said to be rare with a probability of 30 %, 30 % should be
# rare: calibrated probabilities lie on the diagonal.
import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay

figure, panel = plt.subplots(figsize=(6, 5))
for name, probability in probabilities.items():
    CalibrationDisplay.from_predictions(
        y_test, probability, n_bins=8, strategy="quantile", name=name, ax=panel
    )
panel.legend(loc="upper left")
figure.tight_layout()

# %%
# The mean probability beside the share of rare rows, the Brier score (lower is
# better), and how many rare rows ``predict`` finds.
from sklearn.metrics import brier_score_loss, recall_score

print(f"share of rare rows {y_test.mean():.3f}")
for name, probability in probabilities.items():
    brier = brier_score_loss(y_test, probability)
    found = recall_score(y_test, models[name].predict(X_test))
    print(name)
    mean = probability.mean()
    print(f"  mean {mean:.3f}, Brier score {brier:.3f}, finds {found:.0%}")
