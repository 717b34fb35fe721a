"""What files of strangers take is known before it is taken."""

import json
import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import save_file

from ganaug import untrusted
from ganaug.untrusted import ROOM, check_json, read_arrays, read_json

VALUES = {
    "lists": [[]] * 50_000,
    "dicts": [{}] * 50_000,
    "pairs": [["a", 1000]] * 50_000,
    "texts": [f"text {i}" for i in range(50_000)],
    "numbers": list(range(1000, 51_000)),
    "floats": [i / 7 for i in range(50_000)],
    "entries": {f"{i}": 1000 + i for i in range(20_000)},
    "one wide character": ["a" * 500_000 + "\U0001f600"],
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_values_take_no_more_than_was_counted(value, tmp_path, monkeypatch):
    path = tmp_path / "values.json"
    path.write_text(json.dumps(value))
    text = path.read_bytes()
    tracemalloc.start()
    try:
        again = json.loads(text.decode())
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert again == value
    monkeypatch.setattr(untrusted, "ROOM", 0)
    assert read_json(path, size=4 * taken) == value
    with pytest.raises(ValueError, match="its values take"):
        read_json(path, size=int(0.8 * taken))


@pytest.mark.parametrize("text", ["[" * 101 + "]" * 101, '{"a":' * 101 + "1" + "}" * 101])
def test_deep_values_are_refused(text, tmp_path):
    path = tmp_path / "deep.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="nested 101 deep; 100 are allowed"):
        read_json(path, size=len(text))
    path.write_text(json.dumps({"a": "[" * 200, 'b"': '\\"[' * 200}))
    assert read_json(path, size=2000)["a"] == "[" * 200


@pytest.mark.parametrize(
    "text",
    [b'"' + b"\\u0041" * 400_000, b'"\\' * 1_000_000, b'"' * 1_000_000 + b"\\", b'\\"' * 1_000_000],
)
def test_texts_without_an_end_are_looked_at_once(text):
    with pytest.raises(ValueError, match="its values take"):  # a second look at each takes hours
        check_json(text, size=-ROOM)


def test_a_piece_of_json_may_end_anywhere(monkeypatch):
    text = json.dumps({'a"[': ["\\", '\\"[[', [[1, {"\\\\": '"'}]]]}).encode()
    for size in range(1, len(text) + 1):
        monkeypatch.setattr(untrusted, "_PIECE", size)
        bare = b"".join(piece.tobytes() for piece in untrusted._without_texts(text))
        assert bare == b'{": [", ", [[1, {": "}]]]}'


def test_signs_within_texts_are_no_values():
    text = json.dumps(["a, b: [c] " * 1000] * 1000).encode()
    check_json(text, size=len(text) - ROOM + 100_000)


@pytest.mark.parametrize("text", [b"\xff", "é".encode(), b"", b"[", b'"', b"[1,]"])
def test_what_is_no_plain_json(text, tmp_path):
    path = tmp_path / "no.json"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=r".+"):
        read_json(path, size=10)


def test_arrays(tmp_path):
    path = tmp_path / "arrays"
    arrays = {"a": np.arange(3), "b": np.zeros((0, 2), np.float32)}
    save_file(arrays, path)
    found = read_arrays(path, path.stat().st_size)
    assert found["a"].tolist() == [0, 1, 2]
    assert found["b"].shape == (0, 2)
    save_file({"b": np.zeros((0, 2**40), np.float32)}, path)
    with pytest.raises(ValueError, match="b has the shape"):
        read_arrays(path, path.stat().st_size)


def test_more_arrays_than_there_is_room_for(tmp_path, monkeypatch):
    path = tmp_path / "arrays"
    save_file({f"{i}": np.zeros(0, np.uint8) for i in range(1000)}, path)
    assert len(read_arrays(path, path.stat().st_size)) == 1000
    monkeypatch.setattr(untrusted, "ROOM", 0)
    with pytest.raises(ValueError, match="1,000 arrays"):
        read_arrays(path, path.stat().st_size)
    assert ROOM > 0
