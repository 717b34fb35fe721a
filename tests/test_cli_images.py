"""The command line on folders of images: the habits are those of tables."""

import numpy as np
import pandas as pd
import pytest
from helpers import complaint, run, write_folder
from numpy.testing import assert_array_equal

from ganaug import GANAugmenter
from ganaug.encoders.image import ImageEncoder
from ganaug.files import read_images

STEPS = ("--steps", 5)


@pytest.fixture
def folder(tmp_path, eights):
    return write_folder(tmp_path / "digits", *eights)


def snapshot(path):
    return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_augment__real_files_untouched_synthetic_beside_them(capsys, folder):
    out = folder.with_name("more")
    code, printed, _ = run(capsys, "augment", folder, "-o", out, *STEPS)
    assert (code, printed) == (
        0,
        f"Wrote {out}: 135 real images and 45 synthetic; 8: 45 more (gan)\n",
    )
    before, after = snapshot(folder), snapshot(out)
    assert {path: after[path] for path in before} == before
    made = sorted(set(after) - set(before))
    assert [path.name for path in made] == [f"synthetic-{i:04}.png" for i in range(1, 46)]
    assert {path.parent.name for path in made} == {"8"}
    images = read_images(out)
    assert images.X.shape == (180, 8, 8)
    assert len(np.unique(images.X[images.y == "8"], axis=0)) > 50
    assert sorted(path.name for path in folder.parent.iterdir()) == ["digits", "more"]


def test_augment__seed__same_bytes(capsys, folder):
    outs = [folder.with_name(name) for name in "abc"]
    for out, seed in zip(outs, (3, 3, 4), strict=True):
        code, *_ = run(capsys, "augment", folder, "-o", out, *STEPS, "--seed", seed)
        assert code == 0
    a, b, c = map(snapshot, outs)
    assert a == b != c


def test_sample__from_a_saved_model(capsys, folder):
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
def test_sample__of_a_gan_trained_in_python_on_any_layout(capsys, tmp_path, eights, layout):
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


def test_classes_too_small_for_a_gan_are_served_otherwise(capsys, tmp_path, eights):
    X, y = eights
    kept = np.r_[:60, 60, 75:79]  # one eight, and four nines
    folder = write_folder(tmp_path / "few", X[kept], y[kept])
    code, printed, _ = run(capsys, "augment", folder, "-o", tmp_path / "more", *STEPS)
    assert code == 0
    assert printed.endswith("; 8: 59 more (jitter), 9: 56 more (convex)\n")
    assert len(read_images(tmp_path / "more").X) == 180


@pytest.mark.parametrize(("side", "network"), [(6, "dense"), (8, "conv"), (65, "dense")])
def test_augment__the_network_suits_the_size(capsys, tmp_path, side, network):
    X = np.random.default_rng(0).integers(0, 256, (20, side, 8, 3), dtype="uint8")
    folder = write_folder(tmp_path / "noise", X, ["a"] * 8 + ["b"] * 12)
    model = tmp_path / "m"
    arguments = ("-o", tmp_path / "more", "--steps", 1, "--save-model", model)
    assert run(capsys, "augment", folder, *arguments)[0] == 0
    assert GANAugmenter.load(model).network == network
    assert read_images(tmp_path / "more").X.shape == (24, side, 8, 3)


@pytest.mark.filterwarnings("always")
def test_skip_unreadable__a_note_and_no_copy(capsys, folder):
    (folder / "8" / "notes.txt").write_text("x")
    out = folder.with_name("more")
    said = complaint(capsys, "augment", folder, "-o", out, *STEPS)
    assert said.startswith(f"{folder / '8' / 'notes.txt'} is no image")
    assert not out.exists()
    code, _, err = run(capsys, "augment", folder, "-o", out, *STEPS, "--skip-unreadable")
    assert code == 0
    assert f"ganaug: note: Left out: {folder / '8' / 'notes.txt'} is no image" in err
    assert not (out / "8" / "notes.txt").exists()


def test_bad_paths_and_options__one_line_and_nothing_written(capsys, folder):
    here, out = folder.parent, folder.with_name("out")
    (here / "there").mkdir()
    (here / "table.csv").write_text("a,y\n1,no\n")
    for arguments, message in [
        ([folder, "-o", here / "there"], f"{here / 'there'} exists already. Choose another name."),
        ([folder, "-o", here / "there", "--force"], f"{here / 'there'} exists already."),
        ([folder, "-o", here / "no" / "out"], f"The folder {here / 'no'} does not exist."),
        ([folder, "-o", folder / "out"], f"{folder / 'out'} lies in {folder}, among the real"),
        ([folder, "-o", out, "--save-model", folder / "m"], f"{folder / 'm'} lies in {folder}"),
        ([folder, "-o", out, "--save-model", out], f"{out} cannot be both the data and the model"),
        ([folder, "-o", out, "--target", "y"], f"{folder} is a folder, whose classes are folders"),
        ([folder, "-o", out, "--no-mark"], "A folder has no column that marks"),
        ([folder, "-o", out, "--mark-column", "made"], "A folder has no column that marks"),
        ([folder, "-o", out, "--sampling-strategy", '{"3": 9}'], "There is no class '3'; there a"),
        ([here / "digit", "-o", out], f"There is no file or folder {here / 'digit'}."),
        ([here / "there", "-o", out], f"{here / 'there'} holds no folders; give the images of"),
        (
            [here / "table.csv", "-o", here / "o.csv", "--target", "y", "--skip-unreadable"],
            "--skip-unreadable is for folders of images.",
        ),
    ]:
        assert complaint(capsys, "augment", *arguments).startswith(message)
    assert sorted(p.name for p in here.iterdir()) == ["digits", "table.csv", "there"]
    (folder / "8" / "synthetic-0001.png").write_bytes((folder / "8" / "0060.png").read_bytes())
    for command in (["augment", folder, "-o", out], ["compare", folder, "--no-tracking"]):
        said = complaint(capsys, *command)
        assert said.endswith(
            "a synthetic image by its name, one of 1. Start from real images only."
        )


def test_sample__bad_outputs__one_line(capsys, folder):
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
    said = complaint(capsys, "sample", folder.with_name("t"), "-o", folder.with_name("new"))
    assert said.endswith("new is neither .csv nor .parquet; those two are supported.")


def test_compare__classifiers_see_pixels_and_the_gan_images(capsys, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    seen = []
    fit = GANAugmenter.fit
    monkeypatch.setattr(GANAugmenter, "fit", lambda *a: seen.append(a[0]) or fit(*a))
    code, out, _ = run(
        capsys,
        *("compare", folder, "--arms", "smote,gan", "--classifiers", "nearest-neighbours"),
        *("--folds", 2, "--no-tracking", *STEPS),
    )
    assert code == 0
    assert "failed" not in out
    assert "GAN" in out
    assert {(augmenter.encoder_.shape_, augmenter.network) for augmenter in seen} == {
        ((8, 8), "conv")
    }
    page = (folder.parent / "report.html").read_text(encoding="utf-8")
    assert "Held-out images above synthetic ones." in page
    assert "data:image/png;base64," in page
