"""Fits and samples under load: threads, processes in processes, forks, Ctrl-C, and memory."""

import gc
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import numpy as np

#: Seconds after which a forked process counts as one that hangs.
HANGS_AFTER = 60
#: Seconds that workers have to end after Ctrl-C.
WORKERS_END_WITHIN = 1.0
#: Of joblib. Threads within threads are sequential, as joblib has it.
BACK_ENDS = ("sequential", "threading", "loky", "multiprocessing")


def rows():
    """Return 80 rows of three numbers and a town, and their labels."""
    import pandas as pd

    rng = np.random.default_rng(0)
    y = np.repeat(["common", "rare"], [60, 20])
    X = pd.DataFrame(rng.normal(size=(80, 3)) + (y == "rare")[:, None], columns=list("abc"))
    X["town"] = rng.choice(["Bonn", "Kiel", "Ulm"], 80)
    return X, y


def fitted(seed=0, steps=5):
    """Return a small GANAugmenter that is fitted."""
    from ganaug import GANAugmenter

    return GANAugmenter(steps=steps, random_state=seed, verbose=False).fit(*rows())


def of_fit(seed):
    """Return the rows that a new fit makes, as text."""
    return of_sample(fitted(seed), seed)


def of_sample(model, seed):
    """Return rows of a fitted model, as text."""
    X, y = model.sample({"rare": 7, "common": 3}, random_state=seed)
    return X.assign(label=y).to_json(double_precision=15)


def of_search(seed, n_jobs=2):
    """Return the scores of a search whose folds run at the same time, as text."""
    from sklearn.naive_bayes import GaussianNB

    from ganaug import AugmentedClassifierCV, GANAugmenter

    X, y = rows()
    augmenter = GANAugmenter(steps=3, verbose=False)
    search = AugmentedClassifierCV(
        GaussianNB(), augmenter, cv=2, n_draws=2, n_jobs=n_jobs, random_state=seed
    ).fit(X[["a", "b", "c"]], y)
    probabilities = search.predict_proba(X[["a", "b", "c"]])
    return repr((search.cv_results_, probabilities.tolist()))


def threads(n_threads=16, n_calls=400):
    """Fits, and samples of one model that threads share, against the same ones alone."""
    model = fitted()
    seeds = range(n_calls // 2)
    alone = [(of_fit(seed % 8), of_sample(model, seed)) for seed in seeds]
    with ThreadPoolExecutor(n_threads) as pool:
        fits = [pool.submit(of_fit, seed % 8) for seed in seeds]
        samples = [pool.submit(of_sample, model, seed) for seed in seeds]
        found = [(fit.result(), of.result()) for fit, of in zip(fits, samples, strict=True)]
    return {
        "threads": n_threads,
        "fits": len(seeds),
        "samples": len(seeds),
        "differ": sum(
            a != b
            for one, two in zip(alone, found, strict=True)
            for a, b in zip(one, two, strict=True)
        ),
    }


def nested(n_calls=8):
    """Searches with two jobs each, two at a time, in every back end of joblib, against alone."""
    from joblib import Parallel, delayed

    alone = [of_search(seed, n_jobs=None) for seed in range(n_calls)]
    found = []
    for back_end in BACK_ENDS:
        calls = Parallel(n_jobs=2, backend=back_end)(
            delayed(of_search)(seed) for seed in range(n_calls)
        )
        differ = sum(one != two for one, two in zip(alone, calls, strict=True))
        found.append({"back end": back_end, "searches": n_calls, "differ": differ})
    return {"differ": sum(one["differ"] for one in found), "back_ends": found}


def forks(n_forks=40):
    """Processes forked at random moments of a fit in another thread, which fit and sample, too.

    Before the first one torch has worked on two threads, as a caller may have let it.
    """
    import torch

    model = fitted()
    alone = of_fit(1), of_sample(model, 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.rand(1_000_000).exp().sum()
    ended, moments = Event(), random.Random(0)

    def fit_until_the_end():
        while not ended.is_set():
            fitted(steps=50)

    training = Thread(target=fit_until_the_end)
    training.start()
    fork = multiprocessing.get_context("fork")
    hung = differ = 0
    try:
        for _ in range(n_forks):
            time.sleep(moments.uniform(0, 0.05))
            process = fork.Process(target=_exit_with_whether_equal, args=(model, alone))
            with warnings.catch_warnings():  # Python 3.12 warns of forks beside threads
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            process.join(HANGS_AFTER)
            hung += process.exitcode is None
            differ += process.exitcode not in (0, None)
            process.kill()
            process.join()
    finally:
        ended.set()
        training.join()
        torch.set_num_threads(before)
    return {"forks": n_forks, "hang": hung, "differ": differ}


def _exit_with_whether_equal(model, alone):
    """Fit and sample in a thread, too, which may get the number of one that trained before."""
    with ThreadPoolExecutor(1) as pool:
        in_thread = pool.submit(of_fit, 1).result(), pool.submit(of_sample, model, 1).result()
    sys.exit(not (of_fit(1), of_sample(model, 1)) == in_thread == alone)


def memory(n_samples=10_000, n_fits=200):
    """Memory that samples of one model, and fits of one after another, leave behind."""
    model = fitted()
    samples_mb = left_behind(lambda seed: of_sample(model, seed), n_samples)
    fits_mb = left_behind(of_fit, n_fits)
    return {
        "samples": n_samples,
        "samples_mb": samples_mb,
        "fits": n_fits,
        "fits_mb": fits_mb,
    }


def left_behind(function, n_calls):
    """Return megabytes by which this process grows in calls, after a tenth as many."""
    for seed in range(max(n_calls // 10, 5)):
        function(seed)
    gc.collect()
    before = resident_memory()
    for seed in range(n_calls):
        function(seed)
    gc.collect()
    return (resident_memory() - before) / 1e6


def resident_memory():
    """Return the bytes of memory that this process has now."""
    import psutil

    return psutil.Process().memory_info().rss


def interrupts(n_interrupts=20):
    """Ctrl-C at random moments of a search with two jobs, as a terminal sends it.

    The search has been fitted before: it must be as it was then, and its workers end at once.
    """
    moments = random.Random(0)
    found = [interrupt(moments.uniform(0, 2)) for _ in range(n_interrupts)]
    return {
        "interrupts": n_interrupts,
        "in the fit": sum(one["interrupted"] for one in found),
        "changed": sum(bool(one["changed"]) for one in found),
        "lingering": sum(one["workers"] for one in found),
    }
