"""Folders that hold a folder of files for each class: what is in them, and names for new files."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

SYNTHETIC = re.compile(r"synthetic-\d+\.(png|mid)", re.IGNORECASE)


def list_classes(
    path: Path, suffixes: Sequence[str], noun: str, nouns: str
) -> tuple[list[str], list[Path], list[str]]:
    """Return the classes of a folder, files by their suffix, and complaints about others.

    Parameters
    ----------
    path : Path
        Hidden files and folders in it, whose names begin with a dot, are ignored.
    suffixes : sequence of str
        Of files to read, in small letters; there are at least two.
    noun, nouns : str
        What such a file is, and what several are, such as "image" and "images".

    Returns
    -------
    classes : list of str
        The names of the folders.
    files : list of Path
        By class and then by name.
    strays : list of str
        A sentence about each file that lies elsewhere, or has another suffix.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds fewer than two folders, or these hold others.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {path}.")
    entries = sorted(path.glob("[!.]*"))
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        raise ValueError(f"{path} holds no folders; give the {nouns} of each class a folder in it.")
    files: list[Path] = []
    strays = [f"{entry} lies in no class's folder." for entry in entries if entry not in folders]
    for entry in (entry for folder in folders for entry in sorted(folder.glob("[!.]*"))):
        if entry.is_dir():
            raise ValueError(
                f"{entry} is a folder within that of a class; {nouns} must lie in the folder of "
                "the class."
            )
        if entry.suffix.lower() in suffixes:
            files.append(entry)
        else:
            *some, last = suffixes
            known = f"{', '.join(some)} and {last}"
            strays.append(f"{entry} is no {noun}: its name ends in none of {known}.")
    if len(folders) < 2:
        raise ValueError(
            f"{path} holds one class only, {folders[0].name!r}; give each class a folder in it."
        )
    return [folder.name for folder in folders], files, strays


def unreadable(stray: str) -> ValueError:
    """Return the error about a file that cannot be read, which says how to do without it."""
    return ValueError(
        f"{stray} Remove it, or leave such files out with skip_unreadable=True (--skip-unreadable)."
    )


def left_out(strays: Sequence[str]) -> str:
    """Return the warning about files that were left out."""
    more = f" And {len(strays) - 1} more." if strays[1:] else ""
    return f"Left out: {strays[0]}{more}"


def name_files(labels: Iterable[Hashable], suffix: str) -> list[Path]:
    """Return where in a folder the synthetic file of each label goes.

    Raises
    ------
    ValueError
        If a label cannot name a folder, or two have the same name.

    Examples
    --------
    >>> from ganaug.files.folders import name_files
    >>> [path.as_posix() for path in name_files([7, 7, 8], ".png")]
    ['7/synthetic-0001.png', '7/synthetic-0002.png', '8/synthetic-0001.png']
    """
    labels = list(labels)
    counts = dict.fromkeys(labels, 0)
    folders = {label: _folder_name(label) for label in counts}
    if len(set(folders.values())) < len(folders):
        raise ValueError(f"Several classes would be called alike: {', '.join(folders.values())}.")
    digits = max(4, len(str(len(labels))))
    paths = []
    for label in labels:
        counts[label] += 1
        paths.append(Path(folders[label], f"synthetic-{counts[label]:0{digits}}{suffix}"))
    return paths


def _folder_name(label: Any) -> str:
    name = str(label)
    if not name or name.startswith(".") or re.search(r"[/\\\0]", name):
        raise ValueError(f"The class {label!r} cannot name a folder; call it something else.")
    return name
