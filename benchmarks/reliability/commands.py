"""Every command, killed by SIGKILL, and the same command again.

A command runs in a process that is forked from one that has loaded all modules, so that what is
killed is its work and not its loading. The process alone is killed, and what it has started is not.
"""

import atexit
import contextlib
import hashlib
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from benchmarks.bars import Bar, measure

#: Loaded before the first command runs.
PRELOADED = (
    "benchmarks.reliability.commands",
    "email.policy",  # which a user who is not root may not be able to read
    "ganaug.augmenter",
    "ganaug.cli",
    "ganaug.comparison",
    "ganaug.files.parts",
    "ganaug.generators.training",
    "ganaug.networks.conv",
    "ganaug.networks.dense",
    "torch._dynamo",
    "narwhals._pandas_like.dataframe",
    "mlflow.pyfunc",
    "skops.io",
    "ganaug.quality",
    "ganaug.tracking.spool",
    "jinja2",
    "matplotlib.pyplot",
    "mlflow.sklearn",
    "mlflow.store.tracking.sqlalchemy_store",
    "PIL.Image",
    "pyarrow.parquet",
)
#: Audit events of Python at which files change.
CHANGES = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "shutil.copyfile"}
)
SEED = 0
#: Seconds after which a command counts as one that hangs.
HANGS_AFTER = 300


@dataclass(frozen=True)
class Command:
    """A command that is killed, and what must hold afterwards.

    Attributes
    ----------
    prepare : callable
        Makes what it works on in the current folder. It must be picklable.
    run : callable
        Runs it in the current folder, and returns its exit code. It must be picklable.
    outputs : tuple of str
        What it writes: each is as before, or complete, at every moment.
    state : callable
        Returns what is there in the end, which must be that of a run that was not killed.
    """

    prepare: Callable[[], object]
    run: Callable[[], int]
    outputs: tuple[str, ...]
    state: Callable[[Path], object]


def _main(*words):
    from ganaug.cli import main

    return main([*map(str, words), "--quiet"])


def _table(path="t.csv", rows=60):
    import numpy as np
    import pandas as pd

    stream = np.random.default_rng(SEED)
    y = np.repeat(["no", "yes"], [rows * 2 // 3, rows - rows * 2 // 3])
    frame = pd.DataFrame({"a": stream.normal(size=rows).round(3), "b": stream.random(rows), "y": y})
    frame["a"] += frame["y"] == "yes"
    frame.to_parquet(path) if Path(path).suffix == ".parquet" else frame.to_csv(path, index=False)


def _old_ones():
    _table()
    _augment("--seed", 9)


def _augment(*more):
    return _main(
        *("augment", "t.csv", "--target", "y", "-o", "o.csv", "--save-model", "m.gan"),
        *("--steps", 5, *more),
    )


def _images(path="digits"):
    import numpy as np
    from PIL import Image

    stream = np.random.default_rng(SEED)
    for label, n in (("7", 20), ("8", 8)):
        Path(path, label).mkdir(parents=True)
        for i in range(n):
            image = stream.integers(0, 256, (8, 8), dtype="uint8")
            Image.fromarray(image).save(Path(path, label, f"{i}.png"))


def _parts():
    Path("parts").mkdir()
    for i in range(2):
        _table(f"parts/{i}.parquet")


def _model():
    _table()
    _augment()


def _image_model():
    from ganaug import GANAugmenter
    from ganaug.files import read_images

    _images()
    images = read_images("digits")
    GANAugmenter(**images.gan_parameters(), steps=2, random_state=0).fit(images.X, images.y).save(
        "m.gan"
    )


def _sample_to_parts():
    from ganaug.files import parts

    parts.ROWS_OF_GROUP = 50  # small files, and several
    return _main("sample", "m.gan", "-n", 2000, "-o", "rows")


COMPARED = ("--arms", "SMOTE", "--classifiers", "logistic-regression", "--folds", 2)


def _store():
    from ganaug.tracking.client import Destination, connect

    connect(Destination("sqlite:///mlflow.db"))


def _table_and_store():
    _table(rows=90)
    _store()


def _unsent():
    import warnings

    import numpy as np

    from ganaug import GANAugmenter
    from ganaug.tracking import MLflowLogger

    _store()
    os.environ["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"  # where nobody answers
    logger = MLflowLogger()
    y = np.repeat([0, 1], [30, 10])
    X = np.random.default_rng(SEED).normal(size=(40, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(2):
            fit = GANAugmenter(steps=4, random_state=seed).set_callbacks(logger).fit
            fit(X, y)
        logger.flush()
    (path,) = Path().glob("ganaug-unsent-*.jsonl")
    path.rename("ganaug-unsent-0.jsonl")


def _send():
    return _main("send", "ganaug-unsent-0.jsonl", "--tracking-uri", "sqlite:///mlflow.db")


def _compared():
    import warnings

    import pandas as pd

    from ganaug.comparison import compare

    X = pd.read_csv("t.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compare(
            X,
            X.pop("y"),
            arms=["SMOTE"],
            classifiers=["logistic-regression"],
            cv=2,
            memory="memory",
            verbose=False,
        )


def _table_and_comparison():
    _table(rows=90)
    _compared()


def _log_comparison():
    from ganaug.comparison import log_comparison

    try:
        log_comparison(_compared(), registered_model_name="toy")
    except (OSError, ValueError) as error:
        print(f"ganaug: {error}", file=sys.stderr)
        return 2
    return 0


def _files(*names):
    """Return a function that returns the digests of all files at these paths."""

    def digests(folder):
        found = {}
        for name in names:
            path = folder / name
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                # What is hidden is not there for anybody who reads the folder.
                hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
                if file.is_file() and not hidden:
                    content = hashlib.sha256(file.read_bytes()).hexdigest()
                    found[str(file.relative_to(folder))] = content
        return found

    return digests


def _recorded(folder):
    """Return what is in an MLflow store, without its ids and times."""
    path = folder / "mlflow.db"
    # Without `mode`, looking would make a file.
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        (word,) = store.execute("PRAGMA integrity_check").fetchone()
        runs = store.execute(
            "SELECT name, status FROM runs WHERE lifecycle_stage = 'active' ORDER BY name, status"
        ).fetchall()
        metrics = store.execute(
            "SELECT r.name, m.key, m.step, m.value FROM metrics m JOIN runs r USING (run_uuid) "
            "WHERE r.lifecycle_stage = 'active' AND m.key NOT LIKE '%seconds%' "
            "AND m.key NOT LIKE '%memory%' ORDER BY 1, 2, 3, 4"
        ).fetchall()
        models = store.execute(
            "SELECT name, status FROM logged_models WHERE lifecycle_stage = 'active' ORDER BY 1, 2"
        ).fetchall()
        versions = store.execute("SELECT name, version FROM model_versions").fetchall()
        running = store.execute("SELECT count(*) FROM runs WHERE status = 'RUNNING'").fetchone()[0]
    return {
        "whole": word == "ok",
        "running": running,
        "runs": runs,
        "metrics": metrics,
        "models": models,
        "versions": versions,
    }


def _reported(folder):
    """Return whether the report is there to its end; times in it differ from run to run."""
    page = folder / "report.html"
    return page.exists() and page.read_text(encoding="utf-8").rstrip().endswith("</html>")


def _reported_and_recorded(folder):
    return _reported(folder), _recorded(folder)


COMMANDS = {
    "augment a table, with the model": Command(
        _table, _augment, ("o.csv", "m.gan"), _files("o.csv", "m.gan")
    ),
    "augment --force a table and a model that are there": Command(
        _old_ones, partial(_augment, "--force"), ("o.csv", "m.gan"), _files("o.csv", "m.gan")
    ),
    "augment images": Command(
        _images,
        partial(_main, "augment", "digits", "-o", "more", "--steps", 2),
        ("more",),
        _files("more"),
    ),
    "augment Parquet files, with the model": Command(
        _parts,
        partial(
            _main,
            *("augment", "parts", "--target", "y", "-o", "o.parquet", "--steps", 5),
            *("--save-model", "m.gan"),
        ),
        ("o.parquet", "m.gan"),
        _files("o.parquet", "m.gan"),
    ),
    "sample a table": Command(
        _model,
        partial(_main, "sample", "m.gan", "-o", "new.csv.gz"),
        ("new.csv.gz",),
        _files("new.csv.gz"),
    ),
    "sample a folder of files": Command(_model, _sample_to_parts, (), _files("rows")),
    "sample images": Command(
        _image_model, partial(_main, "sample", "m.gan", "-o", "new"), ("new",), _files("new")
    ),
    "quality": Command(
        _model,
        partial(_main, "quality", "t.csv", "o.csv", "--target", "y"),
        ("t.csv", "o.csv"),
        _files("t.csv", "o.csv"),
    ),
    "send": Command(_unsent, _send, (), _recorded),
    "compare without tracking": Command(
        partial(_table, rows=90),
        partial(_main, "compare", "t.csv", "--target", "y", *COMPARED, "--no-tracking"),
        (),
        _reported,
    ),
    "compare with tracking": Command(
        _table_and_store,
        partial(_main, "compare", "t.csv", "--target", "y", *COMPARED),
        (),
        _reported_and_recorded,
    ),
    "log_comparison, with the database": Command(
        _table_and_comparison, _log_comparison, (), _recorded
    ),
}
#: In a shorter form, as in the tests.
SHORT = ("augment --force a table and a model that are there", "sample a folder of files")


def _processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _start(function, root, *arguments):
    process = _processes().Process(target=_in_folder, args=(function, root, *arguments))
    process.start()
    return process


def _in_folder(function, root, *arguments):
    """Call a function in the folder ``work``, with ``tmp`` for temporary files."""
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(root / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ["TMPDIR"] = str(root / "tmp")
    tempfile.tempdir = None
    os.chdir(root / "work")
    try:
        sys.exit(function(*arguments))
    finally:
        atexit._run_exitfuncs()  # which multiprocessing leaves out


def _call(function):
    """Call a function, and return the exit code of a command that succeeds."""
    function()
    return 0


def _prepared(command, folder):
    """Make what a command works on, in a folder; return where."""
    template = folder / "template"
    for name in ("work", "tmp"):
        (template / name).mkdir(parents=True)
    if _joined(_start(_call, template, command.prepare)) != 0:
        raise RuntimeError((template / "err").read_text())
    return template / "work"


def _run(command, nth=None, counted=None):
    """Run a command; kill it before the n-th change of a file, or count the changes."""
    home, n_changes = str(Path.cwd().parent), 0

    def hook(event, arguments):
        nonlocal n_changes
        if event == "open":
            path, _, flags = arguments
            changes = bool(flags & (os.O_WRONLY | os.O_RDWR))
        else:
            path, changes = arguments[0] if arguments else "", event in CHANGES
        if changes and isinstance(path, str | os.PathLike):
            path = os.fspath(path)
            if not os.path.isabs(path) or path.startswith(home):
                n_changes += 1
                if n_changes == nth:
                    os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    code = command()
    if counted is not None:
        counted.write_text(str(n_changes))
    return code


def _fresh(root, template):
    """Make a folder to work in, as it was prepared."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(template, root / "work")
    (root / "tmp").mkdir()


#: What joblib and torch make once, and keep for later.
CACHES = re.compile(r"\.gitignore|torchinductor_.*")


def _left_over(root, known=()):
    """Return files and folders that are hidden, or temporary, and are not known."""
    paths = [*(root / "work").rglob(".*"), *(root / "tmp").iterdir()]
    names = [path.name for path in paths if path.name not in known]
    return [name for name in names if not CACHES.fullmatch(name)]


def _is(command, root, state):
    """Return whether all is there as a run that was not killed leaves it."""
    with contextlib.suppress(sqlite3.OperationalError):  # There may be no table yet.
        return command.state(root / "work") == state
    return False


def _outputs(command, folder):
    return {name: _files(name)(folder) for name in command.outputs}


def _joined(process):
    """Return the exit code of a process, which is killed if it hangs."""
    process.join(HANGS_AFTER)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode


def tortured(name, folder, n_random, n_aimed):
    """Kill a command at random moments and before random changes of files; count what broke.

    Parameters
    ----------
    name : str
        One of `COMMANDS`.
    folder : Path
        To work in.
    n_random, n_aimed : int
        Kills at a random time, and kills before a random change of a file.

    Returns
    -------
    dict
        How many kills there were, and of how many what did not hold.
    """
    command, stream = COMMANDS[name], random.Random(f"{SEED} {name}")
    template, whole, root = _prepared(command, folder), folder / "whole", folder / "root"
    before = _outputs(command, template)
    _fresh(whole, template)
    counted = folder / "counted"
    start = time.perf_counter()
    if _joined(_start(_run, whole, command.run, None, counted)) != 0:
        raise RuntimeError((whole / "err").read_text())
    seconds, n_changes = time.perf_counter() - start, int(counted.read_text())
    after, state = _outputs(command, whole / "work"), command.state(whole / "work")
    kills = [(stream.uniform(0, seconds), None) for _ in range(n_random)]
    numbers = range(1, n_changes + 1)
    kills += [(None, nth) for nth in stream.sample(numbers, min(n_aimed, n_changes))]
    found = {"command": name, "kills": 0, "changes of files": n_changes, "done before": 0}
    found |= dict.fromkeys(("half-written", "not gone on", "another result", "left over"), 0)
    said = []
    for moment, nth in kills:
        _fresh(root, template)
        process = _start(_run, root, command.run, nth)
        if moment is not None:
            process.join(moment)
            process.kill()
        died = _joined(process) == -signal.SIGKILL
        found["kills"] += died
        there = _outputs(command, root / "work")
        half = [out for out in there if there[out] not in (before[out], after[out])]
        # Then the command refuses to write again, or does all once more.
        done = (before != after and there == after) or _is(command, root, state)
        found["done before"] += done
        code = _joined(_start(_run, root, command.run))
        went_on = code == 0 or (code == 2 and done)
        broken = {
            "half-written": bool(half),
            "not gone on": not went_on,
            "another result": not ((done and code == 0) or _is(command, root, state)),
            "left over": bool(_left_over(root)),
        }
        for what, is_so in broken.items():
            found[what] += is_so
            if is_so:
                said.append((what, moment, nth, half, code, _left_over(root)))
    for one in said:
        print(name, one, file=sys.stderr)
    return found


BROKEN = ("half-written", "not gone on", "another result", "left over")


def killed(names, n_random, n_aimed):
    """Torture commands; return the figures of all, and a row for each."""
    with tempfile.TemporaryDirectory(prefix="torture-") as place:
        folders = [Path(place, str(i)) for i in range(len(names))]
        torture = partial(tortured, n_random=n_random, n_aimed=n_aimed)
        with ThreadPoolExecutor(2) as threads:
            rows = list(threads.map(lambda pair: torture(*pair), zip(names, folders, strict=True)))
    return {
        "kills": sum(row["kills"] for row in rows),
        "broken": sum(row[what] for row in rows for what in BROKEN),
        "rows": rows,
    }


@measure(
    Bar("nothing is broken by killing a command", "broken", at_most=0),
    Bar("every command is killed", "kills", at_least=200),
)
def killed_commands():
    """Each command is killed at 20 random moments, and before 6 random changes of a file.

    Then the same command runs again. *Half-written* is an output that is neither as before nor
    complete when the process is dead; *not gone on*, a second run that fails, unless all had been
    written before; *another result*, files or records other than those of a run that nobody killed,
    which includes runs that MLflow shows as running, and a damaged database; *left over*, hidden or
    temporary files after the second run.
    """
    return killed(COMMANDS, n_random=20, n_aimed=6)


def _on_a_full_disk(command, size):
    """Run a command where no file can grow beyond a size."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    return command()


def _read_only(command):
    """Run a command where nothing can be written, by a user who is not root."""
    for path in (Path(), *Path().rglob("*")):
        path.chmod(path.stat().st_mode & 0o555)
    if os.geteuid() == 0:
        os.setuid(65534)
    return command()


def refused(name, conditions, folder):
    """Run a command under conditions in which it cannot write; count what does not hold.

    It must end with exit code 2 and one line, or succeed, and then the result must be whole. What
    was there before must be there still, and nothing else.
    """
    command = COMMANDS[name]
    template = _prepared(command, folder)
    before = _outputs(command, template)
    row = {"command": name, "tried": 0, "refused": 0}
    row |= dict.fromkeys(("not told in a line", "not as before", "left over"), 0)
    for function, *arguments in conditions:
        root = folder / "root"
        _fresh(root, template)
        for path in (root, root / "tmp"):
            path.chmod(0o777)
        # What is said must not be held up by the limit.
        (root / "out").symlink_to("/dev/null")
        os.mkfifo(root / "err", 0o666)
        heard = os.open(root / "err", os.O_RDONLY | os.O_NONBLOCK)
        code = _joined(_start(function, root, command.run, *arguments))
        lines = os.read(heard, 2**16).decode().splitlines()
        os.close(heard)
        told = [line for line in lines if not line.startswith("ganaug: note: ")]
        row["tried"] += 1
        row["refused"] += code == 2
        one_line = len(told) == 1 and told[0].startswith("ganaug: ")
        broken = {
            "not told in a line": not (one_line if code == 2 else code == 0 and not told),
            "not as before": code != 0 and _outputs(command, root / "work") != before,
            "left over": code != 0 and bool(_left_over(root, {".ganaug-unfinished"})),
        }
        for what, is_so in broken.items():
            row[what] += is_so
            if is_so:
                print(name, arguments, what, code, told, _left_over(root), file=sys.stderr)
    return row


def without_room(names, conditions):
    """Run commands where they cannot write; return the figures of all, and a row for each."""
    with tempfile.TemporaryDirectory(prefix="torture-") as place:
        Path(place).chmod(0o755)
        rows = []
        for i, name in enumerate(names):
            rows.append(refused(name, conditions, Path(place, str(i))))
    counts = ("not told in a line", "not as before", "left over")
    return {
        "tried": sum(row["tried"] for row in rows),
        "broken": sum(row[what] for row in rows for what in counts),
        "rows": rows,
    }


#: Bytes that a file may have: none, less than a model, than a report, and than a database.
SIZES = (0, 500, 5_000, 60_000, 400_000)


@measure(Bar("nothing is broken by a full disk or a read-only folder", "broken", at_most=0))
def full_disk():
    """Each command where no file can grow beyond some size, and in a folder that is read-only.

    It must end with exit code 2 and one line on standard error, or else succeed. What was there
    must be there as before, and nothing else but what lets a comparison go on.
    """
    conditions = [*((_on_a_full_disk, size) for size in SIZES), (_read_only,)]
    return without_room(COMMANDS, conditions)


@measure(Bar("no server outlives its command", "broken", at_most=0))
def killed_ui():
    """`ganaug ui` is killed at 20 random moments; its server must end, and the next one start."""
    return killed_server(20)


def killed_server(n):
    """Kill ``ganaug ui`` so many times; count servers that stay, and that do not start."""
    stream = random.Random(SEED)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stayed = failed = 0
    with tempfile.TemporaryDirectory(prefix="torture-") as place:
        root = Path(place)
        for path in (root / "work", root / "tmp"):
            path.mkdir()
        _joined(_start(_call, root, _store))
        start = time.perf_counter()
        process = _start(_serve, root, port)
        failed += not _is_up(process, port)
        seconds = time.perf_counter() - start
        for _ in range(n):
            process.kill()
            process.join()
            stayed += not _is_down(port)
            process = _start(_serve, root, port)
            process.join(stream.uniform(0, seconds))
            failed += process.exitcode is not None
        failed += not _is_up(process, port)
        if failed:
            print((root / "err").read_text(), file=sys.stderr)
        process.kill()
        process.join()
        stayed += not _is_down(port)
    return {
        "kills": n + 1,
        "servers that stayed": stayed,
        "starts that failed": failed,
        "broken": stayed + failed,
    }


def _serve(port):
    return _main("ui", "--port", port)


def _is_up(process, port):
    deadline = time.monotonic() + 120
    while process.exitcode is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return True
        time.sleep(0.1)
    return False


def _is_down(port):
    """Return whether no process serves a port a few seconds later."""
    deadline = time.monotonic() + 5
    while _servers(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _servers(port)


def _servers(port):
    """Return the processes that were started to serve a port."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"mlflow" in b" ".join(words) and str(port).encode() in words:
                found.append(int(process.name))
    return found
