"""Real rows to float32 tensors and back.

An encoder writes the :class:`~ganaug.encoders.layout.RowLayout` of its rows, and knows how rows of
its kind are shown. With weights its ``fit`` is also given ``sample_weight`` (n,), with a mean of 1
in each class.
"""
