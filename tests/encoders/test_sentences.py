"""Texts are told from levels, names, codes and dates, and no table with them is encoded."""

import numpy as np
import pandas as pd
import pytest

from ganaug import GANAugmenter
from ganaug.encoders.sentences import holds_sentences

N = 60
SUBJECTS = ["parcel", "driver", "engine", "doctor", "kitchen", "teacher"]
#: All different, in seventeen words, for a sign alone is no word.
TEXTS = [
    f"The {SUBJECTS[n % 6]} was {'late' if n % 4 else 'early'} again on day {chr(97 + n % 26)}, "
    "and nobody told us"
    for n in range(N)
]

COLUMNS = {
    "texts": (TEXTS, True),
    "of a string dtype": (pd.array(TEXTS, dtype="string"), True),
    "with gaps": ([None if n % 3 == 0 else text for n, text in enumerate(TEXTS)], True),
    "other letters": ([f"мы ждали письмо от них целый месяц {n}" for n in range(N)], True),
    "half of them twice": (TEXTS[: N // 2] * 2, True),
    "too few": ([text if n < 29 else None for n, text in enumerate(TEXTS)], False),
    "a category": (pd.Categorical(TEXTS), False),
    "long levels": ([TEXTS[n % 20] for n in range(N)], False),
    "names": ([f"Braund, Mr. Owen {n} Harris" for n in range(N)], False),
    "streets": ([f"{n} Mill Lane, 124{n:02} Kiel, Germany" for n in range(N)], False),
    "times": ([f"Mon Jan {n % 28 + 1:02} 10:{n:02}:00 2024 UTC" for n in range(N)], False),
    "numbers": ([f"{n} 17 {n} 12 5 8 3 9" for n in range(N)], False),
    "codes": ([f"a-{n} b-{n} c-{n} d-{n} e-{n} f-{n}" for n in range(N)], False),
    "addresses": (
        [f"The Old Mill {n}, Church Street, Stow on the Wold, United Kingdom" for n in range(N)],
        False,
    ),
    "casts": ([f"Tom Hanks, Tim Allen, Don Rickles, Jim Varney {n}" for n in range(N)], False),
    "JSON": (
        [f'{{"n": {n}, "hue": "red", "size": "big", "form": "round"}}' for n in range(N)],
        False,
    ),
    "lists": (
        [f"['Drama', 'Action', 'Crime', 'War', 'Love', 'Film', {n}]" for n in range(N)],
        False,
    ),
    "settings": (
        [f"user=bob{n} act=in host=abc zone=def port=ghi to=jkl" for n in range(N)],
        False,
    ),
    "headlines": (
        [f"Over {n} Million People Roll Up Sleeves For Vaccines" for n in range(N)],
        True,
    ),
    "in capitals": ([f"THE SOIL WAS MOIST AND THE WALL HAD CRACKS {n}" for n in range(N)], True),
    "Hindi": ([f"हमने पूरे महीने उनकी चिट्ठी का इंतज़ार किया {n}" for n in range(N)], True),
    "no strings": (np.arange(N), False),
    "some numbers": ([*TEXTS[1:], 3], False),
    "nothing": ([None] * N, False),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_texts(name):
    cells, wanted = COLUMNS[name]
    column = pd.Series(cells)
    assert holds_sentences(column) == wanted
    if column.dtype == object:
        assert holds_sentences(column.to_numpy()) == wanted


def test_a_gan_refuses_texts_and_says_what_takes_them():
    y = np.repeat(["no", "yes"], [N - 12, 12])
    table = pd.DataFrame({"stars": np.arange(N) % 5, "review": TEXTS})
    gan = GANAugmenter(steps=2, random_state=0)
    with pytest.raises(ValueError, match=r"column 'review' holds texts .*TextRows\(\), Augm"):
        gan.fit(table, y)
    assert not hasattr(gan, "classes_")
    with pytest.raises(ValueError, match="X is a list of texts, and must be a table"):
        gan.fit(TEXTS, y)
    assert "review" not in gan.fit(table.drop(columns="review"), y).sample({"yes": 2})[0]
    # What the user calls categories are categories.
    named = GANAugmenter(categorical_features=["review"], steps=2, random_state=0)
    assert named.fit(table, y).sample({"yes": 2})[0]["review"].isin(TEXTS).all()
