"""Commands on a file with a column of texts: compared as numbers, and not made up."""

import numpy as np
import pandas as pd
import pytest
from encoders.test_sentences import TEXTS
from helpers import complaint, run


@pytest.fixture
def messages(tmp_path):
    """Write a CSV file of texts, one in eight with a missing one."""
    late = np.array(["late" in text for text in TEXTS])
    texts = [None if n % 8 == 5 else f'{text}\n"again"' for n, text in enumerate(TEXTS)]
    frame = pd.DataFrame({"stars": np.arange(60) % 5, "message": texts, "late": late})
    frame.to_csv(tmp_path / "messages.csv", index=False)
    return tmp_path / "messages.csv"


def test_compare__texts_are_numbers(capsys, messages):
    words = ("--arms", "SMOTE", "--classifiers", "logistic-regression", "--folds", 2)
    code, out, err = run(capsys, "compare", messages, "--target", "late", *words, "--no-tracking")
    assert code == 0, err
    assert "column 'message' holds texts" in " ".join(out.split())
    assert "SMOTENC" not in out


def test_augment__texts_are_refused(capsys, messages, tmp_path):
    out = tmp_path / "more.csv"
    arguments = ("augment", messages, "--target", "late", "-o", out, "--steps", 2)
    said = complaint(capsys, *arguments)
    assert said.startswith("column 'message' holds texts of several words")
    assert said.count("drop the column") == 1
    assert not out.exists()
    code, _, err = run(capsys, *arguments, "--drop", "message")
    assert code == 0, err
    assert out.exists()
