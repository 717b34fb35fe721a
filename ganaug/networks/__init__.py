"""Generator and critic pairs.

They read a :class:`~ganaug.encoders.layout.RowLayout` and know nothing of data.
"""
