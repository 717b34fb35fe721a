"""Compressed files: known by how they begin, written by their name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Compression:
    """A way to compress files: how they begin, and what to do."""

    magic: bytes
    decompress: Callable[[bytes], bytes]
    compress: Callable[[bytes, str], bytes]


def _unzip(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise ValueError(f"it holds {len(names)} files, not one")
        return archive.read(names[0])


def _zip(data: bytes, name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        # With a date of its own, the same rows would not be the same bytes.
        archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


COMPRESSIONS = {
    ".gz": Compression(b"\x1f\x8b", gzip.decompress, lambda data, _: gzip.compress(data, mtime=0)),
    ".bz2": Compression(b"BZh", bz2.decompress, lambda data, _: bz2.compress(data)),
    ".xz": Compression(b"\xfd7zXZ\0", lzma.decompress, lambda data, _: lzma.compress(data)),
    ".zip": Compression(b"PK\x03\x04", _unzip, _zip),
}


DAMAGE = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file, decompressed if it begins as a compressed one, by any name."""
    data = path.read_bytes()
    for suffix, kind in COMPRESSIONS.items():
        if data.startswith(kind.magic):
            try:
                return kind.decompress(data)
            except DAMAGE as error:
                raise ValueError(f"{path} is a damaged {suffix} file: {error}.") from None
    return data


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes, compressed as the name of the file asks."""
    suffix = path.suffix.lower()
    if suffix in COMPRESSIONS:
        data = COMPRESSIONS[suffix].compress(data, path.stem)
    path.write_bytes(data)
