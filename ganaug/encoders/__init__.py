"""Real rows to float32 tensors and back.

An encoder writes the :class:`~ganaug.encoders.layout.RowLayout` of its rows, and knows how rows of
its kind are shown.
"""
