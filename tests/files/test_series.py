"""Series in files: read from long and wide tables and from archives, and written back so."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import complaint, run
from numpy.testing import assert_array_equal

from ganaug.files import ReadOptions, read_series
from ganaug.files.series import LongSeries, channels_of

TS = """#  made by hand
@problemName two
@timeStamps false
@missing true
@univariate false
@dimensions 2
@equalLength false
@classLabel true Up down
@data
"""


def rows_of(n=40, seed=0):
    """Return long rows of n series of 8 to 10 steps: a float with a gap, and an integer."""
    rng = np.random.default_rng(seed)
    rows = [
        (
            f"p{i}",
            0.5 * t,
            round(rng.normal(), 2),
            rng.integers(0, 5),
            "ab"[i % 4 == 0],
        )
        for i in range(n)
        for t in range(10 - i % 3)
    ]
    frame = pd.DataFrame(rows, columns=["patient", "second", "x", "events", "kind"])
    frame.loc[4, "x"] = np.nan
    return frame


@pytest.fixture
def long(tmp_path):
    rows_of().to_csv(tmp_path / "long.csv", index=False)
    return tmp_path / "long.csv"


def spoiled(path, change):
    rows = rows_of()
    change(rows).to_csv(path, index=False)
    return path


def test_a_long_table_is_read_as_series(long):
    series, rows = read_series(long, "kind"), rows_of()
    assert series.X.shape == (40, 2, 10)
    assert series.y.tolist() == ["b", "a", "a", "a"] * 10
    assert np.isnan(series.X[1, :, 9]).all()
    assert np.isnan(series.X[0, 0, 4])
    assert_array_equal(series.X[2, 1, :8], rows.loc[rows["patient"] == "p2", "events"])
    shuffled = rows.sort_values("second", kind="stable")  # series side by side
    shuffled.to_csv(long, index=False)
    assert_array_equal(read_series(long, "kind").X, series.X)
    for zone in (None, "Europe/Berlin"):
        hours = pd.Timestamp("2024", tz=zone) + pd.to_timedelta(rows["second"], unit="h")
        rows.assign(second=hours).to_parquet(long.with_suffix(".parquet"))
        dated = read_series(long.with_suffix(".parquet"), "kind")
        assert_array_equal(dated.X, series.X)
        assert dated.times[0] == hours[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda f: f.iloc[[1, 0, *range(2, len(f))]],
            "time runs backwards in series 'p0', from",
        ),
        (lambda f: f.iloc[[0, 0, *range(1, len(f))]], "series 'p0' has the time 0.0 twice"),
        (
            lambda f: f.drop(index=3),
            "series 'p0' has no step between 1.0 and 2.0",
        ),
        (
            lambda f: f.assign(kind=["b"] * 11 + f["kind"].tolist()[11:]),
            "series 'p1' has the classes",
        ),
        (lambda f: f.assign(x="much"), "column 'x' holds no numbers, as the values of series"),
        (lambda f: f.assign(second="now"), "the time column 'second' holds no numbers or dates"),
        (lambda f: f[["patient", "second", "kind"]], "long series have one that names the series"),
        (
            lambda f: f.assign(second=f["second"].where(f.index != 2)),
            "is empty in data row 3",
        ),
    ],
)
def test_steps_that_are_no_series_are_named(capsys, long, change, said):
    spoiled(long, change)
    with pytest.raises(ValueError, match=said):
        read_series(long, "kind")
    out = long.with_name("out.csv")
    shown = complaint(capsys, "augment", long, "--target", "kind", "--as", "long-series", "-o", out)
    assert said[:30] in shown
    assert [path.name for path in long.parent.iterdir()] == ["long.csv"]


def test_augment_a_long_table__real_rows_as_they_were(capsys, long):
    out, model = long.with_name("out.csv"), long.with_name("m.gan")
    how = ["--target", "kind", "--as", "long-series", "--steps", "2"]
    code, printed, _ = run(capsys, "augment", long, "-o", out, "--save-model", model, *how)
    assert (code, printed) == (
        0,
        f"Wrote {out}: 40 real series and 20 synthetic; b: 20 more (gan)\n",
    )
    before, after = long.read_text().splitlines(), out.read_text().splitlines()
    assert after[1 : len(before)] == [f"{line},False" for line in before[1:]]
    made = pd.read_csv(out).query("synthetic")
    assert made["patient"].nunique() == 20
    assert set(made["kind"]) == {"b"}
    assert made["events"].isin(range(5)).all()
    lengths = made.groupby("patient")["second"].agg(["size", "max"])
    assert set(lengths["size"]) <= {8, 9, 10}
    assert (lengths["max"] == lengths["size"] / 2 - 0.5).all()
    # The rows marked so are the synthetic ones.
    code, printed, _ = run(capsys, "quality", long, out, "--target", "kind", "--as", "long-series")
    assert code == 0
    assert "kind b" in printed
    new = long.with_name("new.csv")
    code, printed, _ = run(capsys, "sample", model, "-n", '{"a": 3}', "-o", new)
    assert (code, printed) == (0, f"Wrote {new}: 3 synthetic series\n")
    assert list(pd.read_csv(new)) == ["id", "time", "channel0", "channel1", "kind"]
    assert pd.read_csv(new)["id"].unique().tolist() == [0, 1, 2]
    said = complaint(capsys, "augment", long, "--target", "kind", "--model", model, "-o", "x.csv")
    trained = "the GAN was trained on long-series or archive, and the data are read as"
    assert f"{trained} table; --as says how a file is read." in said
    pd.DataFrame(np.eye(40, 9)).assign(kind=["a", "b"] * 20).to_csv(new, index=False)
    how = ["--target", "kind", "--as", "wide-series", "--model", model, "-o", "x.csv"]
    said = complaint(capsys, "augment", new, *how)
    assert f"{trained} wide-series; --as" in said


def test_labels_alone_take_the_name_of_no_other_column(capsys, long):
    model, new = long.with_name("m.gan"), long.with_name("new.csv")
    how = ["--target", "kind", "--as", "long-series", "--steps", "1", "--save-model", model]
    assert run(capsys, "augment", long, "-o", long.with_name("out.csv"), *how)[0] == 0
    for name in ("id", "time", "channel1"):
        said = complaint(capsys, "sample", model, "-n", "3", "-o", new, "--target", name)
        assert said.startswith(f"Synthetic series have a column {name!r} already; choose another")
    assert not new.exists()


@pytest.mark.parametrize("dtype", ["uint8", "int64", "Int8", "bool"])
def test_values_that_the_dtype_of_a_channel_cannot_hold_are_refused(tmp_path, dtype):
    path, out = tmp_path / "long.parquet", tmp_path / "out.parquet"
    rows_of().assign(x=1).astype({"x": dtype}).to_parquet(path)
    series = read_series(path, "kind")
    series.write(out, series.X[:2], ["b", "b"], None)
    assert pd.read_parquet(out)["x"].dtype == dtype
    said = f"such as 0.5 do not fit column 'x', whose dtype is (?i:{dtype})"
    with pytest.raises(ValueError, match=said):
        series.write(out, series.X[:2] / 2, ["b", "b"], None)
    if dtype == "uint8":
        with pytest.raises(ValueError, match=r"such as -1.0 do not fit column 'x'"):
            series.write(out, -series.X[:2], ["b", "b"], None)


@pytest.mark.parametrize(
    ("name", "dtype", "last", "made"),
    [
        ("long.csv", "int64", 2**63 - 1, [0, 1]),
        ("long.parquet", "int32", 2**31 - 1, [0, 1]),
        ("long.parquet", "int8", 38, [39, 40]),
        ("long.parquet", "int8", 127, [0, 1]),
        ("long.parquet", "Int8", 126, [0, 1]),
        ("long.parquet", "uint8", 39, [40, 41]),
    ],
)
def test_new_series_have_ids_that_their_column_can_hold(tmp_path, name, dtype, last, made):
    path, out, rows = tmp_path / name, tmp_path / f"out-{name}", rows_of()
    ids = [last - int(patient[1:]) for patient in rows["patient"]]
    rows["patient"] = pd.Series(ids, dtype=dtype)
    rows.to_csv(path, index=False) if name == "long.csv" else rows.to_parquet(path, index=False)
    series = read_series(path, "kind")
    series.write(out, series.X[:2], ["b", "b"], None)
    both = pd.read_csv(out) if name == "long.csv" else pd.read_parquet(out)
    assert both["patient"].dtype == dtype
    assert both["patient"].unique().tolist()[40:] == made
    if dtype == "int8":
        with pytest.raises(ValueError, match=r"'patient' of dtype .nt8 has no room"):
            series.write(out, series.X[[0] * 120], ["b"] * 120, None)


def test_series_with_numbers_for_names_are_named_plainly(tmp_path):
    path = tmp_path / "long.csv"
    rows_of().assign(patient=lambda f: f["patient"].str[1:]).drop(index=3).to_csv(path, index=False)
    with pytest.raises(ValueError, match="series 0 has no step between"):
        read_series(path, "kind")


def wide(tmp_path, names, **more):
    values = np.random.default_rng(0).normal(size=(40, len(names))).round(2)
    frame = pd.DataFrame(values, columns=names).assign(kind=np.repeat(["a", "b"], [30, 10]), **more)
    frame.to_csv(tmp_path / "wide.csv", index=False)
    return tmp_path / "wide.csv", frame


def test_augment_a_wide_table__channels_by_their_names(capsys, tmp_path):
    path, frame = wide(tmp_path, [f"{c}_{t}" for t in range(9) for c in "xy"])
    out, model = tmp_path / "out.csv", tmp_path / "m.gan"
    how = ["--target", "kind", "--as", "wide-series", "--steps", "2"]
    code, _, err = run(capsys, "augment", path, "-o", out, "--save-model", model, *how)
    assert code == 0
    assert "40 series, 2 channels, 9 steps" in " ".join(err.split())
    made = pd.read_csv(out)
    pd.testing.assert_frame_equal(made[~made["synthetic"]].drop(columns="synthetic"), frame)
    assert len(made) == 60
    code, *_ = run(capsys, "sample", model, "-n", "3", "-o", tmp_path / "new.csv")
    assert code == 0
    assert len(pd.read_csv(tmp_path / "new.csv")) == 3
    series = tmp_path / "a.ts"
    steps = "1,2,3,4,5,6,7,8"
    series.write_text(TS + f"{steps}:{steps}:Up\n{steps}:{steps}:down\n" * 2)
    said = complaint(capsys, "augment", series, "--model", model, "-o", tmp_path / "b.ts")
    assert "the GAN was trained on table or wide-series, and the data are read as archive" in said


def test_months_of_several_years_are_one_channel():
    months = [f"{year}-{month:02d}" for year in (2023, 2024) for month in range(1, 13)]
    months_table = pd.DataFrame(np.eye(24), columns=months)
    assert channels_of(Path("a.csv"), months_table) == {"": months}
    with pytest.raises(ValueError, match="time runs backwards in the table, from 2024-12"):
        channels_of(Path("a.csv"), months_table.iloc[:, ::-1])


def test_days_may_leave_out_weekends():
    days = [str(day.date()) for day in pd.bdate_range("2024-01-01", periods=12)]
    assert channels_of(Path("a.csv"), pd.DataFrame(np.eye(12), columns=days)) == {"": days}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([*(f"x_{t}" for t in range(9)), "age"], "column 'age' is not numbered"),
        ([*(f"x_{t}" for t in range(9)), "y_0"], "channel 'y' has no step 1, and 'x' has"),
        (
            [*(f"x_{t}" for t in range(10) if t != 5), *(f"y_{t}" for t in range(10) if t != 7)],
            "channel 'y' has no step 7, and 'x' has",
        ),
        (
            [*(f"x_{t}" for t in range(9)), *(f"y_{t}" for t in range(100, 109))],
            "channel 'y' has no step 0, and 'x' has",
        ),
        ([f"x_{t}" for t in range(10) if t != 5], "channel 'x' has no step between 4.0 and 6.0"),
        ([str(t) for t in range(10) if t != 5], "the table has no step between 4.0 and 6.0"),
        (
            [f"{day:02d}.01.2024" for day in range(1, 13)],
            "the columns, the first called '01.01.2024', are 12 channels of 1 step each; series",
        ),
        (list("abcd"), "are 1 channel of 4 steps; series have 8 to 512 steps"),
        ([f"x_{t}" for t in (1, 0, *range(2, 9))], "time runs backwards in channel 'x', from 1.0"),
        ([f"{t}" for t in (0, 1, 1.0, *range(2, 9))], "the table has the time 1.0 twice"),
    ],
)
def test_wide_tables_that_are_no_series_are_named(capsys, tmp_path, names, said):
    path, _ = wide(tmp_path, names)
    out = tmp_path / "out.csv"
    shown = complaint(capsys, "augment", path, "--target", "kind", "--as", "wide-series", "-o", out)
    assert said in shown
    assert not out.exists()


def test_a_kind_that_is_none_is_refused(capsys, long):
    said = complaint(capsys, "augment", long, "--as", "melodies", "-o", "x.csv")
    assert said.startswith("--as 'melodies' is none of table, images, wide-series, long-series")


def test_compare_series__the_gan_sees_series(capsys, long):
    pytest.importorskip("jinja2")
    folder = long.with_name("report")
    asked = ["--arms", "nothing,GAN", "--classifiers", "logistic-regression", "--folds", "2"]
    how = ["--target", "kind", "--as", "long-series", "--steps", "2", "--no-tracking"]
    code, *_ = run(capsys, "compare", long, "--output-dir", folder, *asked, *how)
    assert code == 0
    page = (folder / "report.html").read_text()
    assert "--as long-series" in page
    assert "b, channel 0" in page


# --- The archives ---------------------------------------------------------------------------------


@pytest.fixture
def archive(tmp_path):
    """Return a file of the archives with 36 series of two channels, 8 to 10 steps each."""
    rng = np.random.default_rng(0)
    lines = []
    for i in range(36):
        channels = rng.normal(size=(2, 10 - i % 3)).round(3).astype(str)
        lines.append(":".join([*map(",".join, channels), "Up" if i % 3 else "down"]))
    (tmp_path / "two.ts").write_text(TS + "\n".join(lines) + "\n")
    return tmp_path / "two.ts"


def test_augment_an_archive__real_lines_as_they_were(capsys, archive):
    out = archive.with_name("more.ts")
    code, printed, _ = run(capsys, "augment", archive, "-o", out, "--steps", "2")
    assert (code, printed) == (
        0,
        f"Wrote {out}: 36 real series and 12 synthetic; down: 12 more (gan)\n",
    )
    assert out.read_text().startswith(archive.read_text())
    real, both = read_series(archive), read_series(out)
    assert real.X.shape == (36, 2, 10)
    assert set(real.y) == {"Up", "down"}
    assert_array_equal(both.X[:36], real.X)
    assert both.y[36:].tolist() == ["down"] * 12
    turned = archive.with_name("turned.arff")
    both.write(turned, 1e9 + both.X[:2], both.y[:2], "synthetic")
    assert_array_equal(read_series(turned).X, np.concatenate([both.X, 1e9 + both.X[:2]]))
    code, printed, _ = run(capsys, "quality", archive, out)
    assert code == 0
    assert "class down" in printed
    assert "class Up" not in printed


@pytest.mark.parametrize("says", ["@equalLength true\n@seriesLength 10", ""])
def test_series_of_one_length_keep_their_last_steps__missing_ones_too(archive, says):
    said = TS.replace("@equalLength false", says).replace("by hand", "by hand, see @data")
    steps = ",".join("?" if t == 9 else str(t) for t in range(10))
    archive.write_text(said + f"{steps}:{steps}:Up\n{steps}:{steps}:down\n")
    series = read_series(archive)
    out = archive.with_name("more.ts")
    series.write(out, series.X[:1], ["Up"], "synthetic")
    assert_array_equal(read_series(out).X, series.X[[0, 1, 0]])


def test_bad_archives_are_one_error_each(capsys, archive):
    whole = archive.read_text()
    for change, said in [
        (lambda t: t.replace("@data", "@date"), "cannot be read as series"),
        (lambda t: t.partition("@data")[0] + "@data\n", "cannot be read as series: it has none."),
        (lambda t: t.replace("@timeStamps false", "@timeStamps true"), "cannot be read as series"),
        (lambda t: t + "1,2,3:1,2:Up\n", "cannot be read as series"),
        (lambda t: t + "1,two,3:1,2,3:Up\n", "cannot be read as series"),
    ]:
        archive.write_text(change(whole))
        assert said in complaint(capsys, "augment", archive, "-o", archive.with_name("out.ts"))
    archive.write_text(whole)
    for more, said in [
        (["-o", archive.with_name("out.csv")], "is none of .ts, .arff"),
        (["-o", archive.with_name("out.ts"), "--target", "y"], "leave out --target"),
        (["-o", archive.with_name("out.ts"), "--sep", ";"], "--sep is for tables"),
    ]:
        assert said in complaint(capsys, "augment", archive, *more)
    assert [path.name for path in archive.parent.iterdir()] == ["two.ts"]


def test_a_class_that_the_header_does_not_declare_is_the_end_of_a_cut_file(archive):
    turned, series = archive.with_name("two.arff"), read_series(archive)
    X = np.nan_to_num(series.X)
    series.write(turned, X[:0], [], None)
    for path in (archive, turned):
        whole = path.read_text()
        n_lines = len(whole.splitlines())
        for length in (1, 2):
            path.write_text(whole.rstrip()[:-length])
            cut = f"line {n_lines} is wrong or cut off: the class {'Up'[:-length]!r} is none of"
            with pytest.raises(ValueError, match=f"{path.name} .* {cut} those that the header"):
                read_series(path)
        path.write_text(whole)
        assert read_series(path).y.tolist() == series.y.tolist()


@pytest.mark.parametrize("suffix", [".ts", ".arff"])
@pytest.mark.parametrize("label", ["a b", "a,b", "c:d e", "it's", 'a"b', "", "a{b", "why?"])
def test_classes_are_written_where_they_can_be_read_back(archive, suffix, label):
    series, out = read_series(archive), archive.with_name(f"out{suffix}")
    series.suffix = "none"
    series.y = series.y.replace("Up", label)
    if (suffix, label) in [(".ts", "it's"), (".ts", 'a"b'), (".ts", "a{b")]:
        series.write(out, series.X[:1], [label], None)
        assert read_series(out).y.tolist() == [*series.y, label]
        return
    said = re.escape(f"out{suffix} cannot hold a class called {label!r}: in {suffix} files")
    with pytest.raises(ValueError, match=said):
        series.write(out, series.X[:1], [label], None)
    assert not out.exists()


def test_aeon_reads_the_same(archive):
    datasets = pytest.importorskip("aeon.datasets")
    series = read_series(archive)
    for name, read in [
        ("out.ts", datasets.load_from_ts_file),
        ("out.arff", datasets.load_from_arff_file),
    ]:
        out = archive.with_name(name)
        series.write(out, series.X[:2], ["Up", "down"], None)
        X, y = read(str(out))
        ours = read_series(out)
        assert [label.casefold() for label in ours.y] == [label.casefold() for label in y]
        for one, other in zip(X, ours.X, strict=True):
            assert_array_equal(one, other[:, : one.shape[1]])


def test_an_arff_file__comments_blank_lines_and_quotes(tmp_path):
    path = tmp_path / "a.arff"
    head = "% @data\n@relation a\n@attribute t numeric\n@attribute target {'a b', up}\n\n"
    path.write_text(head + "@DATA\n\n% none\n1, 2,?,'a b'\n\n4,5,6, up\n\n")
    series = read_series(path)
    assert_array_equal(series.X, [[[1, 2, np.nan]], [[4, 5, 6]]])
    assert series.y.tolist() == ["'a b'", "up"]
    for line, said in [
        ("1,2,up", "line 13 is wrong or cut off: it has 2 steps, and others have 3"),
        ("1,abc,3,up", "line 13 is wrong or cut off: 'abc' is no number"),
        ("1", "line 13 is wrong or cut off: it has no class after its values"),
    ]:
        path.with_name("b.arff").write_text(path.read_text() + line)
        with pytest.raises(ValueError, match=f"b.arff cannot be read as series: {said}"):
            read_series(path.with_name("b.arff"))


def test_series_that_no_gan_can_learn_are_named_in_their_file(capsys, archive):
    out, how = archive.with_name("out.ts"), ["--target", "kind", "--as"]
    table, new, said = archive.with_name("t.csv"), archive.with_name("new.csv"), []
    whole = archive.read_text()
    for last in ("inf", "1"):
        steps = "?,?,?,?,?,?,?,?,?," + last
        archive.write_text(f"{whole}{steps}:{steps}:Up\n")
        said.append(complaint(capsys, "augment", archive, "-o", out))
    archive.write_text(TS + "1,2,3:1,2,3:Up\n1,2:1,2:down\n")
    said.append(complaint(capsys, "augment", archive, "-o", out))
    assert read_series(archive).X.shape == (2, 2, 3), "windows may be taken of series in Python"
    for change in (
        lambda f: f.drop(index=range(1, 10)),
        lambda f: f.assign(x=f["x"].where(f.index != 12, np.inf)),
        lambda f: f[f["second"] < 2],
    ):
        change(rows_of()).to_csv(table, index=False)
        said.append(complaint(capsys, "augment", table, "-o", new, *how, "long-series"))
    values = pd.DataFrame(np.eye(40, 9)).assign(kind=["a"] * 30 + ["b"] * 10)
    values.replace({3: {1: np.inf}}).to_csv(table, index=False)
    said.append(complaint(capsys, "augment", table, "-o", new, *how, "wide-series"))
    first = [message.partition(";")[0].partition(". ")[0] for message in said]
    assert first == [
        f"{archive}: the series in data row 37 has an infinite value",
        f"{archive}: the series in data row 37 has values in one step only",
        f"{archive}: the longest, the series in data row 1, has 3 steps",
        f"{table}: series 'p0' has values in one step only",
        f"{table}: series 'p1' has an infinite value",
        f"{table}: the longest, series 'p0', has 4 steps",
        f"{table}: the series in data row 4 has an infinite value",
    ]


def test_quality_of_other_columns__says_which(capsys, long):
    new, wide = long.with_name("new.csv"), long.with_name("wide.csv")
    how = ["--target", "kind", "--as"]
    rows = rows_of()
    rows.set_axis(["id", "time", "channel0", "channel1", "kind"], axis=1).to_csv(new, index=False)
    said = complaint(capsys, "quality", long, new, *how, "long-series")
    assert said.startswith(
        f"{new} has the columns 'id', 'time', 'channel0', 'channel1' in place of 'patient', "
        f"'second', 'x', 'events' of {long}: give columns that mean the same one name"
    )
    values = np.random.default_rng(0).normal(size=(40, 9))
    table = pd.DataFrame(values).assign(kind=["a", "b"] * 20)
    table.to_csv(wide, index=False)
    said = complaint(capsys, "quality", long, wide, *how, "long-series")
    assert said.startswith(f"{wide} has a row for each series, as its first column '0' has no")
    said = complaint(capsys, "quality", wide, long, *how, "wide-series")
    assert said.startswith(f"{long}: ")
    assert said.endswith("A table with a row for each step is read with --as long-series.")


def test_quality_knows_channels_by_their_names(capsys, long):
    new, seen = long.with_name("new.csv"), {}
    rows = rows_of()
    rows[["patient", "second", "events", "kind", "x"]].to_csv(new, index=False)
    paths = {"real": long, "synthetic": new}
    for name, classes in LongSeries.read_classes(paths, "kind", ReadOptions()).items():
        seen[name] = classes["b"]
    assert_array_equal(seen["real"], seen["synthetic"])
    for path in (long, new):
        rows.drop(columns="kind").to_csv(path, index=False)
    code, printed, _ = run(capsys, "quality", long, new, "--as", "long-series")
    assert code == 0
    assert "kind b" not in printed


def test_files_of_the_archive_are_read_as_aeon_reads_them():
    aeon = pytest.importorskip("aeon.datasets")
    folder = Path(aeon.__file__).parent / "data"
    for name, load in (("GunPoint", aeon.load_gunpoint), ("BasicMotions", aeon.load_basic_motions)):
        read = read_series(folder / name / f"{name}_TRAIN.ts")
        X, y = load(split="train")
        assert_array_equal(read.X, X)
        assert read.y.str.lower().tolist() == y.tolist()  # aeon changes their case
