"""Folders of images: what is read, what is refused, and that writing is all or nothing."""

import subprocess
import sys

import numpy as np
import pytest
from helpers import write_folder
from numpy.testing import assert_array_equal
from PIL import Image

from ganaug.files import read_images, write_images

CHANNELS = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,)}


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


@pytest.fixture
def folder(tmp_path):
    """Return a folder of two classes, two grey images of 5 by 4 pixels each."""
    return write_folder(tmp_path / "data", noise(4, 4, 5), ["cat", "cat", "dog", "dog"])


def snapshot(path):
    return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}


# --- Reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", CHANNELS)
def test_every_kind_of_pixel_comes_back_as_it_was_written(tmp_path, mode):
    X = noise(6, 4, 5, *CHANNELS[mode])
    y = np.array(["b", "a", "b", "a", "c", "c"])
    path = write_folder(tmp_path / "data", X, y)
    read = read_images(path)
    order = np.argsort(y, kind="stable")
    assert_array_equal(read.X, X[order])
    assert read.X.dtype == np.uint8
    assert_array_equal(read.y, y[order])
    assert [file.name for file in read.files] == [f"{row:04}.png" for row in order]
    write_images(tmp_path / "again", read.X, read.y)
    assert_array_equal(read_images(tmp_path / "again").X, read.X)


def test_jpeg_files_are_read_too_whatever_the_case_of_their_names(tmp_path):
    X = np.repeat(np.array([40, 200], dtype="uint8"), 64).reshape(2, 8, 8)
    path = write_folder(tmp_path / "data", X, ["dark", "light"], ".JPG")
    assert np.abs(read_images(path).X.astype(int) - X).max() <= 2


def test_a_photograph_is_read_the_right_way_up(tmp_path):
    path, wide = tmp_path / "data", Image.fromarray(noise(4, 6))
    turned = Image.Exif()
    turned[0x0112] = 6  # Turn it by 90 degrees to see it as it was taken.
    for label in "ab":
        (path / label).mkdir(parents=True)
        wide.save(path / label / "1.jpg", exif=turned)
    assert read_images(path).X.shape == (2, 6, 4)


def test_one_bit_becomes_grey_and_a_palette_becomes_colours(tmp_path):
    grey, colours = tmp_path / "grey", tmp_path / "colours"
    for label in "ab":
        for path in (grey, colours):
            (path / label).mkdir(parents=True)
        Image.fromarray(noise(4, 5) > 99).save(grey / label / "1.png")
        image = Image.fromarray(noise(4, 5, 3)).quantize(8)
        image.save(colours / label / "1.png")
        image.save(colours / label / "2.png")
    read = read_images(grey)
    assert read.X.shape == (2, 4, 5)
    assert set(np.unique(read.X)) == {0, 255}
    assert_array_equal(read_images(colours).X[0], np.asarray(image.convert("RGB")))
    for file in colours.rglob("*.png"):
        image.save(file, transparency=0)
    assert read_images(colours).X.shape == (4, 4, 5, 4)


def test_hidden_files_and_folders_are_ignored(folder):
    (folder / ".DS_Store").write_text("x")
    (folder / "cat" / ".thumbnail.png").write_text("x")
    (folder / ".git").mkdir()
    (folder / "dog" / ".cache").mkdir()
    assert read_images(str(folder)).X.shape == (4, 4, 5)


def spoil(folder, how):
    """Spoil a good folder; return a part of what is to be said."""
    cat = folder / "cat"
    if how == "text":
        (cat / "0005.png").write_text("not an image")
        return "0005.png is not a PNG or JPEG image."
    if how == "other":
        Image.fromarray(noise(4, 5)).save(cat / "0005.gif")
        return "0005.gif is no image: its name ends in none of .png, .jpg and .jpeg."
    if how == "disguised":
        Image.fromarray(noise(4, 5)).save(cat / "0005.png", format="BMP")
        return "0005.png is not a PNG or JPEG image."
    if how == "empty":
        (cat / "0005.jpg").touch()
        return "0005.jpg is not a PNG or JPEG image."
    if how == "cut":
        whole = (cat / "0000.png").read_bytes()
        (cat / "0005.png").write_bytes(whole[: len(whole) - 30])
        return "0005.png cannot be read: "
    if how == "16 bit":
        Image.fromarray(noise(4, 5).astype("uint16")).save(cat / "0005.png")
        return "0005.png has pixels of mode I;16; convert it to 8 bits"
    if how == "print":
        Image.new("CMYK", (5, 4)).save(cat / "0005.jpg")
        return "0005.jpg has pixels of mode CMYK; convert it to 8 bits"
    if how == "animated":
        frames = [Image.fromarray(image) for image in noise(2, 4, 5)]
        frames[0].save(cat / "0005.png", save_all=True, append_images=frames[1:])
        return "0005.png is animated, with 2 images."
    (folder / "labels.csv").write_text("a,b")
    return "labels.csv lies in no class's folder."


@pytest.mark.parametrize(
    "how",
    ["text", "other", "disguised", "empty", "cut", "16 bit", "print", "animated", "stray"],
)
def test_what_is_no_image_is_named_and_left_out_when_asked(folder, how):
    good = read_images(folder)
    said = spoil(folder, how)
    with pytest.raises(ValueError, match="Remove it, or leave such files out") as caught:
        read_images(folder)
    assert said in str(caught.value)
    with pytest.warns(UserWarning, match=r"^Left out: .*") as warned:
        rest = read_images(folder, skip_unreadable=True)
    assert said in str(warned[0].message)
    assert_array_equal(rest.X, good.X)
    assert rest.files == good.files


def test_several_files_that_are_left_out_cost_one_warning(folder):
    for how in ("text", "other", "stray"):
        spoil(folder, how)
    with pytest.warns(UserWarning, match=r"Left out: .* And 2 more\.") as warned:
        read_images(folder, skip_unreadable=True)
    assert len(warned) == 1


def test_images_unlike_the_others_are_refused(folder):
    odd = folder / "dog" / "odd.png"
    Image.fromarray(noise(6, 5)).save(odd)
    with pytest.raises(ValueError, match=r"odd\.png has 5 x 6 pixels, but .*0000\.png 5 x 4; bri"):
        read_images(folder, skip_unreadable=True)
    Image.fromarray(noise(4, 5, 3)).save(odd)
    with pytest.raises(ValueError, match=r"odd\.png is coloured \(RGB\), but .*0000\.png is grey"):
        read_images(folder, skip_unreadable=True)


def test_folders_without_classes_are_refused(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        read_images(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        read_images(folder / "cat" / "0000.png")
    with pytest.raises(ValueError, match="cat holds no folders; give the images of each class"):
        read_images(folder / "cat")
    with pytest.raises(ValueError, match="cat is a folder within that of a class"):
        read_images(tmp_path)
    (folder / "bird").mkdir()
    with pytest.raises(ValueError, match=r"bird holds no image"):
        read_images(folder)
    (folder / "bird" / "1.png").touch()
    with pytest.raises(ValueError, match=r"bird holds no image"):
        read_images(folder, skip_unreadable=True)
    alone = write_folder(tmp_path / "alone", noise(2, 4, 5), ["cat", "cat"])
    with pytest.raises(ValueError, match="holds one class only, 'cat'"):
        read_images(alone)


def test_pillow_missing__says_how_to_install_it():
    code = "import sys; sys.modules['PIL'] = None; from ganaug.files import read_images\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "read_images('.')"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.endswith(
        "ImportError: Images in files need Pillow. Install it with: pip install 'ganaug[cli]'\n"
    )


# --- Writing -------------------------------------------------------------------------------------


def test_real_files_are_copied_as_they_are_and_synthetic_ones_named_so(folder, tmp_path):
    real, new = read_images(folder), noise(3, 4, 5)
    write_images(tmp_path / "out", new, ["cat", "dog", "cat"], real=real)
    before, after = snapshot(folder), snapshot(tmp_path / "out")
    assert {path: after[path] for path in before} == before
    made = sorted(map(str, set(after) - set(before)))
    assert made == [
        "cat/synthetic-0001.png",
        "cat/synthetic-0002.png",
        "dog/synthetic-0001.png",
    ]
    assert_array_equal(Image.open(tmp_path / "out" / "cat" / "synthetic-0002.png"), new[2])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]


def test_synthetic_images_do_not_pass_for_real_ones(folder, tmp_path):
    write_images(tmp_path / "out", noise(1, 4, 5), ["cat"], real=read_images(folder))
    more = read_images(tmp_path / "out")
    assert len(more.X) == 5
    with pytest.raises(ValueError, match=r"synthetic-0001\.png is a synthetic image by its name"):
        write_images(tmp_path / "twice", noise(1, 4, 5), ["cat"], real=more)
    assert not (tmp_path / "twice").exists()


def test_writing_that_fails_leaves_nothing(folder, tmp_path, monkeypatch):
    real = read_images(folder)
    with pytest.raises(FileExistsError, match="exists already"):
        write_images(folder, noise(1, 4, 5), ["cat"])
    with pytest.raises(FileNotFoundError, match="does not exist"):
        write_images(tmp_path / "no" / "out", noise(1, 4, 5), ["cat"])
    (folder / "dog" / "0003.png").unlink()
    with pytest.raises(FileNotFoundError):
        write_images(tmp_path / "out", noise(1, 4, 5), ["cat"], real=real)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("X", "error", "said"),
    [
        (noise(2, 4, 5) / 255, TypeError, r"X is of dtype float64.*encoder_\.to_pictures"),
        (noise(2, 4, 5) > 99, TypeError, "X is of dtype bool"),
        (noise(2, 4, 5).tolist(), TypeError, "X is a list"),
        (noise(2, 20), ValueError, r"X has the shape \(2, 20\).*encoder_\.to_pictures"),
        (noise(2, 3, 4, 5), ValueError, "with 2, 3 or 4 channels"),
        (noise(2, 4, 5, 1), ValueError, "with 2, 3 or 4 channels"),
        (noise(3, 4, 5), ValueError, "X has 3 images, but y 2 classes"),
    ],
)
def test_what_files_cannot_hold_is_refused(tmp_path, X, error, said):
    with pytest.raises(error, match=said):
        write_images(tmp_path / "out", X, ["cat", "dog"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("label", ["../up", "a/b", "", ".hidden", "..", "a\\b", "nul\0"])
def test_a_class_cannot_lead_out_of_the_folder(tmp_path, label):
    with pytest.raises(ValueError, match="cannot name a folder"):
        write_images(tmp_path / "out", noise(1, 4, 5), [label])
    assert list(tmp_path.iterdir()) == []


def test_classes_of_the_same_text_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Several classes would be called alike"):
        write_images(tmp_path / "out", noise(2, 4, 5), [1, "1"])
