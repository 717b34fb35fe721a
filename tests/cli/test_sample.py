"""`ganaug sample`: rows and images from a saved GAN."""

import json

import numpy as np
import pandas as pd
import pytest
from helpers import complaint, run, snapshot, write_csv
from numpy.testing import assert_array_equal

from ganaug import GANAugmenter
from ganaug.encoders.image import ImageEncoder
from ganaug.files import read_images

STEPS = ("--steps", 5)


def test_sample__from_a_saved_model(capsys, table):
    model, out, new = (table.with_name(name) for name in ("m", "out.csv", "new.csv"))
    arguments = ("--target", "y", "-o", out, "--steps", 20, "--save-model", model)
    assert run(capsys, "augment", table, *arguments)[0] == 0
    code, printed, _ = run(
        capsys, "sample", model, "-n", '{"01": 3, "1": 2}', "-o", new, "--target", "y"
    )
    assert (code, printed) == (0, f"Wrote {new}: 5 synthetic rows\n")
    frame = pd.read_csv(new, dtype=str, na_filter=False)
    assert list(frame) == ["zip", "day", "n", "x", "flag", "odd, name", "y"]
    assert frame["y"].tolist() == ["01"] * 3 + ["1"] * 2
    assert run(capsys, "sample", model, "-n", 4, "-o", new, "--force")[0] == 0
    assert pd.read_csv(new, dtype=str)["y"].tolist() == ["01"] * 4
    parquet = table.with_name("new.parquet")
    assert run(capsys, "sample", model, "-o", parquet)[0] == 0
    assert pd.read_parquet(parquet)["y"].tolist() == ["01"] * 30
    for wrong, message in {
        "-5": "-n '-5' is no number of rows; write it like 100, or by class, '{\"yes\": 100}'.",
        "{yes: 5}": "'{yes: 5}' is not JSON (Expecting property name",
        '{"2": 5}': "There is no class '2'. There are 01, 1.",
        '{"01": -5}': "n asks for -5 rows of '01'; pass a whole number",
    }.items():
        said = complaint(capsys, "sample", model, "-n", wrong, "-o", new, "--force")
        assert said[: len(message)] == message
    said = complaint(capsys, "sample", model, "-o", parquet, "--target", "zip", "--force")
    assert said == "The GAN has a column 'zip'; choose another --target for the labels."


def test_sample__a_damaged_model(capsys, tmp_path):
    path, model = write_csv(tmp_path / "t.csv", ["no"] * 40 + ["yes"] * 20), tmp_path / "m"
    arguments = ("--target", "y", "--steps", 2, "-o", tmp_path / "o.csv", "--save-model", model)
    assert run(capsys, "augment", path, *arguments)[0] == 0
    outline = json.loads((model / "estimator.json").read_text())
    outline["state"]["pairs"] = [p for p in outline["state"]["pairs"] if p[0] != "encoder_"]
    (model / "estimator.json").write_text(json.dumps(outline))
    assert "is damaged" in complaint(capsys, "sample", model, "-o", tmp_path / "n.csv")


# --- Folders of rows ------------------------------------------------------------------------------


@pytest.fixture
def model(data, tmp_path):
    """Return the path of a saved GAN for a table, which adds 80 rows of "rare"."""
    X = pd.DataFrame(data[0], columns=["a", "b", "c"])
    GANAugmenter(steps=2, random_state=0).fit(X, pd.Series(data[1], name="y")).save(tmp_path / "m")
    return tmp_path / "m"


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr("ganaug.files.parts.ROWS_OF_GROUP", 1)


def test_sample_to_a_folder__resumes(capsys, model, tmp_path, small_parts):
    out = tmp_path / "rows"
    code, printed, _ = run(capsys, "sample", model, "-n", "2.5e1", "-o", out, "--seed", 1)
    assert (code, printed) == (0, f"Wrote {out}: 25 synthetic rows in 3 files\n")
    rows = pd.read_parquet(out)
    [(X, y)] = GANAugmenter.load(model).sample_batches(25, random_state=1)
    assert_array_equal(rows, X.assign(y=y))
    whole = snapshot(out)
    (out / "part-00001.parquet").unlink()
    code, _, said = run(capsys, "sample", model, "-n", "25", "-o", out, "--seed", 1)
    assert code == 0
    assert "2 of 3 files are in" in " ".join(said.split())
    assert snapshot(out) == whole
    said = complaint(capsys, "sample", model, "-n", "25", "-o", out)
    assert "is a part of other rows: their seed is 1, and that asked for is 0" in said
    assert snapshot(out) == whole
    assert run(capsys, "sample", model, "-o", tmp_path / "as trained")[0] == 0
    assert len(pd.read_parquet(tmp_path / "as trained")) == 80


@pytest.mark.parametrize(
    ("error", "code", "end"),
    [
        (
            OSError(28, "No space left on device"),
            2,
            "[Errno 28] No space left on device. 1 of 3 files",
        ),
        (KeyboardInterrupt(), 130, "Stopped. 1 of 3 files"),
    ],
)
def test_sample_to_a_folder__that_ends_early(
    capsys, model, tmp_path, small_parts, monkeypatch, error, code, end
):
    from ganaug.files.parts import Parts

    real = Parts.write

    def write(self, number):
        if number == 1:
            raise error
        real(self, number)

    monkeypatch.setattr(Parts, "write", write)
    out = tmp_path / "rows"
    found, printed, said = run(capsys, "sample", model, "-n", 25, "-o", out)
    assert (found, printed) == (code, "")
    told = f"{end} are complete in {out}. The same command makes the rest."
    assert told in " ".join(said.split())
    assert [path.name for path in out.iterdir()] == ["part-00000.parquet"]


def test_sample__processes_are_for_folders(capsys, model, tmp_path):
    said = complaint(capsys, "sample", model, "-o", tmp_path / "a.csv", "--n-jobs", 2)
    assert (
        said == f"--n-jobs is for a table in a folder of files, and {tmp_path / 'a.csv'} is none."
    )
    assert "--n-jobs 0 is no number" in complaint(capsys, "sample", model, "-o", "a", "--n-jobs", 0)


# --- Images ---------------------------------------------------------------------------------------


def test_sample_images__from_a_saved_model(capsys, folder):
    model, out, new = (folder.with_name(name) for name in ("digits.gan", "more", "new"))
    arguments = ("-o", out, *STEPS, "--save-model", model)
    strategy = ("--sampling-strategy", '{"8": 20}')
    assert run(capsys, "augment", folder, *arguments, *strategy)[0] == 0
    counts = '{"8": 3, "7": 2}'
    code, printed, _ = run(capsys, "sample", model, "-n", counts, "-o", new, "--seed", 1)
    assert (code, printed) == (0, f"Wrote {new}: 5 synthetic images\n")
    images = read_images(new)
    assert images.y.tolist() == ["7"] * 2 + ["8"] * 3
    drawn, _ = GANAugmenter.load(model).sample({"7": 2, "8": 3}, random_state=1)
    assert_array_equal(images.X, drawn)
    # As many as the GAN was trained to add; these are the very images that augment added.
    again = folder.with_name("again")
    assert run(capsys, "sample", model, "-o", again)[0] == 0
    assert snapshot(again).items() <= snapshot(out).items()
    assert len(snapshot(again)) == 5


@pytest.mark.parametrize("layout", ["coloured", "first", "flat"])
def test_sample_images__of_a_gan_trained_in_python_on_any_layout(capsys, tmp_path, eights, layout):
    X, y = eights
    scaled = (X / 255).astype("float32")
    X = {
        "coloured": np.stack([scaled] * 3, axis=-1),
        "first": np.stack([scaled] * 3, axis=1),
        "flat": scaled.reshape(len(X), -1),
    }[layout]
    encoder = ImageEncoder(shape=(8, 8)) if layout == "flat" else "image"
    augmenter = GANAugmenter(encoder=encoder, steps=2, random_state=0).fit(X, y)
    augmenter.save(tmp_path / "m")
    counts = ("-n", '{"8": 4, "9": 4}')
    assert run(capsys, "sample", tmp_path / "m", *counts, "-o", tmp_path / "new")[0] == 0
    images = read_images(tmp_path / "new")
    drawn, _ = augmenter.sample({8: 4, 9: 4}, random_state=0)
    if layout == "flat":
        drawn = drawn.reshape(-1, 8, 8)
    elif layout == "first":
        drawn = np.moveaxis(drawn, 1, -1)
    assert_array_equal(images.X, np.rint(drawn.astype(float) * 255))
    # Flattened images are a table, and can be written as one.
    table = tmp_path / "new.csv"
    if layout == "flat":
        assert run(capsys, "sample", tmp_path / "m", *counts, "-o", table)[0] == 0
        assert pd.read_csv(table).shape == (8, 65)
    else:
        said = complaint(capsys, "sample", tmp_path / "m", *counts, "-o", table)
        assert said == f"{tmp_path / 'm'} makes images; name a folder to make, not {table}."


def test_sample_images__bad_outputs__one_line(capsys, folder):
    model = folder.with_name("m")
    out = folder.with_name("more")
    assert run(capsys, "augment", folder, "-o", out, *STEPS, "--save-model", model)[0] == 0
    said = complaint(capsys, "sample", model, "-o", out, "--force")
    assert said == f"{out} exists already. Choose another name."
    said = complaint(capsys, "sample", model, "-o", folder.with_name("new"), "--target", "y")
    assert said == "--target names a column of a table; the output is a folder."
    GANAugmenter(steps=1).fit(np.arange(40.0)[:, None], [0] * 30 + [1] * 10).save(
        folder.with_name("t")
    )
    said = complaint(capsys, "sample", folder.with_name("t"), "-o", folder.with_name("new.dat"))
    assert said.startswith(f"{folder.with_name('new.dat')} is none of .csv, .tsv, .txt, .parquet")
