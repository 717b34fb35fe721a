"""The benchmark of ganaug: many tables, many arms, and what was promised; not a part of ganaug."""
