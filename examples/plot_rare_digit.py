"""
Oversample images of a rare class
=================================

Images are rows, too. ``GANAugmenter(encoder="image", network="conv")`` takes
arrays of them, grey or coloured, of 8 to 64 pixels a side, and gives arrays of
the same shape and dtype back.
"""

# %%
# The digits of scikit-learn, 8 by 8 pixels, with 20 eights left of 174.
from sklearn.datasets import load_digits

digits = load_digits()
kept = (digits.target != 8) | ((digits.target == 8).cumsum() <= 20)
images, names = digits.images[kept], digits.target[kept]
print(images.shape, (names == 8).sum())

# %%
# A GAN learns from all ten digits how pen strokes look, and from 20 images
# what makes an eight. 150 steps take some seconds on one core. The default is
# 800.
from ganaug import GANAugmenter

painter = GANAugmenter(
    encoder="image", network="conv", steps=150, random_state=0
)
painter.fit(images, names)

# %%
# Threes, of which there were enough, and the rare eights.
from ganaug.inspection import ExamplesDisplay

ExamplesDisplay.from_estimator(painter, images, names, labels=[3, 8])

# %%
# In a scikit-learn pipeline images are flattened, so say how they are laid
# out.
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import train_test_split

from ganaug import AugmentedClassifier, ImageEncoder

rows = images.reshape(-1, 64)
X_train, X_test, y_train, y_test = train_test_split(
    rows, names, stratify=names, test_size=0.5, random_state=0
)
plain = LogisticRegression(max_iter=2000)
painter = GANAugmenter(
    encoder=ImageEncoder(shape=(8, 8)), network="conv", steps=150
)
augmented = AugmentedClassifier(plain, painter, random_state=0)
for name, model in {"as it is": plain, "with the GAN": augmented}.items():
    predicted = model.fit(X_train, y_train).predict(X_test)
    of_eights = recall_score(y_test, predicted, labels=[8], average=None)[0]
    accuracy = (predicted == y_test).mean()
    print(
        f"{name:13} accuracy {accuracy:.3f}, finds {of_eights:.0%} of eights"
    )

# %%
# Ten eights are few to test on: one more or less is ten per cent. For larger
# images and how this compares with shifted and turned copies see
# :doc:`/benchmarks`.
