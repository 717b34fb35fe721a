"""Faults, load and hostile input: what was tried, and what survived."""
