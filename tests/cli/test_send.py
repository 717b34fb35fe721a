"""`ganaug send`: what is told of each file; what is sent is tested with the spool."""

import pytest
from helpers import complaint, run

from ganaug.tracking import spool


def test_a_file_that_is_not_there__nothing_is_sent(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "send_file", pytest.fail)
    there, missing = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    there.touch()
    assert complaint(capsys, "send", there, missing) == f"There is no file {missing}."


def test_a_file_that_cannot_be_sent__the_others_are(capsys, tmp_path, monkeypatch):
    files = [tmp_path / f"{name}.jsonl" for name in "abc"]
    for file in files:
        file.touch()

    def send(path, *, tracking_uri):
        if path == files[1]:
            raise RuntimeError(f"{tracking_uri} does not answer")
        return 1 if path == files[0] else 2

    monkeypatch.setattr(spool, "send_file", send)
    code, out, err = run(capsys, "send", *files, "--tracking-uri", "there")
    assert code == 2
    assert out == f"Sent {files[0]}: 1 run\nSent {files[2]}: 2 runs\n"
    assert err.endswith("ganaug: there does not answer\n")
