"""What Dask costs a comparison."""

import time
from contextlib import contextmanager

from benchmarks.bars import Bar, measure

#: Dask lets its workers give memory back to the system after every array, which costs them a fifth
#: of their time.
KEEP_MEMORY = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"


@contextmanager
def dask_workers(n_workers):
    """Let joblib use so many Dask workers of one thread, as the guide says."""
    import dask
    import joblib
    from distributed import Client, LocalCluster

    with (
        dask.config.set({KEEP_MEMORY: None}),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
        joblib.parallel_config("dask", client=client),
    ):
        yield


def seconds(**asked):
    """Return how long a comparison takes."""
    from ganaug.comparison import compare

    start = time.perf_counter()
    compare(**asked)
    return time.perf_counter() - start


def table(n_rows):
    """Return numbers and labels, one in ten of them rare."""
    from sklearn.datasets import make_classification

    X, y = make_classification(n_rows, n_features=20, weights=[0.9], flip_y=0, random_state=0)
    return {"X": X, "y": y}


@measure(Bar("four Dask workers lose at most 10 % to n_jobs=2", "dask_to_loky", at_most=1.1))
def four_workers(n_rows=4000, steps=300, repeats=2):
    """Compare nothing, SMOTE and the GAN with two classifiers on five folds.

    Four Dask workers of one thread share two cores with their scheduler; `n_jobs=2` of joblib's
    loky has one process for each core. The workers start without MALLOC_TRIM_THRESHOLD_, as the
    guide says. All processes have loaded what they need before. The best of two times each.
    """
    from ganaug import GANAugmenter
    from ganaug.comparison import GAN

    asked = {
        **table(n_rows),
        "arms": ["SMOTE", GAN(GANAugmenter(steps=steps))],
        "classifiers": ["logistic-regression", "gradient-boosting"],
        "cv": 5,
    }
    loky = min([seconds(**asked, n_jobs=2) for _ in range(1 + repeats)][1:])
    with dask_workers(4):
        dask = min([seconds(**asked) for _ in range(1 + repeats)][1:])
    return {"loky_s": loky, "dask_s": dask, "dask_to_loky": dask / loky}


@measure(Bar("a cell costs less than 50 ms more than alone", "overhead_ms", at_most=50, unit="ms"))
def cell(n_rows=1000, n_repeats=20):
    """Compare one arm that does nothing with a classifier that learns nothing, on many folds.

    What one Dask worker of one thread takes longer than this process, divided by the cells.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import RepeatedStratifiedKFold

    asked = {
        **table(n_rows),
        "arms": [],
        "classifiers": {"dummy": DummyClassifier()},
        "cv": RepeatedStratifiedKFold(n_splits=5, n_repeats=n_repeats, random_state=0),
    }
    cells = 5 * n_repeats
    alone = min(seconds(**asked) for _ in range(3))
    with dask_workers(1):
        dask = min([seconds(**asked) for _ in range(4)][1:])
    return {
        "cells": cells,
        "alone_ms": 1000 * alone / cells,
        "dask_ms": 1000 * dask / cells,
        "overhead_ms": 1000 * (dask - alone) / cells,
    }
