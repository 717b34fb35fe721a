"""Melodies in ABC and MIDI files, read into tables of one key and one grid, and written as MIDI."""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ganaug.files.folders import left_out, list_classes, name_files, unreadable
from ganaug.paths import new_folder

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike

SUFFIXES = (".abc", ".mid", ".midi")
#: What a sixteenth holds besides the MIDI number of a note that is struck.
SILENT, HELD = 0, 1
#: The lowest pitch, E3 by its MIDI number, and how many semitones there are.
LOWEST, N_PITCHES = 52, 32
#: Sixteenths in a quarter note.
PER_QUARTER = 4
#: Sixteenths that a piece may have.
STEPS = (8, 512)
#: music21 takes minutes, or for ever, where notes or files are longer: bars of a note of ABC,
#: quarter notes of a bar of ABC, and of a MIDI file.
MOST_BARS, LONGEST_BAR, LONGEST_FILE = 64, 128, 4096
#: Metres and units of length in ABC, as fields of their own or within a line.
_FIELD = re.compile(r"(?:^|\[)([ML]):\s*(\d+)/(\d+)", re.MULTILINE)
#: What has no notes: fields, comments, names of chords and decorations.
_NO_NOTES = re.compile(
    r"^[A-Za-z+]:.*|%.*|\"[^\"\n]*\"|![^!\n]*!|\[[A-Za-z]:[^]\n]*\]", re.MULTILINE
)
#: A note, rest or chord, and how many units it lasts.
_LASTS = re.compile(r"([A-Ga-gxz]|(?<=[A-Ga-g,'\d])\])[,']*(\d+)")
#: What a piano roll holds where a note is held, and where it is struck.
ROLL_HELD, ROLL_STRUCK = 128, 255


@dataclass
class Melodies:
    """Pieces of tunes in one key and on one grid, and where they come from.

    Attributes
    ----------
    X : DataFrame of shape (n, steps), categories
        A column for each sixteenth: 0 where it is silent, 1 where the note before is held, else the
        MIDI number of the note that is struck, from 52 (E3) to 83 (B5). Their dtype is
        ``category``, so that a GAN does not take them for numbers: a synthetic piece then has
        whole notes by itself.
    y : ndarray of shape (n,)
        The class of each piece: the name of its folder.
    tunes : ndarray of shape (n,)
        Which tune each piece is from, as text. These are ``groups`` for a split into training and
        test rows, because pieces of one tune are alike.
    """

    X: pd.DataFrame
    y: np.ndarray
    tunes: np.ndarray


def read_melodies(path: str | Path, *, steps: int = 64, skip_unreadable: bool = False) -> Melodies:
    r"""Read a folder that holds a folder of ABC or MIDI files for each class.

    A file of several ABC tunes, a tune book, counts as so many tunes. Each tune is transposed to
    the key without sharps and flats, in the middle of the grid. It is cut into pieces of one
    length, each of which begins with a bar. What is left at its end is not used.

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
        If files are no ABC or MIDI, tunes have no notes or are too short for one piece; if a note
        lasts more than 64 bars, a bar of ABC more than 128 quarter notes, or a MIDI file more than
        4096; if there are fewer than two classes, a class without a piece, or folders within those
        of the classes.
    ImportError
        If music21 is not installed.

    Warns
    -----
    UserWarning
        If files or tunes are left out.

    See Also
    --------
    write_melodies : Write pieces as MIDI files.
    piano_roll : Turn pieces into images.

    Notes
    -----
    Repeats are not played out. Of a file with several parts, the first one that has notes is the
    melody; of notes that begin together the highest is, and a note ends where the next one begins.
    Times are rounded to sixteenths, grace notes left out. Notes beyond the grid, which a tune of
    less than 21 semitones has not, are moved by octaves. The key is found by the method of
    Krumhansl and Schmuckler [1]_, because few files tell it reliably.

    music21 takes some .2 s for each tune.

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
    ...     melodies = read_melodies(folder, steps=16)
    >>> melodies.y.tolist(), melodies.tunes.tolist()
    (['air', 'air', 'reel', 'reel'], ['air/1.abc', 'air/1.abc', 'reel/1.abc', 'reel/1.abc'])
    >>> melodies.X.iloc[0].tolist()
    [60, 1, 62, 1, 64, 1, 65, 1, 67, 1, 1, 1, 64, 1, 1, 1]
    """
    import numpy as np

    path = Path(path)
    _check_steps(steps)
    music21 = _import_music21()
    classes, files, strays = list_classes(path, SUFFIXES, "melody", "melodies")
    pieces: list[np.ndarray] = []
    y: list[str] = []
    tunes: list[str] = []
    cause: ValueError | None = None
    for file in files:
        if strays and not skip_unreadable:
            break  # No need to read the others: the error below names the first stray.
        for name, content in _tunes_in(file):
            try:
                found = pieces_of(*line_of(_parse(music21, content)), steps)
            except ValueError as error:
                strays.append(f"{name} {error}")
                cause = cause or error
                continue
            pieces += found
            y += [file.parent.name] * len(found)
            tunes += [name.relative_to(path).as_posix()] * len(found)
    if strays and not skip_unreadable:
        raise unreadable(strays[0]) from cause
    empty = [label for label in classes if label not in y]
    if empty:
        raise ValueError(f"{path / empty[0]} holds no melody ({', '.join(SUFFIXES)}).")
    if strays:
        warnings.warn(left_out(strays), UserWarning, stacklevel=2)
    return Melodies(as_table(pieces), np.array(y), np.array(tunes))


def as_table(pieces: Iterable[np.ndarray]) -> pd.DataFrame:
    """Return pieces of one length as ``Melodies.X`` has them."""
    import numpy as np
    import pandas as pd

    rows = np.stack(list(pieces))
    names = [str(step) for step in range(1, rows.shape[1] + 1)]
    values = [SILENT, HELD, *range(LOWEST, LOWEST + N_PITCHES)]
    return pd.DataFrame(rows, columns=names).astype(pd.CategoricalDtype(values))


def _check_steps(steps: int) -> None:
    least, most = STEPS
    if not (isinstance(steps, Integral) and least <= steps <= most):
        raise ValueError(
            f"steps={steps!r} must be a whole number of sixteenths, {least} to {most}."
        )


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
    score = _score_of_abc(music21, content) if isinstance(content, str) else _score_of_midi(content)
    for part in score.parts:
        if any(map(_sounds, part.recurse().notes)):
            return part.stripTies()
    raise ValueError("has no notes.")


@contextmanager
def _reading(kind: str, needs: str) -> Iterator[None]:
    """Say in words of our own that what is read is damaged."""
    try:
        yield
    except Exception as error:  # music21 raises all kinds of them.
        raise ValueError(f"is not {kind} that can be read: {needs}.") from error


def _score_of_abc(music21: Any, text: str) -> Any:
    _check_lengths(text)
    needs = "a tune has the lines X:1, M:4/4, L:1/8 and K:C, or others like these, and then notes"
    with _reading("ABC", needs):
        return music21.converter.parseData(text, format="abc")


def _check_lengths(text: str) -> None:
    """Raise if bars or notes of ABC are longer than any in a tune."""
    quarters: dict[str, list[float]] = {"M": [4.0], "L": [0.5]}
    for field, above, below in _FIELD.findall(text):
        if float(below):
            quarters[field].append(4 * float(above) / float(below))
            if quarters[field][-1] > LONGEST_BAR:
                raise ValueError(
                    f"has the line {field}:{above[:20]}/{below[:20]}, which is more than "
                    f"{LONGEST_BAR} quarter notes."
                )
    bar, unit = min(filter(None, quarters["M"])), max(quarters["L"])
    for _, number in _LASTS.findall(_NO_NOTES.sub("", text)):
        if float(number) * unit > MOST_BARS * bar:
            raise ValueError(
                f"has a note or rest of {number[:20]} units, which is more than {MOST_BARS} bars."
            )


def _score_of_midi(data: bytes) -> Any:
    from music21.midi import MidiFile
    from music21.midi.translate import midiFileToStream

    _check_whole(data)
    file, needs = MidiFile(), "its head or a track is damaged"
    with _reading("MIDI", needs):
        file.readstr(data)
        ticks = max(
            (sum(e.time for e in track.events if e.isDeltaTime()) for track in file.tracks),
            default=0,
        )
        quarters = ticks / file.ticksPerQuarterNote
    if quarters > LONGEST_FILE:
        raise ValueError(
            f"lasts {quarters:.0f} quarter notes; a MIDI file may last {LONGEST_FILE}."
        )
    with _reading("MIDI", needs):
        return midiFileToStream(file)


def _check_whole(data: bytes) -> None:
    """Raise if a MIDI file has no parts, or ends before the last of them does."""
    if not data.startswith(b"MThd"):
        raise ValueError("is not MIDI that can be read: it does not begin with MThd.")
    end = 0
    while end < len(data):
        end += 8 + int.from_bytes(data[end + 4 : end + 8])
    if end > len(data):
        raise ValueError("is not MIDI that can be read: its end is missing.")


def _sounds(note: Any) -> bool:
    """Return whether a note has a pitch and a length, as drums, chord names and graces have not."""
    return bool(note.pitches) and note.quarterLength > 0


def line_of(part: Any) -> tuple[np.ndarray, list[int]]:
    """Return the sixteenths of a part, in one key, and at which of them bars begin."""
    import numpy as np

    notes = [note for note in part.flatten().notes if _sounds(note)]
    starts = [round(note.offset * PER_QUARTER) for note in notes]
    stops = [round((note.offset + note.quarterLength) * PER_QUARTER) for note in notes]
    highest = np.array([max(pitch.midi for pitch in note.pitches) for note in notes])
    pitches = in_one_key(highest, part.analyze("key").sharps)
    bars = np.array([bar.offset for bar in part.getElementsByClass("Measure")] or [0.0])
    bars = np.rint(bars * PER_QUARTER).astype(int)
    usual = int(np.median(np.diff(bars))) if len(bars) > 1 else max(stops)
    # Where a tune begins with an upbeat, its last bar lacks so much.
    end = bars[-1] + usual
    line = np.full(max(end, *stops, starts[-1] + 1), SILENT)
    for start, pitch, stop in sorted(zip(starts, pitches.tolist(), stops, strict=True)):
        line[start:] = SILENT
        line[start:stop] = HELD
        line[start] = pitch
    whole = np.diff(bars, append=end) >= usual
    return line, bars[whole].tolist()


def in_one_key(pitches: np.ndarray, sharps: int) -> np.ndarray:
    """Return pitches without the sharps, or flats if negative, of their key, within the grid."""
    import numpy as np

    pitches = pitches - 7 * sharps % 12
    middle = LOWEST + (N_PITCHES - 1) / 2
    pitches += 12 * round((middle - (pitches.min() + pitches.max()) / 2) / 12)
    below, above = LOWEST - pitches, pitches - (LOWEST + N_PITCHES - 1)
    pitches = np.where(below > 0, pitches + 12 * -(-below // 12), pitches)
    return np.where(above > 0, pitches - 12 * -(-above // 12), pitches)


def pieces_of(line: np.ndarray, bars: Iterable[int], steps: int) -> list[np.ndarray]:
    """Cut a tune into pieces that begin with bars."""
    pieces, end = [], 0
    for bar in bars:
        piece = line[bar : bar + steps].copy()
        if bar < end or len(piece) < steps:
            continue
        if piece[0] == HELD:
            piece[0] = line[:bar][line[:bar] > HELD][-1]
        if (piece > HELD).any():
            pieces.append(piece)
        end = bar + steps
    if not pieces:
        raise ValueError(f"has no {steps} sixteenths from a bar on; ask for fewer steps.")
    return pieces


def notes_of(piece: ArrayLike) -> np.ndarray:
    """Return the notes of one piece.

    Parameters
    ----------
    piece : array-like of shape (steps,)
        A row of ``Melodies.X``. What is held after silence is silent.

    Returns
    -------
    ndarray of shape (n_notes, 3), int64
        The MIDI number, the first sixteenth and the number of sixteenths of each, by time.

    Raises
    ------
    ValueError
        If ``piece`` has two axes, or values that no piece has.

    Examples
    --------
    >>> from ganaug.files import notes_of
    >>> notes_of([60, 1, 60, 0, 1, 62, 1, 1]).tolist()
    [[60, 0, 2], [60, 2, 1], [62, 5, 3]]
    """
    import numpy as np

    values = np.asarray(piece)
    if values.ndim != 1:
        raise ValueError(
            f"piece has the shape {values.shape}, but one piece has the shape (steps,); pass the "
            "rows of a table one by one."
        )
    return _notes_of(_whole(values, "piece"))


def _notes_of(piece: np.ndarray) -> np.ndarray:
    """Return the notes of a piece whose values have been checked."""
    import numpy as np

    starts = np.flatnonzero(piece > HELD)
    stops = np.append(np.flatnonzero(piece != HELD), len(piece))
    lengths = stops[np.searchsorted(stops, starts, side="right")] - starts
    return np.stack([piece[starts], starts, lengths], axis=1)


def piano_roll(X: Any) -> np.ndarray:
    """Return pieces as images.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n, steps)
        Pieces, as ``Melodies.X``.

    Returns
    -------
    ndarray of shape (n, 32, steps), uint8
        A row for each semitone from E3 up: 0 where it is silent, 255 where it is struck, 128 where
        it is held.

    Raises
    ------
    ValueError
        If ``X`` has another shape, or values that no piece has.

    Examples
    --------
    >>> from ganaug.files import piano_roll
    >>> piano_roll([[60, 1, 0, 0, 62, 1, 1, 1]])[0, 8:11].tolist()[::2]
    [[255, 128, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 255, 128, 128, 128]]
    """
    import numpy as np

    X = _checked(X)
    rolls = np.zeros((len(X), N_PITCHES, X.shape[1]), np.uint8)
    for roll, piece in zip(rolls, X, strict=True):
        for pitch, start, length in _notes_of(piece):
            roll[pitch - LOWEST, start] = ROLL_STRUCK
            roll[pitch - LOWEST, start + 1 : start + length] = ROLL_HELD
    return rolls


def _checked(X: Any) -> np.ndarray:
    """Return pieces as an array of whole numbers."""
    import numpy as np

    values = np.asarray(X)
    if values.ndim != 2:
        raise ValueError(f"X has the shape {values.shape}, but pieces are rows: (n, steps).")
    return _whole(values, "X")


def _whole(values: np.ndarray, name: str) -> np.ndarray:
    """Return what sixteenths hold as whole numbers, or raise."""
    import numpy as np

    known = {SILENT, HELD, *range(LOWEST, LOWEST + N_PITCHES)}
    strange = [value for value in values.ravel().tolist() if value not in known]
    if strange:
        raise ValueError(
            f"{name} holds {strange[0]!r}, but a sixteenth is {SILENT} (silent), {HELD} (held) or "
            f"a note from {LOWEST} to {LOWEST + N_PITCHES - 1}; pass pieces as read_melodies "
            "returns them."
        )
    return values.astype(np.int64)


def write_melodies(path: str | Path, X: Any, y: Iterable[Hashable]) -> None:
    """Write synthetic pieces to a new folder, with a folder for each class; all or nothing.

    Parameters
    ----------
    path : str or Path
        The folder to make.
    X : DataFrame or array-like of shape (n, steps)
        Pieces, as ``Melodies.X``. They are written as ``synthetic-0001.mid`` and so on, counted in
        each class, at 120 quarter notes a minute.
    y : array-like of shape (n,)
        The class of each, whose text names its folder.

    Raises
    ------
    FileExistsError
        If ``path`` exists.
    FileNotFoundError
        If the folder above it does not.
    ValueError
        If ``X`` has another shape or values that no piece has, ``y`` another length, a piece has no
        notes, a class cannot name a folder, or two have the same name.
    ImportError
        If music21 is not installed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from ganaug.files import write_melodies
    >>> with TemporaryDirectory() as folder:
    ...     write_melodies(Path(folder, "new"), [[60, 1, 62, 1, 64, 1, 1, 1]], ["reel"])
    ...     Path(folder, "new", "reel", "synthetic-0001.mid").read_bytes()[:4]
    b'MThd'
    """
    music21 = _import_music21()
    labels = list(y)
    pieces = [_notes_of(piece) for piece in _checked(X)]
    if len(pieces) != len(labels):
        raise ValueError(
            f"X has {len(pieces)} pieces, but y {len(labels)} classes; pass one for each piece."
        )
    silent = [i for i, notes in enumerate(pieces) if not len(notes)]
    if silent:
        raise ValueError(f"row {silent[0]} of X has no notes; leave it out.")
    with new_folder(Path(path)) as folder:
        for notes, name in zip(pieces, name_files(labels, ".mid"), strict=True):
            to = folder / name
            to.parent.mkdir(exist_ok=True)
            part = music21.stream.Part()
            for pitch, start, length in notes.tolist():
                note = music21.note.Note(pitch, quarterLength=length / PER_QUARTER)
                part.insert(start / PER_QUARTER, note)
            part.write("midi", fp=to)
