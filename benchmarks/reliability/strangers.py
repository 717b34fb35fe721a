"""Files from strangers: saved models that are mutated, and models that are made to do harm.

Every mutation is loaded, and every model that loads makes rows. What may come out is an
``InvalidFileError``, a ``FileNotFoundError``, or rows; everything else counts as a failure.
"""

import itertools
import json
import shutil
import signal
import tempfile
import threading
import warnings
from collections import Counter
from contextlib import contextmanager
from copy import deepcopy
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bars import Bar, measure, place_of
from benchmarks.bars.processes import memory_of

#: Of the long run. The short one, in the tests, asks for a few hundred.
MUTATIONS = 5_000
#: Seconds of the processors that a mutation may take before it counts as one that never ends, and
#: seconds of the clock: a machine under load may let a process wait for long.
PATIENCE, WAITS = 20, 300
#: What stands in place of a value of JSON.
ODD = (
    *(10**8, -1, 0, 3, None, "x", "", "V2000000000", [], {}, 1e308, float("inf"), float("nan")),
    *(2**70, True, -(2**63), 0.5, "os:system", ["x"], [[]], {"tuple": []}, {"pairs": []}),
    *({"array": "0"}, {"kind": "decimal", "of": ["1E+999999"]}, {"items": [1], "dtype": "<i8"}),
)


ON_LINUX = Path("/proc/self/clear_refs").exists()
#: A model that is not changed. It has to load, and libraries that it needs are imported then.
AS_IT_WAS = "as it was"


class NeverEnds(BaseException):
    """A mutation takes longer than it may. It is no Exception, so that nothing else catches it."""


def models():
    """Yield a fitted model of each kind: a mixed table, an array, images, series, and polars."""
    from ganaug import GANAugmenter, GANOverSampler

    rng = np.random.default_rng(0)
    n, y = 90, np.repeat(["a", "b", "c"], [70, 15, 5])
    X = pd.DataFrame(
        {
            "real": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "whole": rng.integers(-500, 500, n),
            "zero": np.where(rng.random(n) < 0.5, 0, rng.normal(size=n).round(2)),
            "level": rng.choice(list("xyz"), n),
            "many levels": [f"{i % 60:02}" for i in range(n)],
            "user": [f"u{i}" for i in range(n)],
            "number": range(n),
            "when": pd.date_range("2020", periods=n, freq="h", tz="Europe/Berlin"),
            "span": pd.to_timedelta(rng.integers(0, 99, n), unit="s"),
            "bin": pd.cut(rng.normal(size=n), 3),
            "period": pd.period_range("2020", periods=9, freq="M").repeat(10),
            "cents": pd.Series([Decimal(int(i)).scaleb(-2) for i in rng.integers(0, 999, n)]),
            "arrow": pd.Series(rng.normal(size=n)).astype("double[pyarrow]"),
        }
    )
    X.columns = pd.MultiIndex.from_product([["t"], X.columns])
    numbers = rng.integers(0, 50, (n, 4)) / 2
    pixels = rng.integers(0, 255, (n, 8, 8)).astype("uint8")
    quick = {"steps": 2, "random_state": 0, "verbose": False}
    yield "mixed table", GANAugmenter(**quick).fit(X, y)
    weights = rng.uniform(0.5, 2, n)
    yield "array", GANOverSampler({"b": 20, "c": 9}, **quick).fit(numbers, y, sample_weight=weights)
    yield "images", GANAugmenter(encoder="image", network="conv", **quick).fit(pixels, y)
    waves = [rng.normal(size=(2, length)) for length in rng.integers(8, 13, n)]
    yield "series", GANAugmenter(encoder="series", network="temporal", **quick).fit(waves, y)
    frame = _polars_frame(rng, n)
    if frame is not None:
        yield "polars", GANAugmenter(**quick).fit(frame, y)


def _polars_frame(rng, n):
    try:
        import polars as pl
    except ImportError:
        return None
    kinds = pl.Enum(["u", "v"]), pl.Datetime("us", "UTC"), pl.Decimal(9, 2)
    return pl.DataFrame(
        [
            pl.Series("kind", rng.choice(["u", "v"], n), dtype=kinds[0]),
            pl.Series("when", range(n), dtype=pl.Int64).cast(kinds[1]),
            pl.Series("cents", [Decimal(i % 30).scaleb(-2) for i in range(n)], dtype=kinds[2]),
            pl.Series("real", [None if i % 9 == 0 else float(i % 13) for i in range(n)]),
        ]
    )


def saved_models(folder):
    """Save every model; return ``{name: (folder, class)}``."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns that identify rows
        for name, model in models():
            path = Path(folder) / name.replace(" ", "_")
            model.save(path)
            found[name] = path, type(model)
    return found


class Saved:
    """The two files of a saved model, taken apart to be changed and put together again."""

    def __init__(self, path):
        from safetensors.numpy import load_file

        self.text = (path / "estimator.json").read_text(encoding="utf-8")
        self.outline = json.loads(self.text)
        self.arrays = load_file(path / "arrays.safetensors")
        self.path = path

    def write(self, folder, outline=None, arrays=None):
        """Write a changed copy; what is not given stays as it is."""
        from safetensors.numpy import save_file

        shutil.copytree(self.path, folder)
        if outline is not None:
            (folder / "estimator.json").write_text(json.dumps(outline), encoding="utf-8")
        if arrays is not None:
            whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
            save_file(whole, folder / "arrays.safetensors")

    def write_again(self, folder):
        """Write a copy that is not changed, as changed ones are written."""
        self.write(folder, self.outline, self.arrays)


def places_of(value, path=()):
    """Yield the path to every value of an outline, lists and dicts as a whole as well."""
    yield path
    pairs = value.items() if isinstance(value, dict) else ()
    pairs = enumerate(value) if isinstance(value, list) else pairs
    for key, inner in pairs:
        yield from places_of(inner, (*path, key))


def at(value, path):
    """Return the value at the end of a path."""
    for key in path:
        value = value[key]
    return value


def put(value, path, new):
    """Put a value in the place of another."""
    at(value, path[:-1])[path[-1]] = new


def mutate(saved, folder, rng):
    """Write a mutation that is drawn at random; return its kind and where it struck."""
    kinds = (_odd, _nudged, _moved, _gone, _flipped, _cut, _array)
    kind = kinds[rng.choice(len(kinds), p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.05, 0.15])]
    return kind.__name__.lstrip("_"), kind(saved, folder, rng)


def _place(saved, rng):
    paths = saved.__dict__.setdefault("paths", list(places_of(saved.outline))[1:])
    return paths[rng.integers(len(paths))]


def _odd(saved, folder, rng):
    outline, path = deepcopy(saved.outline), _place(saved, rng)
    put(outline, path, deepcopy(ODD[rng.integers(len(ODD))]))
    saved.write(folder, outline)
    return path


def _nudged(saved, folder, rng):
    """Change a number, a text or a flag a little."""
    outline = deepcopy(saved.outline)
    for _ in range(100):
        path = _place(saved, rng)
        value = at(outline, path)
        if isinstance(value, bool):
            put(outline, path, not value)
        elif isinstance(value, int | float):
            put(outline, path, [value + 1, value - 1, -value, value * 1000][rng.integers(4)])
        elif isinstance(value, str) and value:
            spot = int(rng.integers(len(value)))
            letter = chr(int(rng.integers(32, 127)))
            put(outline, path, value[:spot] + letter + value[spot + 1 :])
        else:
            continue
        break
    saved.write(folder, outline)
    return path


def _moved(saved, folder, rng):
    """Put one value in the place of another."""
    outline, path, other = deepcopy(saved.outline), _place(saved, rng), _place(saved, rng)
    put(outline, path, deepcopy(at(saved.outline, other)))
    saved.write(folder, outline)
    return path


def _gone(saved, folder, rng):
    """Leave a value out, or have it twice."""
    outline, path = deepcopy(saved.outline), _place(saved, rng)
    holder, key = at(outline, path[:-1]), path[-1]
    if isinstance(holder, list) and rng.random() < 0.5:
        holder.insert(key, deepcopy(holder[key]))
    else:
        del holder[key]
    saved.write(folder, outline)
    return path


def _flipped(saved, folder, rng):
    """Change some bytes of a file."""
    saved.write(folder)
    name = ("estimator.json", "arrays.safetensors")[rng.integers(2)]
    content = bytearray((folder / name).read_bytes())
    # The header is where a byte does most.
    end = len(content) if rng.random() < 0.5 else min(len(content), 4000)
    for spot in rng.integers(0, end, rng.integers(1, 4)):
        content[spot] = int(rng.integers(256))
    (folder / name).write_bytes(content)
    return name


def _cut(saved, folder, rng):
    """Cut a file off, or let it go on."""
    saved.write(folder)
    name = ("estimator.json", "arrays.safetensors")[rng.integers(2)]
    content = (folder / name).read_bytes()
    left = int(rng.integers(len(content)))
    whole = content[:left] if rng.random() < 0.7 else content + content[:left]
    (folder / name).write_bytes(whole)
    return name


def _array(saved, folder, rng):
    """Change an array: its numbers, their dtype, its shape, or its name."""
    names = sorted(saved.arrays)
    name, arrays = names[rng.integers(len(names))], dict(saved.arrays)
    array = arrays[name]
    changes = (
        lambda a: a.ravel()[::-1].reshape(a.shape),
        lambda a: -a if a.dtype != bool else ~a,
        lambda a: a[:-1] if a.ndim else a[None],
        lambda a: np.concatenate([a, a]) if a.ndim else a,
        lambda a: a[:0] if a.ndim else a,
        lambda a: a * 0,
        lambda a: a.ravel()[None],
        lambda a: a.astype("float64" if a.dtype.kind != "f" else "int64"),
        lambda a: a.astype("bool"),
        lambda a: (a * 1e30).astype(a.dtype),
        lambda a: _one_is(a, np.nan, rng),
        lambda a: _one_is(a, np.inf, rng),
        lambda a: _one_is(a, 3e38, rng),
        lambda a: _one_is(a, -1, rng),
        lambda a: _one_is(a, 10**6, rng),
    )
    with np.errstate(all="ignore"):
        arrays[name] = changes[rng.integers(len(changes))](array)
    if rng.random() < 0.1:
        other = names[rng.integers(len(names))]
        arrays[name], arrays[other] = saved.arrays[other], saved.arrays[name]
    saved.write(folder, arrays=arrays)
    return name


def _one_is(array, value, rng):
    """Return an array of which one number is another."""
    whole = array.astype(np.float64).ravel()
    if whole.size:
        whole[rng.integers(whole.size)] = value
    return whole.reshape(array.shape).astype(array.dtype)


def outcome(path, cls):
    """Load a model and let it make rows: return what came out, and the error if it was no rows."""
    from ganaug import InvalidFileError

    with warnings.catch_warnings(), patience(PATIENCE, WAITS):
        warnings.simplefilter("ignore")
        try:
            model = cls.load(path)
        except (InvalidFileError, FileNotFoundError):
            return "refused", None
        except BaseException as error:
            return "another error at load", error
        try:
            made = [
                *model.sample(dict.fromkeys(model.classes_.tolist(), 5), n_candidates=3),
                *model.sample(random_state=1),
            ]
            model.save(path.with_name("again"))
            cls.load(path.with_name("again"))
        except BaseException as error:
            return "an error after load", error
        shutil.rmtree(path.with_name("again"))
        return ("rows", None) if all(map(_is_whole, made)) else ("infinite cells", None)


def _is_whole(rows):
    """Return whether no number of synthetic rows is infinite."""
    rows = rows.to_pandas() if hasattr(rows, "to_pandas") else rows
    if isinstance(rows, list) and isinstance(rows[0], np.ndarray):
        rows = np.concatenate([series.ravel() for series in rows])
    rows = pd.DataFrame(rows.reshape(len(rows), -1) if isinstance(rows, np.ndarray) else rows)
    numbers = rows.select_dtypes("number").to_numpy(dtype=np.float64, na_value=np.nan)
    return not np.isinf(numbers).any()


@contextmanager
def patience(busy, waits):
    """Raise NeverEnds after so many seconds of the processors or of the clock.

    It does so in the main thread, where there are signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(*_):
        raise NeverEnds

    timers = (
        (signal.SIGPROF, signal.ITIMER_PROF, busy),
        (signal.SIGALRM, signal.ITIMER_REAL, waits),
    )
    before = [signal.signal(kind, late) for kind, *_ in timers]
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (kind, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(kind, handler)


def tried(jobs, folder):
    """Write, load and sample each of the jobs ``(kind, class, write)``; return the figures."""
    counts, failures = Counter(), []
    memory = 0
    for number, (kind, cls, write) in enumerate(jobs):
        path = Path(folder) / "mutation" / "model"
        path.parent.mkdir()
        where = write(path)
        size = sum(file.stat().st_size for file in path.iterdir())
        before = forget_peak() if ON_LINUX else 0
        result, error = outcome(path, cls)
        if ON_LINUX and kind != AS_IT_WAS:
            memory = max(memory, memory_of("VmHWM") - before - 2 * size)
        counts[result] += 1
        if result not in (("rows",) if kind == AS_IT_WAS else ("refused", "rows")):
            words = f"{number}: {kind} at {where}: {result}, {error!r}"[:300]
            failures.append(f"{words} {place_of(error)}".rstrip())
        shutil.rmtree(path.parent)
    return {
        "tried": sum(counts.values()),
        "refused with InvalidFileError": counts["refused"],
        "loaded, and made rows": counts["rows"],
        "survived_not": len(failures),
        "memory beyond twice the file, MB": memory / 2**20,
        "failures": [{"failure": words} for words in failures[:20]],
    }


def forget_peak():
    """Return the memory of this process in bytes, from which on the most is kept anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory_of("VmRSS")


def mutated(n, seed=0):
    """Try ``n`` mutations drawn at random, of each kind of model in turn."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        saved = [(Saved(path), cls) for path, cls in saved_models(folder).values()]
        jobs = [(AS_IT_WAS, cls, one.write_again) for one, cls in saved]
        for (one, cls), _ in zip(itertools.cycle(saved), range(n), strict=False):
            jobs.append(("random", cls, lambda path, one=one: mutate(one, path, rng)))
        return tried(jobs, folder)


def attributes_of(outline):
    """Return the path to the value of every attribute of every kind of part of an outline."""
    paths = {}
    for path in places_of(outline["state"]):
        whole = ("state", *path)
        holder = at(outline, whole)
        if path and not (isinstance(holder, dict) and "part" in holder):
            continue
        state = (*whole, "state") if path else whole
        part = holder["part"] if path else outline["class"]
        for number, (name, _) in enumerate(at(outline, state)["pairs"]):
            paths.setdefault((part, name), (*state, "pairs", number, 1))
    return paths


#: What each attribute is set to: too much, too little, another kind, and more than there may be.
AIMS = (10**9, -(10**9), float("nan"), "../../etc/passwd", None)


def aimed(aims=AIMS):
    """Set every attribute of every part to each of some values."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for path, cls in saved_models(folder).values():
            one = Saved(path)
            jobs.append((AS_IT_WAS, cls, one.write_again))
            for (part, name), place in attributes_of(one.outline).items():
                for value in aims:
                    jobs.append((f"{part} {name}", cls, _setting(one, place, value)))
        return tried(jobs, folder)


def _setting(saved, place, value):
    def write(path):
        outline = deepcopy(saved.outline)
        put(outline, place, value)
        saved.write(path, outline)
        return repr(value)

    return write


#: In every name of a bomb, so that it is seen when a file, class or module of it is looked for.
MARK = "stranger_was_here"


def setting(part, name, value):
    """Return what sets an attribute of the first part that has it; parts are named by class."""

    def change(outline, arrays):
        paths = attributes_of(outline).items()
        path = next(
            path for (cls, held), path in paths if (cls.split(":")[-1], held) == (part, name)
        )
        put(outline, path, value() if callable(value) else value)

    return change


def level_of(value):
    """Return what makes a value one of the levels of each column that has any."""

    def change(outline, arrays):
        for place in places_of(outline["state"]):
            pair = at(outline["state"], place)
            if isinstance(pair, list) and pair[:1] == ["levels"] and pair[1].get("items"):
                pair[1]["items"][0] = value

    return change


def network(**sizes):
    """Return what makes the network one of such sizes."""
    sizes = {"width": 8, "depth": 2, "latent_dim": 64, "temperature": 0.5, "slope": 0.2} | sizes
    pairs = [list(pair) for pair in sizes.items()]
    dense = {"part": "ganaug.networks.dense:DenseNetwork", "state": {"pairs": pairs}}

    def change(outline, arrays):
        setting("ConditionalGAN", "settings_", {"pairs": []})(outline, arrays)
        setting("ConditionalGAN", "network", dense)(outline, arrays)

    return change


def filling(end, value):
    """Return what fills the arrays whose names end so with a number."""

    def change(outline, arrays):
        for name in [name for name in arrays if name.endswith(end)]:
            arrays[name] = np.full_like(arrays[name], value)

    return change


def _many_arrays(outline, arrays):
    arrays |= {f"empty{i}": np.empty(0, np.uint8) for i in range(30_000)}


def _no_cells(outline, arrays):
    arrays["long"] = np.empty((0, 2**40), np.uint8)
    outline["state"]["pairs"].append(["long_", {"array": "long"}])


def _same_array(outline, arrays):
    name = next(iter(arrays))
    pairs = [[i, {"array": name, "dtype": arrays[name].dtype.str}] for i in range(2_000)]
    outline["state"]["pairs"].append(["copies_", {"pairs": pairs}])


def _wide_cells(outline, arrays):
    wide = {"items": ["a"] * 1_500, "dtype": "<U16384"}
    outline["state"]["pairs"].append(["wide_", [wide] * 20])


def _long_level(outline, arrays):
    level = {"pairs": [["range", [0, 10**12, 1]]]}
    setting("Header", "levels_", [level])(outline, arrays)


ARROW_ZONE = f'arrow:["timestamp", "ns", "{MARK}/../../etc/passwd"]'
BOMBS = {
    "900 brackets": setting("GANAugmenter", "verbose", lambda: json.loads("[" * 900 + "]" * 900)),
    "many empty lists": setting("GANAugmenter", "verbose", lambda: [[]] * 1_000_000),
    "many small dicts": setting("GANAugmenter", "history_", lambda: [{"pairs": []}] * 300_000),
    "a long text, one character wide": setting(
        "GANAugmenter", "verbose", lambda: "a" * 20_000_000 + "\U0001f600"
    ),
    "30,000 empty arrays": _many_arrays,
    "an array without cells, but long": _no_cells,
    "2,000 copies of one array": _same_array,
    "texts of 64 kB each": _wide_cells,
    "a million million columns": _long_level,
    "a wide network": network(width=20_000),
    "a network wider than all": network(width=10**30),
    "a deep network": network(depth=10**6),
    "much noise": network(latent_dim=10**9),
    "decimals": setting("Cells", "scale", 10**8),
    "a wide dtype": setting("TableEncoder", "dtype_", "<U500000000"),
    "bytes of no kind": setting("Cells", "dtype", "V2000000000"),
    "cells of arrow that are wide": setting("Cells", "dtype", 'arrow:["binary", 1000000000]'),
    "a text of every form was seen": filling("seen_", 255),
    "trees without an end": filling("max_depth", 10**6),
    "rows without an end": setting(
        "GANAugmenter", "sampling_strategy_", {"pairs": [["b", 2**31 - 1]]}
    ),
    "candidates without an end": setting("GANAugmenter", "n_candidates_", 10**9),
    "weights that overflow": filling("/weights_/layers.0.weight", 3e37),
    "a fraction of many digits": level_of({"kind": "fraction", "of": ["1e999999999", None]}),
    "a decimal of many digits": level_of({"kind": "decimal", "of": ["1E+999999999"]}),
    "a zone that is a file": setting("Cells", "zone", f"dateutil//{MARK}/etc/passwd"),
    "a zone that is a path": setting("Cells", "zone", f"../{MARK}/passwd"),
    "a dtype of such a zone": setting("Cells", "dtype", f"datetime64[ns, dateutil//{MARK}/passwd]"),
    "a dtype of arrow of such a zone": setting("Cells", "dtype", ARROW_ZONE),
    "a time in such a zone": level_of({"kind": "Timestamp", "of": [0, "ns", f"tzfile/{MARK}"]}),
    "an interval of such a dtype": setting(
        "Cells", "categories_dtype", f"interval[datetime64[ns, dateutil//{MARK}], right]"
    ),
    "a module of ganaug": setting(
        "TableEncoder", "layout_", {"part": f"ganaug.encoders.{MARK}:Cells", "state": {"pairs": []}}
    ),
    "a module of another": setting(
        "TableEncoder", "layout_", {"part": f"{MARK}:os", "state": {"pairs": []}}
    ),
    "a library": setting(
        "GANAugmenter", "forms_", {"pairs": [["X", {"pairs": [["library", MARK]]}], ["y", None]]}
    ),
    "a device": setting("GANAugmenter", "device_", MARK),
}


def exploded():
    """Load every bomb, of a mixed table."""
    with tempfile.TemporaryDirectory() as folder:
        path, cls = saved_models(folder)["mixed table"]
        one = Saved(path)
        jobs = [(AS_IT_WAS, cls, one.write_again)]
        jobs += [(name, cls, _bomb(one, change)) for name, change in BOMBS.items()]
        return tried(jobs, folder)


def _bomb(saved, change):
    def write(path):
        outline, arrays = deepcopy(saved.outline), dict(saved.arrays)
        change(outline, arrays)
        saved.write(path, outline, arrays)

    return write


@measure(
    Bar("no mutation ends in another error, an infinity or never", "survived_not", at_most=0),
    Bar("none takes far more memory", "memory beyond twice the file, MB", at_most=50, unit="MB"),
)
def random_mutations():
    """Mutate saved models at random: values, bytes, arrays, shapes; load each, and sample."""
    return mutated(MUTATIONS)


@measure(
    Bar("none ends in another error, an infinity or never", "survived_not", at_most=0),
    Bar("none takes far more memory", "memory beyond twice the file, MB", at_most=50, unit="MB"),
)
def aimed_mutations():
    """Set each attribute of each part of four saved models to a value that could do harm."""
    return aimed()


@measure(
    Bar("no file does harm", "survived_not", at_most=0),
    Bar("none takes far more memory", "memory beyond twice the file, MB", at_most=50, unit="MB"),
)
def files_made_to_do_harm():
    """Load files that ask for gigabytes, for work without an end, or for names of other files."""
    return exploded()
