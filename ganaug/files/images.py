"""A folder of images for each class, read into one array and written as PNG files."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from ganaug.files.folders import SYNTHETIC, left_out, list_classes, name_files, unreadable
from ganaug.files.formats import is_table
from ganaug.files.options import MARK, ReadOptions
from ganaug.paths import check_free, new_folder

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SUFFIXES = (".png", ".jpg", ".jpeg")
# Pillow's name for each kind of 8-bit pixel, and the name in messages.
MODES = {
    "L": "grey",
    "LA": "grey with transparency",
    "RGB": "coloured",
    "RGBA": "coloured with transparency",
}


@dataclass
class ImageFolder:
    """Images of classes, and the files that they came from.

    Attributes
    ----------
    X : ndarray of shape (n, h, w) or (n, h, w, c), uint8
        Grey images have no axis of channels; others have 2 (grey with transparency), 3 (red, green,
        blue) or 4 (the same with transparency).
    y : ndarray of shape (n,)
        The class of each image: the name of its folder.
    files : list of Path
        Where each image was read.
    """

    X: np.ndarray
    y: np.ndarray
    files: list[Path]

    encoder: ClassVar[str] = "image"
    has_columns: ClassVar[bool | None] = None
    noun: ClassVar[str] = "images"
    place: ClassVar[str] = "a folder"
    #: Of textures repeats may be the best.
    more_arms: ClassVar[tuple[str, ...]] = ("repeats",)

    @staticmethod
    def is_at(path: Path) -> bool:
        """Return whether a path is a folder."""
        return path.is_dir()

    @staticmethod
    def fits(path: Path) -> bool:
        """Return whether a name is not that of a table."""
        return not is_table(path)

    @classmethod
    def read(
        cls,
        path: Path,
        target: str | None,
        *,
        skip_unreadable: bool = False,
        options: ReadOptions | None = None,
    ) -> ImageFolder:
        """Read a folder for a command."""
        if options is not None:
            options.check_unused(options.names(), "is for tables in files.")
        if target is not None:
            raise ValueError(
                f"{path} is a folder, whose classes are folders of images: leave out --target. "
                "Tables are files."
            )
        images = read_images(path, skip_unreadable=skip_unreadable)
        images.check_real()
        return images

    @classmethod
    def read_classes(
        cls, paths: Mapping[str, Path], target: str | None, options: ReadOptions
    ) -> dict[str, dict[str, Any]]:
        """Return the images of each kind by class: in the folder of synthetic ones those named so.

        Where none is named so, all are what they are passed as.
        """
        import numpy as np

        options.check_unused(options.names(), "is for tables in files.")
        if target is not None:
            raise ValueError(
                f"{paths['real']} is a folder, whose classes are folders: leave out --target."
            )
        kinds = {}
        for name, path in paths.items():
            images = read_images(path)
            made = np.array([bool(SYNTHETIC.fullmatch(file.name)) for file in images.files])
            wanted = made == (name == "synthetic") if made.any() else ~made
            X, y = images.X[wanted], images.y[wanted]
            kinds[name] = {label: X[y == label] for label in dict.fromkeys(y.tolist())}
        return kinds

    @property
    def size(self) -> str:
        """How many images there are."""
        return f"{len(self.y)} {self.noun}"

    @staticmethod
    def check_output(path: Path, force: bool) -> None:
        """Refuse a path that exists: no folder is ever deleted for the user."""
        check_free(path)

    def gan_parameters(self) -> dict[str, Any]:
        """Return the parameters of a GAN for images of this size."""
        from ganaug.encoders.image import ImageEncoder
        from ganaug.networks.conv import SIZES

        shape = self.X.shape[1:]
        fits = all(SIZES[0] <= side <= SIZES[1] for side in shape[:2])
        return {
            "encoder": ImageEncoder(shape, channels="last"),
            "network": "conv" if fits else "dense",
        }

    def for_classifiers(self) -> pd.DataFrame:
        """Return the images as classifiers see them: a table with a column for each pixel."""
        from ganaug.containers import pixel_table

        return pixel_table(self.X)

    def check_mark(self, path: Path, mark: str | None) -> None:
        """Refuse the name of a column that marks synthetic rows: a folder has no columns."""
        if mark != MARK:
            raise ValueError("A folder has no column that marks: --mark-column is for tables.")

    def write(self, path: Path, X_new: np.ndarray, y_new: Any, mark: str | None) -> None:
        """Copy the real images and write the synthetic ones beside them."""
        write_images(path, X_new, y_new, real=self)

    @staticmethod
    def label_column(augmenter: Any, target: str | None) -> str:
        """Refuse a column of labels: classes are folders."""
        if target is not None:
            raise ValueError("--target names a column of a table; the output is a folder.")
        return ""

    @staticmethod
    def write_new(path: Path, augmenter: Any, X_new: Any, y_new: Any, column: str) -> None:
        """Write synthetic images alone."""
        import pandas as pd

        write_images(path, augmenter.encoder_.to_pictures(X_new), pd.Series(y_new).tolist())

    def check_real(self) -> None:
        """Refuse images that have names of synthetic ones."""
        made = [file for file in self.files if SYNTHETIC.fullmatch(file.name)]
        if made:
            raise ValueError(
                f"{made[0]} is a synthetic image by its name, one of {len(made)}. Start from real "
                "images only."
            )


def read_images(path: str | Path, *, skip_unreadable: bool = False) -> ImageFolder:
    """Read a folder that holds a folder of PNG or JPEG files for each class.

    Parameters
    ----------
    path : str or Path
        Hidden files and folders in it, whose names begin with a dot, are ignored.
    skip_unreadable : bool, default=False
        Leave out, with a warning, what cannot be read as an image, instead of raising.

    Returns
    -------
    ImageFolder
        With ``X``, ``y`` and ``files``, by class and then by name. Images of one bit a pixel come
        as grey ones, those with a palette as coloured ones, and photographs the right way up.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If files are no images that can be read, in more than 8 bits or another colour model;
        images are of different sizes or kinds; there are fewer than two classes, a class without
        images, or folders within those of the classes.
    ImportError
        If Pillow is not installed.

    Warns
    -----
    UserWarning
        If files are left out.

    See Also
    --------
    write_images : Write images the same way.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from ganaug.files import read_images
    >>> with TemporaryDirectory() as folder:
    ...     for label in ("cat", "dog"):
    ...         Path(folder, label).mkdir()
    ...         Image.new("RGB", (6, 8)).save(Path(folder, label, "1.png"))
    ...     pets = read_images(folder)
    >>> pets.X.shape, pets.X.dtype, pets.y.tolist()
    ((2, 8, 6, 3), dtype('uint8'), ['cat', 'dog'])
    """
    import numpy as np

    path = Path(path)
    pillow = _import_pillow()
    classes, files, strays = list_classes(path, SUFFIXES, "image", "images")
    good: list[Path] = []
    first: Any = None
    pixels: Any = None
    for file in files:
        if strays and not skip_unreadable:
            break  # No need to read the others: the error below names the first stray.
        try:
            image = _open(pillow, file)
        except ValueError as error:
            strays.append(str(error))
            continue
        here = np.asarray(image)
        if first is None:
            first, pixels = image, np.empty((len(files), *here.shape), dtype=np.uint8)
        elif (image.size, image.mode) != (first.size, first.mode):
            raise ValueError(_unlike(file, image, good[0], first))
        pixels[len(good)] = here
        good.append(file)
    if strays and not skip_unreadable:
        raise unreadable(strays[0])
    y = np.array([file.parent.name for file in good])
    empty = [name for name in classes if name not in y]
    if empty:
        raise ValueError(f"{path / empty[0]} holds no image ({', '.join(SUFFIXES)}).")
    if strays:
        warnings.warn(left_out(strays), UserWarning, stacklevel=2)
    return ImageFolder(pixels[: len(good)], y, good)


def _import_pillow() -> ModuleType:
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError:
        raise ImportError(
            "Images in files need Pillow. Install it with: pip install 'ganaug[cli]'"
        ) from None
    return PIL


def _open(pillow: Any, file: Path) -> Any:
    """Return an image in one of `MODES`, or raise a `ValueError` that says why there is none."""
    try:
        with pillow.Image.open(file, formats=("PNG", "JPEG")) as image:
            mode, frames = image.mode, getattr(image, "n_frames", 1)
            image = pillow.ImageOps.exif_transpose(image)  # which also decodes it
            if mode == "P":
                image = image.convert("RGBA" if image.has_transparency_data else "RGB")
            elif mode == "1":
                image = image.convert("L")
    except MemoryError:
        raise
    except pillow.UnidentifiedImageError:
        raise ValueError(f"{file} is not a PNG or JPEG image.") from None
    except Exception as error:  # Pillow raises all kinds of them at damaged files.
        raise ValueError(f"{file} cannot be read: {error}.") from None
    if frames > 1:
        raise ValueError(f"{file} is animated, with {frames} images.")
    if image.mode not in MODES:
        raise ValueError(
            f"{file} has pixels of mode {mode}; convert it to 8 bits, grey or RGB, with or without "
            "transparency."
        )
    return image


def _unlike(file: Path, image: Any, first_file: Path, first: Any) -> str:
    if image.size != first.size:
        now, then = (f"{i.width} x {i.height}" for i in (image, first))
        return f"{file} has {now} pixels, but {first_file} {then}; bring all images to one size."
    return (
        f"{file} is {MODES[image.mode]} ({image.mode}), but {first_file} is {MODES[first.mode]} "
        f"({first.mode}); convert all images to one of them."
    )


def write_images(
    path: str | Path, X: np.ndarray, y: Iterable[Hashable], *, real: ImageFolder | None = None
) -> None:
    """Write synthetic images to a new folder, with a folder for each class; all or nothing.

    Parameters
    ----------
    path : str or Path
        The folder to make.
    X : ndarray of shape (n, h, w) or (n, h, w, c) with 2 to 4 channels, uint8
        Written as ``synthetic-0001.png`` and so on, counted in each class. The
        ``encoder_.to_pictures`` of a fitted augmenter makes such images of others.
    y : array-like of shape (n,)
        The class of each image, whose text names its folder.
    real : ImageFolder, optional
        Real images, whose files are copied as they are to the folders of their classes.

    Raises
    ------
    FileExistsError
        If ``path`` exists.
    FileNotFoundError
        If the folder above it does not.
    TypeError
        If ``X`` is no array of ``uint8``.
    ValueError
        If ``X`` has another shape, ``y`` another length, a class cannot name a folder, two have the
        same name, or real images bear the names of synthetic ones.
    ImportError
        If Pillow is not installed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from ganaug.files import write_images
    >>> with TemporaryDirectory() as folder:
    ...     write_images(Path(folder, "new"), np.zeros((2, 8, 8), dtype="uint8"), [7, 7])
    ...     [file.name for file in sorted(Path(folder, "new", "7").iterdir())]
    ['synthetic-0001.png', 'synthetic-0002.png']
    """
    pillow = _import_pillow()
    path = Path(path)
    labels = list(y)
    _check_pixels(X, len(labels))
    names = name_files(labels, ".png")
    if real is not None:
        real.check_real()
    with new_folder(path) as folder:
        for file in [] if real is None else real.files:
            to = folder / file.parent.name
            to.mkdir(exist_ok=True)
            shutil.copy2(file, to)
        for image, name in zip(X, names, strict=True):
            to = folder / name
            to.parent.mkdir(exist_ok=True)
            pillow.Image.fromarray(image).save(to)


def _check_pixels(X: Any, n: int) -> None:
    """Check that `X` are `n` images as files hold them."""
    way_out = (
        "augmenter.encoder_.to_pictures(X) makes such images of what a fitted augmenter samples."
    )
    dtype = getattr(X, "dtype", None)
    if dtype != "uint8":
        what = f"a {type(X).__name__}" if dtype is None else f"of dtype {dtype}"
        raise TypeError(f"X is {what}, but must be an array of dtype uint8; {way_out}")
    if not (X.ndim == 3 or (X.ndim == 4 and X.shape[3] in (2, 3, 4))):
        raise ValueError(
            f"X has the shape {X.shape}, but must be (n, h, w), or (n, h, w, c) with 2, 3 or 4 "
            f"channels; {way_out}"
        )
    if len(X) != n:
        raise ValueError(f"X has {len(X)} images, but y {n} classes; pass one for each image.")
