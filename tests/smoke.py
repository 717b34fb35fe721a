"""What must work where a wheel was installed into an empty environment: `make release` runs it."""

import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

import ganaug


def main() -> None:
    assert "site-packages" in ganaug.__file__, f"not the installed package: {ganaug.__file__}"
    assert ganaug.__version__ == version("ganaug")

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), np.repeat(["common", "rare"], [45, 15])
    augmenter = ganaug.GANAugmenter(steps=5, random_state=0).fit(X, y)
    X_more, y_more = augmenter.transform(X, y)
    assert X_more.shape == (90, 3)
    assert (y_more == "rare").sum() == 45

    with tempfile.TemporaryDirectory() as folder:
        augmenter.save(Path(folder, "saved.gan"))
        again = ganaug.GANAugmenter.load(Path(folder, "saved.gan"))
        rows = [one.sample({"rare": 5}, random_state=1)[0] for one in (augmenter, again)]
        np.testing.assert_array_equal(*rows)

    command = Path(sys.executable).with_name("ganaug")
    for option in ("--version", "--help"):
        subprocess.run([command, option], check=True, stdout=subprocess.DEVNULL)
    print(f"ganaug {ganaug.__version__} works in {sys.prefix}")


if __name__ == "__main__":
    main()
