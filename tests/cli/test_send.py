"""`ganaug send`: what is told of each file; what is sent is tested with the spool."""

import pytest
from helpers import complaint, run

from ganaug.paths import this_process
from ganaug.tracking import spool


def test_a_file_that_is_not_there__nothing_is_sent(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "send_file", pytest.fail)
    there, missing = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    there.touch()
    assert complaint(capsys, "send", there, missing) == f"There is no file {missing}."


def test_a_file_that_a_killed_command_was_sending__is_sent_with_its_name(
    capsys, tmp_path, monkeypatch
):
    file = tmp_path / "ganaug-unsent-1.jsonl"
    machine, number, start = this_process().split("-")
    killed = file.with_stem(f"{file.stem}.{machine}-{number}-{int(start) + 1}")
    running = file.with_stem(f"{file.stem}.{this_process()}")
    other = file.with_stem("ganaug-unsent-1.other")
    for path in (killed, running, other):
        path.touch()
    sent = []
    monkeypatch.setattr(spool, "send_file", lambda path, **_: sent.append(path) or 1)
    assert run(capsys, "send", file)[0] == 0
    assert sent == [killed]
    file.touch()
    assert run(capsys, "send", file, killed)[0] == 0
    assert sent == [killed, file, killed]


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
