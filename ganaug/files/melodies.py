"""Melodies in ABC and MIDI files, read into arrays of one grid and one key, and written as MIDI."""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ganaug.files.folders import left_out, list_classes, name_files, unreadable
from ganaug.paths import new_folder

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".abc", ".mid", ".midi")
#: The lowest pitch of a grid, E3 by its MIDI number, and how many semitones it has.
LOWEST, N_PITCHES = 52, 32
#: Sixteenths in a quarter note.
PER_QUARTER = 4
#: What the cells of a grid hold.
SILENT, HELD, STRUCK = 0, 128, 255
#: Steps that a piece may have: a series has no fewer and no more.
STEPS = (8, 512)


@dataclass
class Melodies:
    """Pieces of tunes on one grid, and where they come from.

    Attributes
    ----------
    X : ndarray of shape (n, 32, steps), uint8
        A semitone for each row of the grid, from E3 (MIDI number 52) to B5 (83), and a sixteenth
        for each column: 0 where a pitch is silent, 255 where it is struck, 128 where it is held.
    y : ndarray of shape (n,)
        The class of each piece: the name of its folder.
    tunes : ndarray of shape (n,)
        Which tune each piece is from, as text. These are ``groups`` for a split into training and
        test rows, because pieces of one tune are alike.
    """

    X: np.ndarray
    y: np.ndarray
    tunes: np.ndarray


def read_melodies(path: str | Path, *, steps: int = 64, skip_unreadable: bool = False) -> Melodies:
    r"""Read a folder that holds a folder of ABC or MIDI files for each class.

    A file of several ABC tunes, a tune book, counts as so many tunes. Each tune is transposed to
    the key without sharps and flats that is nearest to the middle of the grid. It is cut into
    pieces of one length, each of which begins with a bar. What is left at its end is not used.

    Parameters
    ----------
    path : str or Path
        Hidden files and folders in it, whose names begin with a dot, are ignored.
    steps : int, default=64
        Sixteenths of a piece, 8 to 512: 64 are four bars of 4/4.
    skip_unreadable : bool, default=False
        Leave out, with a warning, what cannot be read as a melody, instead of raising.

    Returns
    -------
    Melodies
        With ``X``, ``y`` and ``tunes``, by class, by name and by place in the tune.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If files are no ABC or MIDI, tunes have no notes or are too short for one piece; there are
        fewer than two classes, a class without a piece, or folders within those of the classes.
    ImportError
        If music21 is not installed.

    Warns
    -----
    UserWarning
        If files or tunes are left out.

    See Also
    --------
    write_melodies : Write pieces as MIDI files.

    Notes
    -----
    Repeats are not played out. Of a file with several parts, the first one that has notes is the
    melody; of notes that sound together the highest is. Times are rounded to sixteenths, grace
    notes left out. Notes beyond the grid, which a tune of less than 21 semitones has not, are
    moved by octaves. The key is found by the method of Krumhansl and Schmuckler [1]_, because few
    files tell it reliably.

    References
    ----------
    .. [1] C. Krumhansl, "Cognitive foundations of musical pitch", Oxford University Press, 1990.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from ganaug.files import read_melodies
    >>> tune = "X:1\nM:4/4\nL:1/8\nK:G\nGABc d2B2|c2A2 G4|"
    >>> with TemporaryDirectory() as folder:
    ...     for label in ("air", "reel"):
    ...         Path(folder, label).mkdir()
    ...         _ = Path(folder, label, "1.abc").write_text(tune)
    ...     melodies = read_melodies(folder, steps=32)
    >>> melodies.X.shape, melodies.y.tolist(), melodies.tunes.tolist()
    ((2, 32, 32), ['air', 'reel'], ['air/1.abc', 'reel/1.abc'])
    """
    import numpy as np

    path = Path(path)
    _check_steps(steps)
    music21 = _import_music21()
    classes, files, strays = list_classes(path, SUFFIXES, "melody")
    pieces: list[np.ndarray] = []
    y: list[str] = []
    tunes: list[str] = []
    for file in files:
        if strays and not skip_unreadable:
            break  # No need to read the others: the error below names the first stray.
        for name, text in _tunes_in(file):
            try:
                found = pieces_of(*line_of(_parse(music21, text)), steps)
            except ValueError as error:
                strays.append(f"{name} {error}")
                continue
            pieces += found
            y += [file.parent.name] * len(found)
            tunes += [name.relative_to(path).as_posix()] * len(found)
    if strays and not skip_unreadable:
        raise unreadable(strays[0])
    empty = [label for label in classes if label not in y]
    if empty:
        raise ValueError(f"{path / empty[0]} holds no melody ({', '.join(SUFFIXES)}).")
    if strays:
        warnings.warn(left_out(strays), UserWarning, stacklevel=2)
    return Melodies(np.stack(pieces), np.array(y), np.array(tunes))


def _check_steps(steps: int) -> None:
    least, most = STEPS
    if not least <= steps <= most:
        raise ValueError(f"steps={steps!r} must be a number of sixteenths, {least} to {most}.")


def _import_music21() -> ModuleType:
    try:
        import music21
    except ImportError:
        raise ImportError(
            "Melodies need music21. Install it with: pip install 'ganaug[music]'"
        ) from None
    return music21


def _tunes_in(file: Path) -> list[tuple[Path, str | bytes]]:
    """Return the name and the content of each tune: text of ABC files, bytes of MIDI files."""
    data = file.read_bytes()
    if file.suffix.lower() != ".abc":
        return [(file, data)]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    # What stands above the first tune of a book holds for all of them.
    head, *tunes = re.split(r"^(?=X:)", text, flags=re.MULTILINE)
    if len(tunes) < 2:
        return [(file, text)]
    return [(file.with_name(f"{file.name}#{i}"), head + tune) for i, tune in enumerate(tunes, 1)]


def _parse(music21: Any, content: str | bytes) -> Any:
    """Return the part of music21's score that has the melody, its notes tied."""
    kind = "abc" if isinstance(content, str) else "midi"
    if isinstance(content, bytes):
        _check_whole(content)
    try:
        score = music21.converter.parseData(content, format=kind)
    except Exception as error:  # music21 raises all kinds of them at damaged files.
        raise ValueError(f"cannot be read as {kind.upper()}: {error}.") from None
    for part in score.parts:
        if any(map(_sounds, part.recurse().notes)):
            return part.stripTies()
    raise ValueError("has no notes.")


def _check_whole(data: bytes) -> None:
    """Raise if a MIDI file has no parts, or ends before the last of them does."""
    if not data.startswith(b"MThd"):
        raise ValueError("is no MIDI file.")
    end = 0
    while end < len(data):
        end += 8 + int.from_bytes(data[end + 4 : end + 8])
    if end > len(data):
        raise ValueError("cannot be read as MIDI: its end is missing.")


def _sounds(note: Any) -> bool:
    """Return whether a note has a pitch and a length, as drums, chord names and graces have not."""
    return bool(note.pitches) and note.quarterLength > 0


def line_of(part: Any) -> tuple[np.ndarray, list[int]]:
    """Return a tune as one grid of pitches and sixteenths, in one key, and where bars begin."""
    import numpy as np

    notes = [note for note in part.flatten().notes if _sounds(note)]
    starts = [round(note.offset * PER_QUARTER) for note in notes]
    ends = [round((note.offset + note.quarterLength) * PER_QUARTER) for note in notes]
    highest = np.array([max(pitch.midi for pitch in note.pitches) for note in notes])
    pitches = in_one_key(highest, part.analyze("key").sharps)
    bars = np.array([bar.offset for bar in part.getElementsByClass("Measure")] or [0.0])
    bars = np.rint(bars * PER_QUARTER).astype(int)
    usual = int(np.median(np.diff(bars))) if len(bars) > 1 else max(ends)
    # Where a tune begins with an upbeat, its last bar lacks so much.
    end = bars[-1] + usual
    grid = np.full((N_PITCHES, max(end, *ends)), SILENT, np.uint8)
    for start, pitch, stop in sorted(zip(starts, pitches, ends, strict=True)):
        grid[:, start:] = SILENT  # the note that was struck last counts
        grid[pitch - LOWEST, start:stop] = HELD
        grid[pitch - LOWEST, start : start + 1] = STRUCK
    whole = np.diff(bars, append=end) >= usual
    return grid, bars[whole].tolist()


def in_one_key(pitches: np.ndarray, sharps: int) -> np.ndarray:
    """Return pitches without the sharps, or flats if negative, of their key, within the grid."""
    import numpy as np

    pitches = pitches - 7 * sharps % 12
    middle = LOWEST + (N_PITCHES - 1) / 2
    pitches += 12 * round((middle - (pitches.min() + pitches.max()) / 2) / 12)
    below, above = LOWEST - pitches, pitches - (LOWEST + N_PITCHES - 1)
    pitches = np.where(below > 0, pitches + 12 * -(-below // 12), pitches)
    return np.where(above > 0, pitches - 12 * -(-above // 12), pitches)


def pieces_of(grid: np.ndarray, bars: list[int], steps: int) -> list[np.ndarray]:
    """Cut a tune into pieces that begin with bars."""
    pieces, end = [], 0
    for bar in bars:
        piece = grid[:, bar : bar + steps].copy()
        if bar < end or piece.shape[1] < steps:
            continue
        piece[piece[:, 0] == HELD, 0] = STRUCK
        if piece.any():
            pieces.append(piece)
        end = bar + steps
    if not pieces:
        raise ValueError(f"has no {steps} sixteenths from a bar on; ask for fewer steps.")
    return pieces


def as_melodies(X: np.ndarray) -> np.ndarray:
    """Return what a GAN made of melodies as melodies: one note at a time.

    Parameters
    ----------
    X : array-like of shape (n, 32, steps) or (n, 32 * steps)
        Of any numeric dtype. In each column the largest value counts: from 192 on a note is
        struck, from 64 on it is held, or struck if another one came before; below it is silent.

    Returns
    -------
    ndarray of shape (n, 32, steps), uint8
        As ``Melodies.X``. Melodies that are so already are returned as they are.

    Raises
    ------
    ValueError
        If ``X`` has another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.files import as_melodies
    >>> blurred = np.zeros((1, 32, 8))
    >>> blurred[0, 10, :4], blurred[0, 12, 2:6] = [250, 120, 90, 0], [30, 99, 140, 50]
    >>> as_melodies(blurred)[0, 10:13].tolist()[::2]
    [[255, 128, 128, 0, 0, 0, 0, 0], [0, 0, 0, 255, 128, 0, 0, 0]]
    """
    import numpy as np

    X = np.asarray(X)
    if X.ndim == 2 and X.shape[1] % N_PITCHES == 0:
        X = X.reshape(len(X), N_PITCHES, -1)
    if X.ndim != 3 or X.shape[1] != N_PITCHES:
        raise ValueError(
            f"X has the shape {X.shape}, but melodies have {N_PITCHES} pitches: "
            f"(n, {N_PITCHES}, steps) or, flattened, (n, {N_PITCHES} * steps)."
        )
    pitch, level = X.argmax(axis=1), X.max(axis=1)
    sounds = level >= HELD / 2
    before = np.where(sounds, pitch, -1)[:, :-1]
    struck = level >= (HELD + STRUCK) / 2
    struck[:, :1] = True
    struck[:, 1:] |= before != pitch[:, 1:]
    values = np.where(sounds, np.where(struck, STRUCK, HELD), SILENT).astype(np.uint8)
    melodies = np.zeros(X.shape, np.uint8)
    np.put_along_axis(melodies, pitch[:, None], values[:, None], axis=1)
    return melodies


def notes_of(piece: np.ndarray) -> np.ndarray:
    """Return the notes of one melody.

    Parameters
    ----------
    piece : ndarray of shape (32, steps), uint8
        As :func:`as_melodies` makes it.

    Returns
    -------
    ndarray of shape (n_notes, 3), int64
        The MIDI number, the first sixteenth and the number of sixteenths of each, by time.

    Examples
    --------
    >>> import numpy as np
    >>> from ganaug.files.melodies import notes_of
    >>> piece = np.zeros((32, 8), dtype="uint8")
    >>> piece[8, :3], piece[10, 4:6] = [255, 128, 255], [255, 128]
    >>> notes_of(piece).tolist()
    [[60, 0, 2], [60, 2, 1], [62, 4, 2]]
    """
    import numpy as np

    steps = piece.shape[1]
    first = np.flatnonzero((piece == STRUCK).any(axis=0))
    pitch = piece[:, first].argmax(axis=0)
    # A note ends where the next one, or silence, begins.
    ends = np.union1d(np.append(first, steps), np.flatnonzero(~piece.any(axis=0)))
    length = ends[np.searchsorted(ends, first, side="right")] - first
    return np.stack([pitch + LOWEST, first, length], axis=1)


def write_melodies(path: str | Path, X: np.ndarray, y: Iterable[Hashable]) -> None:
    """Write synthetic melodies to a new folder, with a folder for each class; all or nothing.

    Parameters
    ----------
    path : str or Path
        The folder to make.
    X : array-like of shape (n, 32, steps) or (n, 32 * steps)
        Melodies as :func:`as_melodies` takes them. They are written as ``synthetic-0001.mid`` and
        so on, counted in each class, 120 quarter notes a minute.
    y : array-like of shape (n,)
        The class of each, whose text names its folder.

    Raises
    ------
    FileExistsError
        If ``path`` exists.
    FileNotFoundError
        If the folder above it does not.
    ValueError
        If ``X`` has another shape, ``y`` another length, a melody has no notes, a class cannot
        name a folder, or two have the same name.
    ImportError
        If music21 is not installed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from ganaug.files import write_melodies
    >>> with TemporaryDirectory() as folder:
    ...     write_melodies(Path(folder, "new"), np.full((1, 32, 16), 255), ["reel"])
    ...     Path(folder, "new", "reel", "synthetic-0001.mid").read_bytes()[:4]
    b'MThd'
    """
    music21 = _import_music21()
    labels = list(y)
    pieces = [notes_of(piece) for piece in as_melodies(X)]
    if len(pieces) != len(labels):
        raise ValueError(
            f"X has {len(pieces)} melodies, but y {len(labels)} classes; pass one for each melody."
        )
    silent = [i for i, notes in enumerate(pieces) if not len(notes)]
    if silent:
        raise ValueError(f"X has a melody without notes, X[{silent[0]}]; leave it out.")
    with new_folder(Path(path)) as folder:
        for notes, name in zip(pieces, name_files(labels, ".mid"), strict=True):
            to = folder / name
            to.parent.mkdir(exist_ok=True)
            part = music21.stream.Part()
            for pitch, start, length in notes.tolist():
                note = music21.note.Note(pitch, quarterLength=length / PER_QUARTER)
                part.insert(start / PER_QUARTER, note)
            part.write("midi", fp=to)
