"""Generator and critic pairs. They read a :class:`~ganaug.spec.Spec` and know nothing of data."""
