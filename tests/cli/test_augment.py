"""`ganaug augment`: real rows and images stay as they are, synthetic ones are like them."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from helpers import complaint, run, snapshot, write_csv, write_folder

from ganaug import GANAugmenter, storage
from ganaug.files import formats, read_images, tables

STEPS = ("--steps", 5)


def test_augment_csv__real_rows_untouched_synthetic_alike(capsys, table):
    out_path = table.with_name("out.csv")
    code, out, _ = run(capsys, "augment", table, "--target", "y", "-o", out_path, "--steps", 20)
    assert code == 0
    assert out == f"Wrote {out_path}: 60 real rows and 30 synthetic; 01: 30 more (gan)\n"
    before, after = table.read_text().splitlines(), out_path.read_text().splitlines()
    assert after[0] == before[0] + ",synthetic"
    assert after[1:61] == [line + ",False" for line in before[1:]]

    text = pd.read_csv(out_path, dtype=str, na_filter=False).iloc[60:]
    assert (text["y"] == "01").all()
    assert (text["synthetic"] == "True").all()
    assert set(text["zip"]) <= {"000", "001", "002"}
    assert set(text["flag"]) <= {"true", "false"}
    assert text["day"].str.fullmatch(r"2024-01-\d\d").all()
    assert text["n"].str.fullmatch(r"\d*").all()
    assert text["x"].str.fullmatch(r"NA|-?\d+\.\d+").all()
    assert set(text["odd, name"]) <= {'a "0", b', 'a "1", b'}
    assert [path.name for path in table.parent.iterdir()] == ["d.csv", "out.csv"]


def test_augment__seed__same_bytes(capsys, table):
    paths = [table.with_name(f"{name}.csv") for name in "abc"]
    for path, seed in zip(paths, (3, 3, 4), strict=True):
        arguments = ("--target", "y", "-o", path, "--steps", 20, "--seed", seed)
        assert run(capsys, "augment", table, *arguments)[0] == 0
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()


def test_augment__drop__nothing_is_learned_and_real_rows_keep_their_cells(capsys, table):
    out = table.with_name("out.csv")
    arguments = ("--target", "y", "-o", out, *STEPS, "--drop", "zip", "--no-mark")
    assert run(capsys, "augment", table, *arguments, "--save-model", table.with_name("m"))[0] == 0
    assert out.read_text().startswith(table.read_text())
    made = pd.read_csv(out, dtype=str, na_filter=False).iloc[60:]
    assert set(made["zip"]) == {""}
    assert "zip" not in GANAugmenter.load(table.with_name("m")).feature_names_in_
    # In another format, which is written from values, the column is gone.
    other = table.with_name("out.parquet")
    arguments = ("--target", "y", "-o", other, *STEPS, "--drop", "zip")
    assert run(capsys, "augment", table, *arguments)[0] == 0
    assert pd.read_parquet(other).columns[0] == "day"


def test_augment__model__draws_from_a_saved_gan(capsys, table, monkeypatch):
    model, first, again = (table.with_name(name) for name in ("m", "first.csv", "again.csv"))
    words = ("--target", "y", "--seed", 3)
    assert run(capsys, "augment", table, *words, "-o", first, *STEPS, "--save-model", model)[0] == 0
    monkeypatch.setattr(GANAugmenter, "fit", pytest.fail)
    code, out, _ = run(capsys, "augment", table, *words, "-o", again, "--model", model)
    assert code == 0
    assert again.read_bytes() == first.read_bytes()
    strategy = ("--sampling-strategy", '{"01": 17}', "--force")
    code, out, _ = run(capsys, "augment", table, *words, "-o", again, "--model", model, *strategy)
    assert out == f"Wrote {again}: 60 real rows and 2 synthetic; 01: 2 more (gan)\n"


def test_augment__a_model_that_does_not_fit__nothing_is_written(capsys, table, folder):
    model, out = table.with_name("m"), table.with_name("out.csv")
    words = ("--target", "y", "-o", out)
    assert run(capsys, "augment", table, *words, *STEPS, "--save-model", model)[0] == 0
    out.unlink()
    other = table.with_name("other.csv")
    other.write_text(table.read_text().replace("zip,", "zap,", 1))
    strange = table.with_name("strange.csv")
    strange.write_text(table.read_text().replace(",01\n", ",02\n"))
    bad = f"does not fit {model}: "
    for data, options, told in [
        (other, (), f"{other} {bad}The feature names should match"),
        (strange, (), f"{strange} {bad}y has labels that were not there in fit"),
        (table, ("--steps", 3), "--model trains no GAN; leave out --steps."),
        (table, ("--save-model", "n"), "--model trains no GAN; leave out --save-model."),
        (table, ("--min-distance", 1), "--model trains no GAN; leave out --min-distance."),
    ]:
        assert complaint(capsys, "augment", data, *words, "--model", model, *options).startswith(
            told
        )
    said = complaint(capsys, "augment", folder, "-o", out.with_name("more"), "--model", model)
    trained = "the GAN was trained on table, and the data are read as images; --as says how"
    assert said == f"{folder} {bad}{trained} a file is read."
    assert not out.exists()


@pytest.mark.parametrize(("strategy", "n"), [("0.5", 8), ('{"01": 20}', 5), ("auto", 30)])
def test_augment__strategy(capsys, table, strategy, n):
    out = table.with_name("out.csv")
    arguments = ("--sampling-strategy", strategy, "--no-mark", "--steps", 5)
    code, *_ = run(capsys, "augment", table, "--target", "y", "-o", out, *arguments)
    assert code == 0
    frame = pd.read_csv(out)
    assert len(frame) == 60 + (7 if strategy == "0.5" else n)
    assert "synthetic" not in frame


def test_augment_parquet__schema_and_rows_untouched(capsys, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "whole": pd.array(rng.integers(0, 9, 60), dtype="Int32"),
            "level": pd.Categorical(rng.choice(["a", "b"], 60), categories=["a", "b", "c"]),
            "when": pd.Timestamp("2024-01-01", tz="UTC")
            + pd.to_timedelta(rng.integers(0, 99, 60), "D"),
            "flag": pd.array(rng.random(60) < 0.5, dtype="boolean"),
            "label": np.repeat([1, 0], [15, 45]),
            "small": rng.normal(size=60).astype("float32"),
        },
        index=range(100, 160),
    )
    frame.loc[105, ["whole", "flag"]] = pd.NA
    path, out = tmp_path / "d.parquet", tmp_path / "out.parquet"
    frame.to_parquet(path)
    arguments = ("--target", "label", "-o", out, "--steps", 20, "--mark-column", "made")
    assert run(capsys, "augment", path, *arguments)[0] == 0
    real, more = pq.read_table(path), pq.read_table(out)
    assert more.column_names == [*real.column_names, "made"]
    assert [more.schema.field(name).type for name in real.column_names] == real.schema.types
    assert more.slice(0, 60).drop_columns("made").equals(real)
    assert more["made"].to_pylist() == [False] * 60 + [True] * 30
    assert set(more["label"].to_pylist()[60:]) == {1}
    assert set(more["level"].to_pylist()[60:]) <= {"a", "b"}


def test_augment__rows_keep_their_distance(capsys, table):
    out, model = table.with_name("out.csv"), table.with_name("model")
    words = ("augment", table, "--target", "y", "-o", out, *STEPS, "--min-distance")
    assert run(capsys, *words, 0.5, "--save-model", model)[0] == 0
    assert GANAugmenter.load(model).near_copies_.min_distance == 0.5
    said = complaint(capsys, *words, 0, "--force")
    assert said.startswith("The 'min_distance' parameter of GANAugmenter must be a number above 0")


def test_augment__other_format(capsys, table):
    parquet, back = table.with_name("d.parquet"), table.with_name("back.csv")
    arguments = ("--target", "y", "--steps", 5)
    assert run(capsys, "augment", table, *arguments, "-o", parquet, "--no-mark")[0] == 0
    frame = pd.read_parquet(parquet)
    assert frame["n"].dtype == "Int64"
    assert frame["zip"].iloc[0] == "000"
    assert frame["y"].iloc[0] == "01"
    assert run(capsys, "augment", parquet, *arguments, "-o", back)[0] == 0
    text = pd.read_csv(back, dtype=str, na_filter=False)
    assert set(text["y"]) == {"01", "1"}
    assert text["n"].str.fullmatch(r"\d*").all()


def test_augment__force__replaces_or_keeps_the_old(capsys, table, monkeypatch):
    out = table.with_name("out.csv")
    out.write_text("old")
    arguments = ("augment", table, "--target", "y", "-o", out, "--steps", 5)
    assert complaint(capsys, *arguments) == f"{out} exists already. --force replaces it."

    def half(path, *_):
        path.write_text("half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(formats, "write_bytes", half)
        code, _, err = run(capsys, *arguments, "--force")
    assert (code, err.splitlines()[-1]) == (2, f"ganaug: {out} cannot be written: disk full")
    assert out.read_text() == "old"
    assert sorted(path.name for path in table.parent.iterdir()) == ["d.csv", "out.csv"]
    assert run(capsys, *arguments, "--force")[0] == 0
    assert len(pd.read_csv(out)) == 90


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.linspace(0, 1, 60).round(3), "column 'y' holds measurements such as 0.0, not classes"),
        (range(60), "column 'y' has 60 different values in 60 rows: names or measurements"),
        ([f"id{i}" for i in range(60)], "column 'y' has 60 different values in 60 rows"),
    ],
)
def test_augment__a_target_that_holds_no_classes(capsys, tmp_path, rows, message):
    path = write_csv(tmp_path / "odd.csv", rows)
    assert message in complaint(capsys, "augment", path, "--target", "y", "-o", tmp_path / "o.csv")
    assert not (tmp_path / "o.csv").exists()


def test_augment__parquet_with_a_stored_index_of_dates(capsys, tmp_path):
    path, out = tmp_path / "dates.parquet", tmp_path / "out.parquet"
    index = pd.date_range("2024-01-01", periods=60)
    pd.DataFrame({"a": np.arange(60.0), "y": ["no"] * 40 + ["yes"] * 20}, index).to_parquet(path)
    assert run(capsys, "augment", path, "--target", "y", "-o", out, "--steps", 2)[0] == 0
    assert len(pd.read_parquet(out)) == 80


def test_augment__a_model_that_can_never_be_saved__refused_at_once(capsys, tmp_path):
    path, out = write_csv(tmp_path / "t.csv", ["no"] * 40 + ["yes"] * 20), tmp_path / "o.csv"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "estimator.json").touch()
    (tmp_path / "mine" / "notes.txt").touch()
    arguments = ("augment", path, "--target", "y", "--steps", 2, "-o", out, "--force")
    for model, told in {
        out: "cannot be both the data and the model",
        tmp_path / "no" / "m": "does not exist",
        tmp_path / "mine": "exists already. Choose another name.",
    }.items():
        assert told in complaint(capsys, *arguments, "--save-model", model)
    assert not out.exists()
    assert len(list((tmp_path / "mine").iterdir())) == 2


@pytest.mark.parametrize("error", [OSError("disk full"), TypeError("no")])
def test_augment__saving_fails__no_table_either(capsys, tmp_path, monkeypatch, error):
    path, out = write_csv(tmp_path / "t.csv", ["no"] * 40 + ["yes"] * 20), tmp_path / "o.csv"

    def fail(*_):
        raise error

    monkeypatch.setattr(GANAugmenter, "save", fail)
    arguments = ("--target", "y", "--steps", 2, "-o", out, "--save-model", tmp_path / "m")
    assert complaint(capsys, "augment", path, *arguments).endswith(str(error))
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_augment__force__replaces_a_model_too(capsys, tmp_path, monkeypatch):
    path, model = write_csv(tmp_path / "t.csv", ["no"] * 40 + ["yes"] * 20), tmp_path / "m"
    arguments = ("augment", path, "--target", "y", "-o", tmp_path / "o.csv", "--save-model", model)
    assert run(capsys, *arguments, "--steps", 2)[0] == 0
    (tmp_path / "o.csv").unlink()
    assert complaint(capsys, *arguments) == f"{model} exists already. --force replaces it."
    assert run(capsys, *arguments, "--steps", 3, "--force")[0] == 0
    assert GANAugmenter.load(model).steps == 3
    before = snapshot(model)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "to_bytes", full)
    said = complaint(capsys, *arguments, "--steps", 4, "--force")
    assert said == f"{model} cannot be written: [Errno 28] No space left on device"
    assert snapshot(model) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "o.csv", "t.csv"]


def test_augment__a_table_that_cannot_be_written__no_model_either(capsys, tmp_path, monkeypatch):
    path, model = write_csv(tmp_path / "t.csv", ["no"] * 40 + ["yes"] * 20), tmp_path / "m"

    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(tables.Table, "write", full)
    arguments = ("--target", "y", "--steps", 2, "-o", tmp_path / "o.csv", "--save-model", model)
    said = complaint(capsys, "augment", path, *arguments)
    assert said == f"{model} and {tmp_path / 'o.csv'} cannot be written: No space left on device"
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_augment__many_classes__a_short_line(capsys, tmp_path):
    path = write_csv(tmp_path / "many.csv", [f"c{i}" for i in range(12) for _ in range(i + 2)])
    arguments = ("--target", "y", "--steps", 2, "-o", tmp_path / "o.csv")
    code, printed, _ = run(capsys, "augment", path, *arguments)
    assert code == 0
    assert printed.rstrip().endswith("... (11 classes)")


NASTY = """\
sep=;
Kunde;Betrag;Anteil;seit;Menge;Ziel
{}"""


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
@pytest.mark.filterwarnings("always")
def test_augment__a_table_as_people_have_it(capsys, tmp_path, encoding):
    rng = np.random.default_rng(0)
    lines = []
    for i in range(80):
        amount = f"{rng.normal(3000, 900):,.2f} €".translate(str.maketrans(".,", ",."))
        share = "k.A." if i % 9 == 0 else f"{rng.uniform(0, 100):.1f} %".replace(".", ",")
        day = pd.Timestamp("2023-02-01") + pd.Timedelta(days=int(rng.integers(0, 300)))
        size = "?" if i % 8 == 0 else f"{rng.integers(1, 99)}"
        lines.append(
            f"Mü{i % 5};{amount};{share};{day:%d.%m.%Y};{size};{['ja', 'nein'][i % 4 > 0]}"
        )
    path, out = tmp_path / "t.csv", tmp_path / "o.csv"
    path.write_bytes(NASTY.format("\r\n".join(lines) + "\r\n").encode(encoding))
    code, _, err = run(
        capsys, "augment", path, "--target", "Ziel", "-o", out, "--steps", 20, "--na-values", "k.A."
    )
    assert code == 0, err
    notes = [line for line in err.splitlines() if "note" in line]
    assert len(notes) == (encoding == "cp1252")
    after = out.read_bytes().decode(encoding).splitlines()
    assert after[:2] == ["sep=;", "Kunde;Betrag;Anteil;seit;Menge;Ziel;synthetic"]
    assert after[2:82] == [f"{line};False" for line in lines]
    made = pd.DataFrame([line.split(";") for line in after[82:]])
    for column, pattern in enumerate(
        [
            r"Mü\d",
            r"\d{1,3}(\.\d{3})*,\d\d €",
            r"k\.A\.|\d{1,3},\d %",
            r"[0-3]\d\.\d\d\.2023",
            r"\?|\d+",
            "ja",
            "True",
        ]
    ):
        assert made[column].str.fullmatch(pattern).all(), made[column].head().tolist()
    assert made[1].nunique() > 20


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--sep", "::"], "--sep '::' must be one character"),
        (["--encoding", "utf-99"], "--encoding 'utf-99' is not known"),
        (["--date-format", "{day"], "'{day' is not JSON"),
        (["--na-values", ","], "--na-values ',' names nothing"),
    ],
)
def test_augment__options_of_a_file_that_cannot_be__one_line(capsys, tmp_path, options, told):
    path = write_csv(tmp_path / "t.csv", ["no"] * 40 + ["yes"] * 20)
    arguments = ("--target", "y", "-o", tmp_path / "o.csv", *options)
    assert complaint(capsys, "augment", path, *arguments).startswith(told)


@pytest.mark.parametrize("option", ["--sep", "--decimal", "--na-values"])
def test_augment_images__options_of_tables__refused(capsys, folder, option):
    said = complaint(capsys, "augment", folder, "-o", folder.with_name("o"), option, ";")
    assert said == f"{option} is for tables in files."


# --- Images ---------------------------------------------------------------------------------------


def test_augment_images__real_files_untouched_synthetic_beside_them(capsys, folder):
    out = folder.with_name("more")
    code, printed, _ = run(capsys, "augment", folder, "-o", out, *STEPS)
    assert (code, printed) == (
        0,
        f"Wrote {out}: 135 real images and 45 synthetic; 8: 45 more (gan)\n",
    )
    before, after = snapshot(folder), snapshot(out)
    assert {path: after[path] for path in before} == before
    made = sorted(set(after) - set(before))
    assert [path.name for path in made] == [f"synthetic-{i:04}.png" for i in range(1, 46)]
    assert {path.parent.name for path in made} == {"8"}
    images = read_images(out)
    assert images.X.shape == (180, 8, 8)
    assert len(np.unique(images.X[images.y == "8"], axis=0)) > 50
    assert sorted(path.name for path in folder.parent.iterdir()) == ["digits", "more"]


def test_augment_images__seed__same_bytes(capsys, folder):
    outs = [folder.with_name(name) for name in "abc"]
    for out, seed in zip(outs, (3, 3, 4), strict=True):
        code, *_ = run(capsys, "augment", folder, "-o", out, *STEPS, "--seed", seed)
        assert code == 0
    a, b, c = map(snapshot, outs)
    assert a == b != c


def test_augment_images__classes_too_small_for_a_gan_are_served_otherwise(capsys, tmp_path, eights):
    X, y = eights
    kept = np.r_[:60, 60, 75:79]  # one eight, and four nines
    folder = write_folder(tmp_path / "few", X[kept], y[kept])
    code, printed, _ = run(capsys, "augment", folder, "-o", tmp_path / "more", *STEPS)
    assert code == 0
    assert printed.endswith("; 8: 59 more (jitter), 9: 56 more (interpolation)\n")
    assert len(read_images(tmp_path / "more").X) == 180


@pytest.mark.parametrize(("side", "network"), [(6, "dense"), (8, "conv"), (65, "dense")])
def test_augment_images__the_network_suits_the_size(capsys, tmp_path, side, network):
    X = np.random.default_rng(0).integers(0, 256, (20, side, 8, 3), dtype="uint8")
    folder = write_folder(tmp_path / "noise", X, ["a"] * 8 + ["b"] * 12)
    model = tmp_path / "m"
    arguments = ("-o", tmp_path / "more", "--steps", 1, "--save-model", model)
    assert run(capsys, "augment", folder, *arguments)[0] == 0
    assert GANAugmenter.load(model).network == network
    assert read_images(tmp_path / "more").X.shape == (24, side, 8, 3)


@pytest.mark.filterwarnings("always")
def test_augment_images__skip_unreadable__a_note_and_no_copy(capsys, folder):
    (folder / "8" / "notes.txt").write_text("x")
    out = folder.with_name("more")
    said = complaint(capsys, "augment", folder, "-o", out, *STEPS)
    assert said.startswith(f"{folder / '8' / 'notes.txt'} is no image")
    assert not out.exists()
    code, _, err = run(capsys, "augment", folder, "-o", out, *STEPS, "--skip-unreadable")
    assert code == 0
    assert f"ganaug: note: Left out: {folder / '8' / 'notes.txt'} is no image" in err
    assert not (out / "8" / "notes.txt").exists()


def test_augment_images__bad_paths_and_options__nothing_written(capsys, folder):
    here, out = folder.parent, folder.with_name("out")
    (here / "there").mkdir()
    (here / "table.csv").write_text("a,y\n1,no\n")
    for arguments, message in [
        ([folder, "-o", here / "there"], f"{here / 'there'} exists already. Choose another name."),
        ([folder, "-o", here / "there", "--force"], f"{here / 'there'} exists already."),
        ([folder, "-o", here / "no" / "out"], f"The folder {here / 'no'} does not exist."),
        ([folder, "-o", folder / "out"], f"{folder / 'out'} lies in {folder}, among the real"),
        ([folder, "-o", out, "--save-model", folder / "m"], f"{folder / 'm'} lies in {folder}"),
        ([folder, "-o", out, "--save-model", out], f"{out} cannot be both the data and the model"),
        ([folder, "-o", out, "--target", "y"], f"{folder} is a folder, whose classes are folders"),
        ([folder, "-o", out, "--no-mark"], "A folder has no column that marks"),
        ([folder, "-o", out, "--mark-column", "made"], "A folder has no column that marks"),
        (
            [folder, "-o", out, "--sampling-strategy", '{"3": 9}'],
            "There is no class '3'. There ",
        ),
        ([here / "digit", "-o", out], f"There is no file or folder {here / 'digit'}."),
        ([here / "there", "-o", out], f"{here / 'there'} holds no folders; give the images of"),
        (
            [here / "table.csv", "-o", here / "o.csv", "--target", "y", "--skip-unreadable"],
            "--skip-unreadable is for folders of images.",
        ),
    ]:
        assert complaint(capsys, "augment", *arguments).startswith(message)
    assert sorted(p.name for p in here.iterdir()) == ["digits", "table.csv", "there"]
    (folder / "8" / "synthetic-0001.png").write_bytes((folder / "8" / "0060.png").read_bytes())
    for command in (["augment", folder, "-o", out], ["compare", folder, "--no-tracking"]):
        said = complaint(capsys, *command)
        assert said.endswith(
            "a synthetic image by its name, one of 1. Start from real images only."
        )


@pytest.fixture
def parts(tmp_path):
    """Return a folder of Parquet files."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "parts"
    folder.mkdir()
    for part in range(3):
        rare = rng.random(100) < 0.2
        rows = pd.DataFrame({"a": rng.normal(size=100).astype("float32"), "y": rare, "b": part})
        rows["town"] = rng.choice(["Bonn", "Kiel"], 100)
        rows.to_parquet(folder / f"part-{part}.parquet", index=False)
    return folder


@pytest.mark.parametrize("pattern", ["", "part-*.parquet"])
def test_augment_parquet_files__new_rows_alone_in_their_schema(capsys, parts, pattern):
    out, model = parts.with_name("new.parquet"), parts.with_name("m")
    arguments = ("--target", "y", "-o", out, *STEPS, "--save-model", model, "--drop", "b")
    code, said, notes = run(capsys, "augment", parts / pattern, *arguments)
    assert code == 0
    real, new = pq.read_table(parts).drop_columns(["b"]), pq.read_table(out)
    assert new.schema.equals(real.schema)
    rare, usual = (real["y"].to_pylist().count(label) for label in (True, False))
    assert new["y"].to_pylist() == [True] * (usual - rare)
    assert said.startswith(f"Wrote {out}: {usual - rare} synthetic rows; True: ")
    assert f"300 rows, 2 columns; classes: False ({usual}) and True ({rare})." in notes
    assert run(capsys, "sample", model, "-n", 5, "-o", parts.with_name("more.parquet"))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "new.csv"), "new.csv is no .parquet file"),
        (("-o", "parts/new.parquet"), "among the real data"),
        (("-o", "new.parquet", "--target", "z"), "has no column 'z'"),
        (("-o", "new.parquet", "--drop", "z"), "has no column 'z' to drop"),
        (("-o", "new.parquet", "--sep", ";"), "--sep is for text files"),
        (("-o", "new.parquet", "--model", "m"), "ganaug sample draws from it"),
        (("-o", "new.parquet", "--sampling-strategy", '{"True": 20000000}'), "19,999,9"),
        (("-o", "new.parquet", "--sampling-strategy", '{"maybe": 2}'), "no class 'maybe'"),
    ],
)
def test_augment_parquet_files__bad_words(capsys, parts, monkeypatch, arguments, message):
    monkeypatch.chdir(parts.parent)
    before = snapshot(parts.parent)
    code, _, notes = run(capsys, "augment", "parts", "--target", "y", *arguments, *STEPS)
    assert code == 2
    assert message in notes
    assert snapshot(parts.parent) == before


def test_parquet_files_are_for_augment_alone(capsys, parts):
    code, _, notes = run(capsys, "compare", parts, "--target", "y")
    assert code == 2
    assert "only ganaug augment reads" in notes
    (parts / "x.csv").touch()
    assert "There is no file" in run(capsys, "augment", parts / "*.csv", "-o", "new.csv")[2]
