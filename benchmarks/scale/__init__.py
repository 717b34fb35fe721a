"""Bars past one machine; see ``python -m benchmarks.scale --help``."""
