"""Synthetic rows of a fitted GAN: so many of each class at once, or by their numbers, in blocks.

A numbered row does not depend on which others are made with it, nor when or in which process. Its
class has rows 0, 1, 2 and so on, which are made in whole blocks, each by a random stream of its
own: :meth:`~ganaug.GANAugmenter.sample_batches` and the models that are logged in MLflow make the
same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing

from ganaug.environment import pick_device
from ganaug.randomness import Purpose, Stretch, numpy_stream, seed_from

#: Rows of a block. A network makes no single row of it: batches of different sizes differ in the
#: last bits.
BLOCK, BLOCK_WITH_AXES = 1000, 100
#: Numbers in encoded rows that are decoded together: as many as stay in the processor's cache.
DECODED_AT_ONCE = 4_000_000
#: How many rows are made, in the place of near copies, for each that is needed or in a block at
#: most, and at once at least.
MOST_TRIES, FEWEST_TRIED = 100, 32

#: The code of a class, the number of a block of its rows, their seed and number of candidates.
Block = tuple[int, int, int, int]


class RowSource:
    """Makes rows, and builds networks for the first of them only.

    Parameters
    ----------
    gan : GANAugmenter or GANOverSampler
        Fitted.
    """

    def __init__(self, gan: Any) -> None:
        self.encoder = gan.encoder_
        self.width = gan.encoder_.layout_.width
        self.block = BLOCK if gan.encoder_.has_columns else BLOCK_WITH_AXES
        self._methods = list(gan.methods_.values())
        self._generators = gan.generators_
        self._device = gan.device_
        self._labels = gan.classes_.tolist()
        self._near_copies = gan.near_copies_
        self._are_near = None if self._near_copies is None else self._near_copies.finder()
        self._identifiers = list(getattr(self.encoder, "identifiers", []))
        #: How many blocks are decoded together.
        self.n_together = max(1, DECODED_AT_ONCE // (self.block * self.width))
        self._makers: dict[str, Any] = {}
        self._kept: tuple[Block | None, Any] = None, None

    def rows(
        self, counts: Mapping[int, int], seed: int, n_candidates: int = 1
    ) -> tuple[Any, np.ndarray]:
        """Make rows of each class, in the order of ``counts``: in pandas or numpy, and their codes.

        ``counts`` maps class codes to numbers of rows.
        """
        codes = np.repeat(np.array(list(counts), dtype=np.int64), list(counts.values()))
        encoded = self.encoded_rows(counts, seed, n_candidates)
        rng = numpy_stream(seed, Purpose.DECODE)
        rows = self.encoder.inverse_transform(encoded, codes, rng)
        return self._kept_apart(rows, codes, [seed], n_candidates), codes

    def batches(
        self,
        counts: Mapping[int, int],
        batch_size: int,
        batches: Iterable[int],
        seed: int,
        n_candidates: int,
    ) -> Iterator[tuple[int, Any, np.ndarray]]:
        """Yield where each of these batches starts among all rows, its rows, and their codes."""
        classes, sizes = np.array(list(counts.items()), dtype=np.int64).reshape(-1, 2).T
        ends = sizes.cumsum()
        for batch in batches:
            start = int(batch) * batch_size
            places = np.arange(start, min(start + batch_size, ends[-1]))
            which = ends.searchsorted(places, side="right")
            codes, numbers = classes[which], places - (ends - sizes)[which]
            yield start, self.numbered_rows(codes, numbers, seed, n_candidates), codes

    def numbered_rows(
        self, codes: np.ndarray, numbers: np.ndarray, seed: int, n_candidates: int = 1
    ) -> Any:
        """Return rows by their class and number, in the order that they are asked for.

        Parameters
        ----------
        codes, numbers : ndarray of shape (n,), int64
            The class of each row, and its number in the class, from 0 on.
        seed : int
        n_candidates : int, default=1
            They compete within their block.

        Returns
        -------
        DataFrame or ndarray of n rows
        """
        if not len(codes):
            return self.rows({}, seed)[0]
        n_blocks = int(numbers.max()) // self.block + 1
        which, keys = pd.factorize(codes * n_blocks + numbers // self.block)
        blocks = [(*divmod(int(key), n_blocks), seed, n_candidates) for key in keys]
        place = which * self.block + numbers % self.block
        is_kept = int(blocks[0] == self._kept[0])
        ends = [*range(is_kept, len(blocks), self.n_together), len(blocks)]
        pieces, order = [], []
        for start, end in pairwise([0] * is_kept + ends):
            asked = np.flatnonzero((start <= which) & (which < end))
            rows = self._blocks(blocks[start:end])
            pieces.append(_taken(rows, place[asked] - start * self.block))
            order.append(asked)
        return _taken(_joined(pieces), np.concatenate(order).argsort(kind="stable"))

    def _blocks(self, blocks: list[Block]) -> Any:
        """Make blocks one after another, or return the last one of those before."""
        kept, rows = self._kept
        if blocks == [kept]:
            return rows.copy()
        encoded, stretches, seeds = [], [], []
        for code, number, seed, n_candidates in blocks:
            own_seed = seed_from(numpy_stream(seed, number))
            seeds.append(own_seed)
            encoded.append(self.encoded_rows({code: self.block}, own_seed, n_candidates))
            rng = numpy_stream(own_seed, Purpose.DECODE)
            stretches.append(Stretch(self.block, rng, number * self.block))
        codes = np.repeat(np.array([code for code, *_ in blocks], dtype=np.int64), self.block)
        rows = self.encoder.inverse_transform(np.concatenate(encoded), codes, stretches)
        rows = self._kept_apart(rows, codes, seeds, blocks[0][3])
        # The next batch often goes on within the last block.
        self._kept = blocks[-1], _safe_indexing(rows, np.arange(len(codes))[-self.block :])
        return rows

    def encoded_rows(
        self, counts: Mapping[int, int], seed: int, n_candidates: int = 1
    ) -> np.ndarray:
        """Make encoded rows, class after class: -> (n, width) float32."""
        made: dict[int, np.ndarray] = {}
        for name in dict.fromkeys(self._methods[code] for code in counts):
            served = {code: n for code, n in counts.items() if self._methods[code] == name}
            made |= self._maker(name)(served, seed=seed, n_candidates=n_candidates)
        rows = np.empty((sum(counts.values()), self.width), dtype=np.float32)
        end = 0
        for code, n in counts.items():
            rows[end : end + n] = made.pop(code)  # which frees the rows of one class after another
            end += n
        return rows

    def _kept_apart(
        self, rows: Any, codes: np.ndarray, seeds: Sequence[int], n_candidates: int
    ) -> Any:
        """Return rows with others in the place of near copies.

        The rows come in equal parts one after another; those in the place of others depend on the
        seed of their part, the class, and the rows of both. Cells that identify rows stay.
        """
        if self._are_near is None or not len(codes):
            return rows
        order, pieces, n = np.arange(len(codes)), [rows], len(codes)
        for part, seed in zip(np.array_split(order.copy(), len(seeds)), seeds, strict=True):
            for code in np.unique(codes[part]).tolist():
                at = part[codes[part] == code]
                near = self._near(rows, at, code)
                if len(near):
                    order[near] = n + np.arange(len(near))
                    pieces.append(self._apart(code, len(near), seed, n_candidates))
                    n += len(near)
        if len(pieces) == 1:
            return rows
        return _with_columns_of(rows, _taken(_joined(pieces), order), self._identifiers)

    def _near(self, rows: Any, at: np.ndarray, code: int) -> np.ndarray:
        """Return those of the positions of rows of a class at which there is a near copy."""
        assert self._are_near is not None
        size = max(DECODED_AT_ONCE // max(self.width, 1), 1)
        found = [
            some[self._are_near(self.encoder.transform(_taken(rows, some)), code)]
            for some in (at[start : start + size] for start in range(0, len(at), size))
        ]
        return np.concatenate(found)

    def _apart(self, code: int, n: int, seed: int, n_candidates: int) -> Any:
        """Make n rows of a class that are no near copies."""
        pieces, kept, made = [], 0, 0
        while kept < n:
            if made >= MOST_TRIES * max(n, self.block):
                raise ValueError(
                    f"min_distance={self._near_copies.min_distance} is too much for class "
                    f"{self._labels[code]!r}: of {made:,} more rows that were made, {kept:,} lie "
                    f"as far from all training rows, and {n:,} are needed. Fit with a smaller "
                    "min_distance."
                )
            # As many as will do, going by those before; half of none are kept.
            share = (kept + 1) / (made + 2)
            some = min(max(int(1.2 * (n - kept) / share), FEWEST_TRIED), max(n, self.block))
            own_seed = seed_from(numpy_stream(seed, Purpose.APART, code, made))
            encoded = self.encoded_rows({code: some}, own_seed, n_candidates)
            rng = numpy_stream(own_seed, Purpose.DECODE)
            rows = self.encoder.inverse_transform(encoded, np.full(some, code), rng)
            at = np.arange(some)
            far = np.setdiff1d(at, self._near(rows, at, code))[: n - kept]
            pieces.append(_taken(rows, far))
            kept, made = kept + len(far), made + some
        return _joined(pieces)

    def _maker(self, name: str) -> Any:
        if name not in self._makers:
            self._makers[name] = self._generators[name].row_maker(
                draw_missing_flags=self.encoder.draw_missing_flags,
                device=pick_device(self._device, fallback=True),
            )
        return self._makers[name]


def _taken(rows: Any, at: np.ndarray) -> Any:
    """Return the rows at these positions."""
    return rows if np.array_equal(at, np.arange(len(rows))) else _safe_indexing(rows, at)


def _with_columns_of(first: Any, rows: Any, names: Sequence[Any]) -> Any:
    """Return rows with the cells that ``first`` has in these columns."""
    if isinstance(rows, pd.DataFrame):
        columns = {
            j: (first if name in names else rows).iloc[:, j].reset_index(drop=True)
            for j, name in enumerate(rows.columns)
        }
        return pd.DataFrame(columns).set_axis(rows.columns, axis=1)
    if len(names):
        rows[:, list(names)] = first[:, list(names)]
    return rows


def _joined(pieces: list[Any]) -> Any:
    if len(pieces) == 1:
        return pieces[0]
    if isinstance(pieces[0], pd.DataFrame):
        return pd.concat(pieces, ignore_index=True)
    if isinstance(pieces[0], list):
        return [row for piece in pieces for row in piece]
    return np.concatenate(pieces)
