"""Measure synthetic rows themselves, next to SMOTE's."""

import warnings

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import recall_score
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from ganaug import GANAugmenter
from ganaug.mixed_smote import MixedSMOTE
from ganaug.preprocessing import make_preprocessor
from ganaug.quality.fidelity import neighbourhoods
from ganaug.quality.privacy import copies


def measure_rows(tables, n_jobs):
    """Return one row for each table, and the mean.

    Every table is cut into two halves. The GAN and SMOTE learn from one. A forest that learnt the
    classes on the other says how often it finds the right class for real rows of the first half,
    which it has not seen, and how often the asked class for synthetic ones (means over classes),
    as the GAN makes them and as they are chosen to be added; distances are the means over classes
    of how far these shares are from those of real rows.
    Variety and copies are those of the rarest class, the other half being the held-out rows: its
    coverage by synthetic rows, and the share of these nearer to a training row than 5 % of the
    held-out ones. The share of missing cells of a column differs from that of the class by
    ``missing, chosen`` at most. Then the halves change places.
    """
    found = Parallel(n_jobs)(delayed(_one_table)(load) for load in tables.values())
    table = pd.DataFrame(found, index=pd.Index(tables, name="table"))
    table.loc["mean"] = table.mean()
    return table


def _one_table(load):
    warnings.simplefilter("ignore")
    X, y = load()
    X, y = pd.DataFrame(X), np.asarray(y).astype(str)
    halves = StratifiedKFold(2, shuffle=True, random_state=0).split(X, y)
    with threadpool_limits(1):
        return pd.DataFrame(_one_half(X, y, *half, seed) for seed, half in enumerate(halves)).mean()


def _one_half(X, y, other, own, seed):
    X_own, y_own = X.iloc[own].reset_index(drop=True), y[own]
    encode = make_preprocessor().fit(X_own)
    judge = RandomForestClassifier(
        500, class_weight="balanced_subsample", min_samples_leaf=5, random_state=seed
    ).fit(encode.transform(X.iloc[other]), y[other])
    labels, counts = np.unique(y_own, return_counts=True)
    augmenter = GANAugmenter(random_state=seed).fit(X_own, y_own)
    asked = dict.fromkeys(labels, 1000)
    made = augmenter.sample(asked)
    chosen = augmenter.sample(asked, n_candidates=augmenter.n_candidates)
    agreement = {
        "agreement, real": (X_own, y_own),
        "agreement, synthetic": made,
        "agreement, chosen": chosen,
    }
    recalls = {
        name: recall_score(labels_of, judge.predict(encode.transform(rows)), average=None)
        for name, (rows, labels_of) in agreement.items()
    }
    found = {name: recall.mean() for name, recall in recalls.items()}
    for kind in ("synthetic", "chosen"):
        apart = recalls[f"agreement, {kind}"] - recalls["agreement, real"]
        found[f"distance, {kind}"] = np.abs(apart).mean()
    gaps = X_own.isna().groupby(y_own).mean() - chosen[0].isna().groupby(chosen[1]).mean()
    found["missing, chosen"] = gaps.loc[:, X_own.isna().any()].abs().max().max()
    rare = labels[counts.argmin()]
    train = encode.transform(X_own[y_own == rare])
    held_out = encode.transform(X.iloc[other][y[other] == rare])
    X_more, y_more = MixedSMOTE(random_state=seed).fit_resample(X_own, y_own)
    smote = X_more.iloc[len(X_own) :][y_more[len(X_own) :] == rare]
    n = min(len(smote), 1000)
    rows_of = {"GAN": made[0][made[1] == rare], "chosen": chosen[0][chosen[1] == rare]}
    for name, rows in {**rows_of, "SMOTE": smote}.items():
        Z = encode.transform(rows.iloc[:n])
        found[f"coverage, {name}"] = neighbourhoods(held_out, Z)["coverage"]
        found |= {f"{kind}, {name}": value for kind, value in copies(train, held_out, Z).items()}
    return found
