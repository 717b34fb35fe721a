"""Generators: what learns the encoded rows of some classes and makes more of them.

A generator has a ``name``, the ``min_rows`` that a class must have for it, and two methods:

``fit(rows, codes, layout, *, classes, seed, device, monitor) -> self``
    learns from rows (n, layout.width) float32 of all classes, whose codes (n,) int64 are given, to
    make rows of ``classes``, and keeps the ``layout`` as ``layout_``. It raises
    :class:`~ganaug.generators.monitor.TrainingDiverged` if it learned nothing of use. If it learns
    step by step, it calls ``monitor(step, losses, fitted, make_rows)`` now and then, and ends when
    that returns true: ``fitted`` is a copy of the generator as it is then, with a method
    ``is_finite()``, and ``make_rows(codes, missing_flags, rng)`` makes rows with a torch.Generator.
    With weights it is also given ``sample_weight`` (n,), with a mean of 1 in each class. If it has
    a parameter ``start``, ``warm_start=True`` passes the generator of the fit before, to train on
    from; without, it learns anew.
``row_maker(*, draw_missing_flags, device) -> make``
    does once what any number of rows needs, such as building networks.
    ``draw_missing_flags(codes, rng)`` draws flags as real rows of these classes have them.
    ``make(counts, *, seed, n_candidates) -> {code: rows}`` then makes ``counts[code]`` rows of each
    class, float32. They depend on the seed, the code and the count of their class alone.

An augmenter fits the last of its generators for which a class has enough rows. A subclass that
overrides ``make_generator(n_steps)`` has another one for classes of many rows.

Everything that was learned is plain data, in attributes that end in ``_``. For ``save`` the class
needs a line in ``ganaug.registry.GENERATORS``. It may have a method ``check_fitted(layout)``,
which raises if what was read from a file does not fit together, and ``saved_rules``, which say
what each attribute may be: see ``ganaug.fitted``.
"""
