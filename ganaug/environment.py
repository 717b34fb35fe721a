"""The versions, hardware and memory of this process, as a record of a run holds them."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

#: The packages that results depend on.
PACKAGES = ("ganaug", "torch", "scikit-learn", "imbalanced-learn", "numpy", "scipy", "pandas")


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python, of the packages that results depend on, and of MLflow.

    Examples
    --------
    >>> from ganaug.environment import versions
    >>> sorted(versions())[:3]
    ['ganaug', 'imbalanced-learn', 'mlflow']
    """
    found = {"python": platform.python_version()}
    found |= {package: version(package) for package in PACKAGES}
    with suppress(PackageNotFoundError):
        found["mlflow"] = version("mlflow")
    return found


def hardware() -> dict[str, str]:
    """Return the platform, the number of CPUs, and the threads that torch uses."""
    import torch

    return {
        "platform": platform.platform(),
        "cpus": str(os.cpu_count()),
        "torch_threads": str(torch.get_num_threads()),
    }


def peak_memory(device: str) -> dict[str, float]:
    """Return the most memory in MB that this process has used, and on the GPU."""
    import torch

    peaks = {}
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        peaks["peak_memory_mb"] = peak / 2**20
    if device.startswith("cuda"):  # Fabric says which of several
        peaks["peak_gpu_memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return peaks


def pick_device(device: str, fallback: bool = False) -> str:
    """Return a device that is there; ``fallback`` is for models trained elsewhere."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.mps.is_available()}
    if device == "auto":
        return "cuda" if there["cuda"] else "cpu"
    if not there[device] and not fallback:
        have = [name for name, ready in there.items() if ready]
        raise ValueError(f"device={device!r} is not available here; choose among {have} or 'auto'.")
    return device if there[device] else "cpu"
