"""Melodies in files: what is read, what is refused, and that writing is all or nothing."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

from ganaug import GANAugmenter
from ganaug.files import piano_roll, read_melodies, write_melodies
from ganaug.files.melodies import HELD, LOWEST, SILENT, in_one_key, notes_of

HEAD = "X:1\nT:a tune\nM:4/4\nL:1/8\nK:{key}\n"
FOUR_BARS = "GABc d2B2|c2A2 G4|GFED C2E2|G8|"
NO_ABC = {
    "empty": "",
    "table": "a,b\n1,2\n",
    "prose": "The tune was made in 1685.\n",
    "no metre": "X:1\nM:4/0\nL:1/8\nK:C\nGABc|",
}
#: What music21 reads for minutes, or for ever.
TOO_LONG = {
    "a long note": ("G999|", "a note or rest of 999 units, which is more than 64 bars."),
    "a longer note": ("^G,9" + 5000 * "9" + "|", "a note or rest of 9999"),
    "a long rest": ("z99999999|", "a note or rest of 99999999 units"),
    "a long chord": ("[GB]999|", "a note or rest of 999 units"),
    "a long bar": ("\nM:40000/4\nG|", "the line M:40000/4, which is more than 128 quarter notes."),
    "a long unit": ("[L:999/1]G|", "the line L:999/1"),
}
FOR_EVER = b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x0f\0\x90<@\xff\xff\xff\x7f\x80<@\0\xff\x2f\0"
NO_NOTES = b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0"


def abc(music=FOUR_BARS, key="G"):
    return HEAD.format(key=key) + music + "\n"


def write(folder, **files):
    """Write files of ABC, the kind of tune before and the name after the underline."""
    for name, text in files.items():
        label, _, stem = name.partition("_")
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{stem}.abc").write_text(text)
    return folder


@pytest.fixture
def folder(tmp_path):
    """Return a folder of two kinds of tunes, one tune of four bars each."""
    return write(tmp_path / "tunes", air_1=abc(), reel_1=abc("EFGA BAGF|E8|cBAG FEDC|D8|", "C"))


# --- Reading -------------------------------------------------------------------------------------


def test_a_tune_is_a_row_of_sixteenths(folder):
    read = read_melodies(folder)
    assert read.X.shape == (2, 64)
    assert read.X.columns.tolist() == [str(step) for step in range(1, 65)]
    assert set(read.X.dtypes) == {read.X["1"].dtype}
    assert read.X["1"].cat.categories.tolist() == [SILENT, HELD, *range(52, 84)]
    assert read.y.tolist() == ["air", "reel"]
    assert read.tunes.tolist() == ["air/1.abc", "reel/1.abc"]
    assert read.X.iloc[1, :8].tolist() == [64, 1, 65, 1, 67, 1, 69, 1]
    assert notes_of(read.X.iloc[1])[-1].tolist() == [62, 48, 16]


def test_the_same_tune_in_every_key_is_the_same(tmp_path):
    tune = "CEGc GECE|FAcA FDB,D|EGcG EDCB,|C8|"
    higher = "DF^Ad AFDF|GBdB GECE|F^Ad^A FED^C|D8|".replace("^A", "A").replace("^C", "C")
    folder = write(tmp_path / "tunes", a_1=abc(tune, "C"), b_1=abc(higher, "D"))
    read = read_melodies(folder)
    assert_array_equal(read.X.iloc[0], read.X.iloc[1])
    assert set(notes_of(read.X.iloc[0])[:, 0] % 12) <= {0, 2, 4, 5, 7, 9, 11}


@pytest.mark.parametrize("sharps", range(-7, 8))
def test_every_key_goes_to_the_one_without_sharps_within_the_grid(sharps):
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12]) + 60 + 7 * sharps
    moved = in_one_key(scale, sharps)
    assert (moved % 12 == [0, 2, 4, 5, 7, 9, 11, 0]).all()
    assert (np.diff(moved) == np.diff(scale)).all()
    assert LOWEST <= moved.min() <= moved.max() < LOWEST + 32


def test_notes_beyond_the_grid_are_moved_by_octaves():
    wide = np.array([24, 60, 61, 108])
    moved = in_one_key(wide, 0)
    assert (moved % 12 == wide % 12).all()
    assert LOWEST <= moved.min() <= moved.max() < LOWEST + 32


def test_a_long_tune_is_cut_at_bars_and_an_upbeat_is_left_out(tmp_path):
    music = "AB|" + "c2B2 A2G2|" * 8 + "c2B2 A2|"  # the last bar lacks what the upbeat has
    jig = abc("EFG ABc|" * 12).replace("4/4", "6/8")
    read = read_melodies(write(tmp_path / "tunes", a_1=abc(music, "C"), b_1=jig), steps=32)
    assert (read.y == "a").sum() == 4
    assert len(read.X[read.y == "a"].drop_duplicates()) == 1
    # Bars of 12 sixteenths: pieces of 32 begin with the first, the fourth, the seventh, ...
    assert (read.y == "b").sum() == 4
    assert len(read.X[read.y == "b"].drop_duplicates()) == 1


def test_a_note_that_a_cut_divides_is_struck_again(tmp_path):
    music = abc("C16-|C16|D16|E16|", "C").replace("4/4", "8/4")
    read = read_melodies(write(tmp_path / "tunes", a_1=music, b_1=music), steps=32)
    first, second = (notes_of(read.X.iloc[row]).tolist() for row in (0, 1))
    assert first == [[first[0][0], 0, 32]]
    assert second == first


def test_a_last_bar_that_lacks_the_upbeat_counts_as_whole(tmp_path):
    music = abc("AB|" + "c2B2 A2G2|" * 3 + "c2B2 A2|", "C")
    read = read_melodies(write(tmp_path / "tunes", a_1=music, b_1=music))
    assert len(read.X) == 2
    assert read.X.iloc[0, -4:].eq(SILENT).all()
    assert read.X.iloc[0, :-4].ne(SILENT).all()


def test_ties_hold_and_chords_graces_and_names_of_chords_are_no_notes(tmp_path):
    music = '"G"G4-G4|{c}[GBd]4 z4|"Am"GABc dcBA|G8|'
    folder = write(tmp_path / "tunes", a_1=abc(music), b_1=abc())
    notes = notes_of(read_melodies(folder).X.iloc[0])
    assert notes[:3, 1:].tolist() == [[0, 16], [16, 8], [32, 2]]
    assert notes[1, 0] - notes[0, 0] == 7, "the highest note of a chord counts"


def test_tunes_of_a_book_are_tunes_of_their_own_and_share_its_head(tmp_path):
    book = "M:4/4\nL:1/8\n\n" + "".join(f"X:1\nK:{key}\n{FOUR_BARS}\n\n" for key in "GDA")
    read = read_melodies(write(tmp_path / "tunes", a_book=book, b_1=abc()))
    assert read.tunes.tolist() == [*(f"a/book.abc#{i}" for i in (1, 2, 3)), "b/1.abc"]


def test_numbers_that_are_no_lengths_are_no_matter(tmp_path):
    music = '"C9999"GABc d2B2|!f!c2A2 G4|% G9999\nGFED C2E2|[1G8|\nw:A9999\n'
    folder = write(tmp_path / "tunes", a_1=abc(music).replace("a tune", "G9999"), b_1=abc())
    assert_array_equal(*read_melodies(folder).X.to_numpy())


def test_files_of_other_encodings_are_read(tmp_path):
    folder = write(tmp_path / "tunes", a_1=abc(), b_1=abc())
    (folder / "a" / "1.abc").write_bytes(abc().replace("a tune", "Bähr").encode("latin-1"))
    assert len(read_melodies(folder).X) == 2


def test_midi_files_are_read_as_they_were_written(folder, tmp_path):
    real = read_melodies(folder)
    write_melodies(tmp_path / "new", real.X, real.y)
    again = read_melodies(tmp_path / "new")
    assert_frame_equal(again.X, real.X)
    assert again.tunes.tolist() == ["air/synthetic-0001.mid", "reel/synthetic-0001.mid"]


def spoil(folder, how):
    """Spoil a good folder; return a part of what is to be said."""
    air = folder / "air"
    if how == "no notes":
        (air / "2.mid").write_bytes(NO_NOTES)
        return "2.mid has no notes."
    if how == "no notes in ABC":
        (air / "2.abc").write_text(abc("z8|z8|z8|z8|"))
        return "2.abc has no notes."
    if how == "not MIDI":
        (air / "2.MID").write_text("hello")
        return "2.MID is not MIDI that can be read: it does not begin with MThd."
    if how == "damaged":
        (air / "2.mid").write_bytes(NO_NOTES.replace(b"\0\x60", b"\x80\x60", 1))
        return "2.mid is not MIDI that can be read: its head or a track is damaged."
    if how == "for ever":
        (air / "2.mid").write_bytes(FOR_EVER)
        return "2.mid lasts 2796203 quarter notes; a MIDI file may last 4096."
    if how == "cut":
        write_melodies(folder.parent / "made", read_melodies(folder).X, ["air", "reel"])
        data = (folder.parent / "made" / "air" / "synthetic-0001.mid").read_bytes()
        (air / "2.midi").write_bytes(data[:-20])
        return "2.midi is not MIDI that can be read: its end is missing."
    if how in NO_ABC:
        (air / "2.abc").write_text(NO_ABC[how])
        return "2.abc is not ABC that can be read: a tune has the lines X:1, M:4/4, L:1/8 and K:C, "
    if how in TOO_LONG:
        music, said = TOO_LONG[how]
        (air / "2.abc").write_text(abc(FOUR_BARS + music))
        return f"2.abc has {said}"
    if how == "short":
        (air / "2.abc").write_text(abc("GABc d2B2|G8|"))
        return "2.abc has no 64 sixteenths from a bar on; ask for fewer steps."
    if how == "short in a book":
        (air / "2.abc").write_text(abc() + "\n" + abc("G8|"))
        return "2.abc#2 has no 64 sixteenths"
    if how == "other":
        (air / "2.mp3").touch()
        return "2.mp3 is no melody: its name ends in none of .abc, .mid and .midi."
    (folder / "labels.csv").write_text("a,b")
    return "labels.csv lies in no class's folder."


@pytest.mark.parametrize(
    "how",
    [
        "no notes",
        "no notes in ABC",
        "not MIDI",
        "damaged",
        "for ever",
        "cut",
        *NO_ABC,
        *TOO_LONG,
        "short",
        "short in a book",
        "other",
        "stray",
    ],
)
def test_what_is_no_melody_is_named_and_left_out_when_asked(folder, how):
    good = read_melodies(folder)
    said = spoil(folder, how)
    with pytest.raises(ValueError, match="Remove it, or leave such files out") as caught:
        read_melodies(folder)
    assert said in str(caught.value)
    assert how not in NO_ABC or caught.value.__cause__.__cause__ is not None
    with pytest.warns(UserWarning, match=r"^Left out: .*") as warned:
        rest = read_melodies(folder, skip_unreadable=True)
    assert said in str(warned[0].message)
    assert (rest.y == "reel").sum() == 1
    assert_array_equal(rest.X.iloc[0], good.X.iloc[0])


def test_a_folder_of_another_shape_is_refused(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        read_melodies(tmp_path / "nowhere")
    for steps in (7, 513, 64.5, "64"):
        with pytest.raises(ValueError, match=f"steps={steps!r} must be .* 8 to 512"):
            read_melodies(folder, steps=steps)
    (folder / "waltz").mkdir()
    with pytest.raises(ValueError, match=r"waltz holds no melody \(.abc, .mid, .midi\)"):
        read_melodies(folder)
    (folder / "waltz" / "old").mkdir()
    with pytest.raises(ValueError, match="melodies must lie in the folder of the class"):
        read_melodies(folder)
    with pytest.raises(ValueError, match="give the melodies of each class a folder in it"):
        read_melodies(folder / "air")
    with pytest.raises(ValueError, match="holds one class only, 'air'"):
        read_melodies(write(tmp_path / "one", air_1=abc()))


# --- What a GAN makes, and images ----------------------------------------------------------------


def test_what_a_gan_makes_is_written_as_it_is(folder, tmp_path):
    read = read_melodies(folder, steps=8)
    made, labels = GANAugmenter(steps=4, random_state=0).fit(read.X, read.y).sample({"reel": 5})
    assert_frame_equal(made.iloc[:0], read.X.iloc[:0])
    write_melodies(tmp_path / "new", made, labels)
    assert len(list((tmp_path / "new" / "reel").glob("*.mid"))) == 5


def test_notes_begin_where_they_are_struck_and_end_where_anything_else_begins():
    piece = [1, 60, 1, 60, 62, 1, 0, 1]
    assert notes_of(piece).tolist() == [[60, 1, 2], [60, 3, 1], [62, 4, 2]]
    assert notes_of([0, 1, 0, 0]).shape == (0, 3)


def test_a_piano_roll_shows_every_note(folder):
    X = read_melodies(folder).X
    rolls = piano_roll(X)
    assert rolls.shape == (2, 32, 64)
    assert rolls.dtype == np.uint8
    assert_array_equal((rolls > 0).any(axis=1), X != SILENT)
    assert_array_equal((rolls == 255).any(axis=1), X.astype(int) > HELD)
    struck, steps = np.nonzero(rolls[1] == 255)
    assert_array_equal(struck[np.argsort(steps)] + LOWEST, notes_of(X.iloc[1])[:, 0])


@pytest.mark.parametrize(
    ("X", "said"),
    [
        ([60, 1], r"X has the shape \(2,\), but pieces are rows"),
        (
            [[60, 2]],
            r"X holds 2, but a sixteenth is 0 \(silent\), 1 \(held\) or a note from 52 to 83",
        ),
        ([[60, 0.5]], "X holds 0.5"),
        ([["60", "C"]], "X holds '60'"),
        ([[60, None]], "X holds None"),
    ],
)
def test_what_is_no_piece_is_refused(X, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        piano_roll(X)
    with pytest.raises(ValueError, match=said):
        write_melodies(tmp_path / "new", X, ["a"])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("value", [60.7, "60", np.nan, -5, 10**30, None, 84])
def test_notes_of_no_piece_are_refused(value):
    with pytest.raises(ValueError, match=r"piece holds .* but a sixteenth is 0 \(silent\)"):
        notes_of([value, 1])
    with pytest.raises(ValueError, match=r"piece has the shape \(1, 2\)"):
        notes_of([[60, 1]])


# --- Writing -------------------------------------------------------------------------------------


def test_nothing_is_left_where_writing_fails(folder, tmp_path):
    X = read_melodies(folder).X
    with pytest.raises(ValueError, match="row 1 of X has no notes"):
        write_melodies(tmp_path / "new", [[60, 1, 1], [0, 1, 1]], ["a", "b"])
    with pytest.raises(ValueError, match="X has 2 pieces, but y 1 classes"):
        write_melodies(tmp_path / "new", X, ["a"])
    with pytest.raises(ValueError, match="cannot name a folder"):
        write_melodies(tmp_path / "new", X, ["a", "../b"])
    with pytest.raises(FileExistsError):
        write_melodies(folder, X, ["a", "b"])
    assert not (tmp_path / "new").exists()


def test_without_music21_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "music21", None)
    for use in (read_melodies, lambda path: write_melodies(path, [], [])):
        with pytest.raises(ImportError, match=r"pip install 'ganaug\[music\]'"):
            use(folder)


def test_importing_the_reader_imports_no_music21():
    code = "import sys, ganaug.files; assert 'music21' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
