"""Real rows to float32 tensors and back. An encoder writes the :class:`~ganaug.spec.Spec`."""
