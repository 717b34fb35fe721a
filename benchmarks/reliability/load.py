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

from benchmarks.bars import ROOT, Bar, measure

#: Seconds after which a forked process counts as one that hangs.
HANGS_AFTER = 60
#: Seconds that workers have to end after Ctrl-C: all of a machine may be at work.
LINGERS_AFTER = 30
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


@measure(Bar("all are equal to those alone", "differ", at_most=0))
def threads(n_threads=16, n_calls=600):
    """Fits, and samples of one model, in threads, against the same ones alone."""
    model = fitted()
    fits = {seed: of_fit(seed) for seed in range(8)}
    samples = {seed: of_sample(model, seed) for seed in range(8)}
    differ = 0
    with ThreadPoolExecutor(n_threads) as pool:
        found = [
            (pool.submit(of_fit, call % 8), pool.submit(of_sample, model, call % 8))
            for call in range(n_calls // 2)
        ]
        for call, (fit, sample) in enumerate(found):
            differ += (fit.result() != fits[call % 8]) + (sample.result() != samples[call % 8])
    return {"threads": n_threads, "fits": len(found), "samples": len(found), "differ": differ}


@measure(Bar("all are equal to those alone", "differ", at_most=0))
def nested(n_calls=8):
    """Run searches of two jobs each two at a time, in every back end of joblib, against alone."""
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


@measure(Bar("none hangs", "hang", at_most=0), Bar("all are equal", "differ", at_most=0))
def forks(n_forks=40):
    """Fork at random moments of a fit in another thread; the forked process fits and samples, too.

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


@measure(
    Bar("samples leave next to nothing behind", "samples_mb", at_most=5, unit="MB"),
    Bar("fits neither", "fits_mb", at_most=10, unit="MB"),
)
def memory(n_samples=10_000, n_fits=200):
    """Memory that samples of one model leave behind, and fits one after another."""
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


@measure(
    Bar("no search is changed", "changed", at_most=0),
    Bar("no worker is left", "workers", at_most=0),
)
def interrupts(n_interrupts=20):
    """Send Ctrl-C at random moments of a search with two jobs, as a terminal does: to all of it.

    The search was fitted before, and is to stay as it was then.
    """
    moments = random.Random(0)
    found = [_interrupted(moments.uniform(0, 2)) for _ in range(n_interrupts)]
    names = ("in_the_fit", "changed", "workers")
    return {"interrupts": n_interrupts} | {name: sum(one[name] for one in found) for name in names}


def _interrupted(after):
    """Return what a process says of a search in it that is interrupted after so many seconds."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.reliability.load"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # workers that are still starting print where they were
        text=True,
        start_new_session=True,
    ) as process:
        process.stdout.readline()
        time.sleep(after)
        os.killpg(process.pid, signal.SIGINT)
        return json.loads(process.stdout.readline())


def _wait_for_interrupt():
    """Fit a search, say so, fit it again for longer, and say what an interrupt has done to it."""
    import joblib
    from sklearn.naive_bayes import GaussianNB

    from ganaug import AugmentedClassifierCV, GANAugmenter

    def learned():
        return joblib.hash({name: of for name, of in vars(search).items() if name.endswith("_")})

    signal.signal(signal.SIGINT, signal.default_int_handler)  # which "make torture &" ignores
    X, y = rows()
    X = X[["a", "b", "c"]]
    search = AugmentedClassifierCV(GaussianNB(), GANAugmenter(steps=3), cv=2, n_jobs=2).fit(X, y)
    before, in_the_fit = learned(), False
    search.set_params(augmenter__steps=100_000)
    print("again", flush=True)
    try:
        search.fit(X + 1, y)
    except KeyboardInterrupt:
        in_the_fit = True
    changed = learned() != before
    print(json.dumps({"in_the_fit": in_the_fit, "changed": changed, "workers": _workers_left()}))


def _workers_left():
    """Return how many workers of joblib are still there when they have had time to end."""
    import psutil

    workers = [one for one in psutil.Process().children() if "LokyProcess" in str(one.cmdline())]
    return len(psutil.wait_procs(workers, timeout=LINGERS_AFTER)[1])


if __name__ == "__main__":
    _wait_for_interrupt()
