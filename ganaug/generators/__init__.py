"""Generators: what learns the encoded rows of some classes and makes more of them.

A generator has two methods:

``fit(rows, codes, layout, *, classes, seed, device, monitor) -> self``
    learns from rows (n, layout.width) float32 of all classes, whose codes (n,) int64 are given, to
    make rows of ``classes``. A generator that learns step by step calls ``monitor`` now and then.
    It raises :class:`~ganaug.generators.monitor.TrainingDiverged` if it learned nothing of use.
``sample(counts, *, seed, draw_missing_flags, n_candidates, device) -> {code: rows}``
    makes ``counts[code]`` rows of each class, float32. ``draw_missing_flags(codes, rng)`` draws
    flags as real rows of these classes have them. The rows of a class depend on the seed, its code
    and its count alone.

Its class also has a ``name`` and ``min_rows``. An augmenter trains the last of its generators for
which a class has rows enough; a subclass that overrides ``_make_generator`` has another for classes
of many rows.

What it has learned is plain data, in attributes that end in ``_``; its class has a line in
:data:`ganaug.registry.GENERATORS`, so that it can be saved.
"""
