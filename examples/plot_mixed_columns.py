"""
Oversample a table of numbers, categories, dates and gaps
=========================================================

Raw tables hold more than numbers. :class:`~ganaug.GANAugmenter` takes them as
they are: nothing has to be encoded, scaled or filled in. Synthetic rows come
back with the same columns and dtypes, with levels that exist, whole numbers
where numbers were whole, and about as many gaps.
"""

# %%
# A made-up table of orders. Frauds are rare, large, often made at night, and
# the customer's age is missing more often.
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
n = 1200
fraud = rng.random(n) < 0.05
X = pd.DataFrame(
    {
        "amount": rng.lognormal(3 + fraud, 0.8).round(2),
        "items": 1 + rng.poisson(2 - fraud, n),
        "age": np.where(
            rng.random(n) < 0.1 + 0.3 * fraud,
            np.nan,
            rng.normal(45, 14, n).round(),
        ),
        "country": pd.Categorical(
            rng.choice(["AT", "DE", "PL", None], n, p=[0.2, 0.5, 0.2, 0.1])
        ),
        "new": rng.random(n) < 0.2 + 0.5 * fraud,
        "time": pd.Timestamp("2026-01-01")
        + pd.to_timedelta(rng.integers(0, 90, n), unit="D")
        + pd.to_timedelta(
            np.where(fraud, rng.integers(0, 6, n), rng.integers(6, 24, n)),
            unit="h",
        ),
    }
)
y = pd.Series(np.where(fraud, "fraud", "fine"), name="kind")
print(X.dtypes, y.value_counts(), sep="\n\n")

# %%
# Train on it, and ask for 500 frauds. 300 steps keep this page quick to build.
from ganaug import GANAugmenter

augmenter = GANAugmenter(steps=300, random_state=0).fit(X, y)
synthetic, _ = augmenter.sample({"fraud": 500}, random_state=0)
print(synthetic.head())

# %%
# The dtypes are those that went in.
assert synthetic.dtypes.equals(X.dtypes)

# %%
# Real and synthetic frauds, column by column.
from ganaug.inspection import RealVsSyntheticDisplay

real = X[y == "fraud"]
RealVsSyntheticDisplay.from_rows(real, synthetic)

# %%
# Shares of gaps, real and synthetic:
gaps = pd.DataFrame(
    {"real": real.isna().mean(), "synthetic": synthetic.isna().mean()}
)
print(gaps.round(2))
