"""Synthetic rows by the million: a folder of Parquet files, each written whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganaug.frames import as_pandas
from ganaug.paths import check_free, check_writable, replace_file, undo_killed_in

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Rows of a row group, and the most cells. A group is in memory at a time.
ROWS_OF_GROUP, CELLS_OF_GROUP = 100_000, 10_000_000
GROUPS_OF_PART = 10
#: Where the metadata of a file say what was asked for.
KEY = b"ganaug"


@dataclass(frozen=True)
class Parts:
    """A request for synthetic rows, and the folder of its parts.

    Parameters
    ----------
    folder : Path
    augmenter : GANAugmenter
        Fitted on a table.
    model : str
        What identifies the augmenter.
    n : int or dict
        As of :meth:`~ganaug.GANAugmenter.sample_batches`.
    seed : int
    column : str
        The column of labels.
    rows_of_group : int or None, default=None
        Rows of a row group, of which a part has ten; None: as many as :data:`CELLS_OF_GROUP` allow.
    """

    folder: Path
    augmenter: Any
    model: str
    n: int | Mapping[Any, int]
    seed: int
    column: str
    rows_of_group: int | None = None

    @property
    def n_rows(self) -> int:
        """How many rows there are to be."""
        return sum(self.n.values()) if isinstance(self.n, Mapping) else self.n

    @property
    def group(self) -> int:
        """Rows of a row group."""
        fit = CELLS_OF_GROUP // self.augmenter.n_features_in_ // 1000 * 1000
        return self.rows_of_group or min(ROWS_OF_GROUP, max(fit, 1000))

    @property
    def rows_of_part(self) -> int:
        """Rows of a part, the last one aside."""
        return self.group * GROUPS_OF_PART

    @property
    def n_parts(self) -> int:
        """How many parts there are to be."""
        return -(-self.n_rows // self.rows_of_part)

    @property
    def request(self) -> dict[str, Any]:
        """What decides which rows are in which part."""
        n = {str(k): v for k, v in self.n.items()} if isinstance(self.n, Mapping) else self.n
        return {
            "model": self.model,
            "rows": n,
            "seed": self.seed,
            "rows of a part": self.rows_of_part,
            "column of labels": self.column,
        }

    def left(self) -> list[int]:
        """Return the numbers of the parts that are still to be written.

        Raises
        ------
        FileExistsError
            If the folder holds anything but parts of this request.
        OSError
            If it cannot be made or written.
        """
        # Which refuses what cannot be asked for.
        self.augmenter.sample_batches(self.n, batch_size=self.group, batches=[])
        check_writable(self.folder)
        if not self.folder.exists():
            check_free(self.folder)
            return list(range(self.n_parts))
        undo_killed_in(self.folder)
        there = {path for path in self.folder.iterdir() if not path.name.startswith(".")}
        done = {number for path in sorted(there) if (number := self._number_of(path)) is not None}
        return [number for number in range(self.n_parts) if number not in done]

    def _number_of(self, path: Path) -> int | None:
        """Return the number of a part that is there, None if it is damaged."""
        import pyarrow as pa
        from pyarrow import parquet

        named = re.fullmatch(r"part-(\d{5,})\.parquet", path.name)
        if named is None:
            raise FileExistsError(
                f"{self.folder} holds {path.name}, which is no part of synthetic rows; choose "
                "another folder."
            )
        try:
            found = parquet.read_metadata(path)
        except (pa.ArrowException, OSError):
            return None  # half-written, as where the machine has lost its power
        asked = json.loads((found.metadata or {}).get(KEY, b"{}"))
        for what, value in self.request.items():
            if asked.get(what) != value:
                raise FileExistsError(
                    f"{path} is a part of other rows: their {what} {_is(asked.get(what))}, and "
                    f"that asked for {_is(value)}. Choose another folder, or delete this one."
                )
        number = int(named[1])
        if path != self._path(number) or number >= self.n_parts:
            raise FileExistsError(
                f"{path} is none of the {self.n_parts} parts of these rows; delete it, or choose "
                "another folder."
            )
        whole = min(self.rows_of_part, self.n_rows - number * self.rows_of_part)
        return number if found.num_rows == whole else None

    def write(self, number: int) -> None:
        """Write one part, in the memory of one row group.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk. Nothing of it is left behind.
        """
        self.folder.mkdir(exist_ok=True)
        replace_file(self._path(number), partial(self._fill, number))

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:05}.parquet"

    def _fill(self, number: int, path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        n_groups = -(-self.n_rows // self.group)
        first = number * GROUPS_OF_PART
        batches = self.augmenter.sample_batches(
            self.n,
            batch_size=self.group,
            batches=range(first, min(first + GROUPS_OF_PART, n_groups)),
            random_state=self.seed,
        )
        schema = self.schema
        with parquet.ParquetWriter(path, schema) as writer:
            for batch in batches:
                frame = self._frame(*batch)
                writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))

    def _frame(self, X: Any, y: Any) -> pd.DataFrame:
        import pandas as pd

        frame = pd.DataFrame(as_pandas(X))
        frame.columns = list(map(str, frame.columns))
        return frame.assign(**{self.column: pd.Series(as_pandas(y)).to_numpy()})

    @cached_property
    def schema(self) -> pa.Schema:
        """The schema of all parts, with the request in its metadata.

        It does not depend on the rows of one part, in which a text may be missing throughout.
        """
        import pyarrow as pa

        labels = self.augmenter.classes_.tolist()
        frame = self._frame(*self.augmenter.sample(dict.fromkeys(labels, 1)))
        columns = getattr(self.augmenter.encoder_, "columns_", ())
        examples = {str(column.name): column.cells.examples() for column in columns}
        schema = pa.Schema.from_pandas(frame, preserve_index=False)
        for at, field in enumerate(schema):
            if field.name in examples and frame[field.name].dtype == np.dtype(object):
                kind = pa.array(examples[field.name], from_pandas=True).type
                if pa.types.is_decimal(kind):  # as many digits as rows may have
                    kind = pa.decimal128(38, kind.scale)
                schema = schema.set(at, field.with_type(kind))
        return schema.with_metadata(
            {**(schema.metadata or {}), KEY: json.dumps(self.request).encode()}
        )


def _is(value: Any) -> str:
    return f"is {value!r}" if len(repr(value)) <= 40 else f"is {repr(value)[:40]}..."
