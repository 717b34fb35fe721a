"""Tables of all spellings and formats: real rows stay as they are, new ones are spelled alike."""

import bz2
import gzip
import io
import json
import lzma
import re
import zipfile

import numpy as np
import pandas as pd
import pyarrow.feather as feather
import pytest

from ganaug.cli.options import read_names
from ganaug.files import ReadOptions, Table

N = 60
LABELS = np.where(np.arange(N) % 3 == 0, "yes", "no")
rng = np.random.default_rng(0)
NUMBERS = rng.normal(2000, 1500, N).round(2)
WHOLE = rng.integers(-3000, 90_000, N)
MOMENTS = pd.Series(pd.date_range("2023-01-30 13:05:07", periods=N, freq="37h"))


def quoted(cell):
    return f'"{cell}"' if "," in cell or '"' in cell else cell


def write(path, cells, *, encoding="utf-8", name="cell"):
    lines = [f"{name},x,y"]
    lines += [
        f"{quoted(c)},{i},{label}" for i, (c, label) in enumerate(zip(cells, LABELS, strict=True))
    ]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def later(X):
    """Return other rows: numbers one more, dates two days on."""
    new = X.copy()
    for name in X:
        if pd.api.types.is_bool_dtype(X[name]):
            continue
        if pd.api.types.is_numeric_dtype(X[name]):
            new[name] = X[name] + 1
        elif pd.api.types.is_datetime64_any_dtype(X[name]):
            new[name] = X[name] + pd.Timedelta(days=2)
    return new


def there_and_back(path, options=None, mark=None, out=None):
    """Return the table as it is read, and the cells of new rows written behind the real ones."""
    table = Table.read(path, "y", options=options)
    out = out or path.with_name(f"out-{path.name}")
    table.write(out, later(table.X), pd.Series(LABELS), mark)
    before, after = path.read_bytes(), out.read_bytes()
    assert after.startswith(before), "real rows must stay as they are"
    return table, after[len(before) :].decode()


def cells_of(text):
    return pd.read_csv(io.StringIO(text), header=None, dtype=str, na_filter=False)[0]


SPELLED_NUMBERS = {
    "pounds": ([f"£{v:.2f}" for v in abs(NUMBERS)], r"£\d+\.\d\d"),
    "euros behind": ([f"{v:.2f} €".replace(".", ",") for v in NUMBERS], r"-?\d+,\d\d €"),
    "unit": ([f"{v} mg/l" for v in abs(WHOLE)], r"\d+ mg/l"),
    "per mille": ([f"{v:.1f}‰" for v in NUMBERS], r"-?\d+\.\d‰"),
    "code of a currency": ([f"CHF {v:.2f}" for v in abs(NUMBERS)], r"CHF \d+\.\d\d"),
    "dollars below nothing": (
        [f"-${-v:,.2f}" if v < 0 else f"${v:,.2f}" for v in NUMBERS],
        r"-?\$\d{1,3}(,\d{3})*\.\d\d",
    ),
    "brackets": (
        [f"({-v:,.2f})" if v < 0 else f"{v:,.2f}" for v in NUMBERS],
        r"\d{1,3}(,\d{3})*\.\d\d|\(\d{1,3}(,\d{3})*\.\d\d\)",
    ),
    "decimal comma": ([f"{v:.2f}".replace(".", ",") for v in NUMBERS], r"-?\d+,\d\d"),
    "German": (
        [f"{v:,.2f}".translate(str.maketrans(".,", ",.")) for v in NUMBERS],
        r"-?\d{1,3}(\.\d{3})*,\d\d",
    ),
    "French": (
        [f"{v:,.2f}".translate(str.maketrans(".,", ",\u202f")) for v in NUMBERS],
        r"-?\d{1,3}(\u202f\d{3})*,\d\d",
    ),
    "Swiss": (
        [f"{v:,.2f}".replace(",", "\u2019") for v in NUMBERS],
        r"-?\d{1,3}(\u2019\d{3})*\.\d\d",
    ),
    "no-break space": ([f"{v:,}".replace(",", "\xa0") for v in WHOLE], r"-?\d{1,3}(\xa0\d{3})*"),
    "many thousands": ([f"{v * 1000:,}" for v in WHOLE], r"-?\d{1,3}(,\d{3})*"),
    "dots for thousands": ([f"{v * 1001:,}".replace(",", ".") for v in WHOLE], r"-?[\d.]+"),
    "always two decimals": ([f"{v:.0f}.00" for v in NUMBERS], r"-?\d+\.\d\d"),
    "signs": ([f"{v:+.1f}" for v in NUMBERS], r"[+-]\d+\.\d"),
    "long minus": ([f"{v:.1f}".replace("-", "\u2212") for v in NUMBERS], r"\u2212?\d+\.\d"),
    "powers": ([f"{v:.3E}" for v in NUMBERS], r"-?\d\.\d{3}E\+\d\d"),
    "no zero": ([f".{v:03}" for v in abs(WHOLE) % 1000], r"\d\.\d{3}"),
}
MARKERS = {
    "dash": "-",
    "dots": "...",
    "long dash": "—",
    "n.a.": "n.a.",
    "Excel's": "#DIV/0!",
    "star": "*",
    "spaces": "  ",
    "words": "not available",
}


@pytest.mark.parametrize("kind", SPELLED_NUMBERS)
@pytest.mark.parametrize("marker", ["", "-"])
def test_numbers_in_any_spelling__read_and_written_alike(tmp_path, kind, marker):
    cells, pattern = SPELLED_NUMBERS[kind]
    if marker:
        cells = [marker if i % 10 == 3 else cell for i, cell in enumerate(cells)]
    table, made = there_and_back(write(tmp_path / "t.csv", cells))
    numbers = table.X["cell"]
    assert pd.api.types.is_numeric_dtype(numbers), numbers.dtype
    assert numbers.isna().sum() == sum(cell == marker for cell in cells)
    made = cells_of(made)
    assert (made == marker).sum() == numbers.isna().sum()
    assert made[made != marker].str.fullmatch(pattern).all(), made.head().tolist()
    assert not made[made != marker].isin(cells).all()


def test_numbers__their_values(tmp_path):
    whole = {f"c{i}": cells for i, (cells, _) in enumerate(SPELLED_NUMBERS.values())}
    frame = pd.DataFrame(whole).assign(y=LABELS)
    frame.to_csv(tmp_path / "t.csv", index=False)
    X = Table.read(tmp_path / "t.csv", "y").X
    for j, kind in enumerate(SPELLED_NUMBERS):
        want = {"unit": abs(WHOLE), "no-break space": WHOLE, "many thousands": WHOLE * 1000}
        want |= {"dots for thousands": WHOLE * 1001, "no zero": abs(WHOLE) % 1000 / 1000}
        want |= dict.fromkeys(("pounds", "code of a currency"), abs(NUMBERS))
        values = X[f"c{j}"].astype(float)
        np.testing.assert_allclose(values, want.get(kind, NUMBERS), atol=0.51, rtol=1e-3)


@pytest.mark.parametrize("kind", MARKERS)
@pytest.mark.parametrize("numbers", [NUMBERS, WHOLE], ids=["decimals", "whole"])
def test_a_marker_among_numbers__missing(tmp_path, kind, numbers):
    cells = [MARKERS[kind] if i % 7 == 2 else str(v) for i, v in enumerate(numbers)]
    table, made = there_and_back(write(tmp_path / "t.csv", cells))
    assert table.X["cell"].dtype == ("Float64" if numbers is NUMBERS else "Int64")
    made = cells_of(made)
    assert (made == MARKERS[kind]).to_numpy().nonzero()[0].tolist() == list(range(2, N, 7))


def test_a_marker_that_is_a_word__missing_with_a_note(tmp_path):
    cells = ["pending" if i % 7 == 2 else str(v) for i, v in enumerate(NUMBERS)]
    path = write(tmp_path / "t.csv", cells)
    with pytest.warns(UserWarning, match="column 'cell': 'pending' is read as a missing cell"):
        table, made = there_and_back(path)
    assert table.X["cell"].isna().sum() == (cells_of(made) == "pending").sum() == 9


ODD = {
    "top-coded": "90+",
    "a typo": "12O5",
    "a comma": "12,5",
    "a comma among thousands": "1234,56",
    "a range": "5-10",
    "below a limit": "<5",
    "a dimension": "3x4",
}


@pytest.mark.parametrize("kind", ODD)
def test_one_odd_cell_among_numbers__text_and_named(tmp_path, kind):
    cells = [ODD[kind] if i == 41 else str(v) for i, v in enumerate(NUMBERS)]
    path = write(tmp_path / "t.csv", cells)
    with pytest.warns(UserWarning, match=r"column 'cell' is read as text, for data row 42 holds"):
        table, made = there_and_back(path)
    assert set(cells_of(made)) == set(cells)
    table, _ = there_and_back(path, ReadOptions(na_values=(ODD[kind],)))
    assert table.X["cell"].isna().to_numpy().nonzero()[0].tolist() == [41]


def test_of_several_odd_cells__the_one_that_is_nearly_a_number_is_named(tmp_path):
    cells = [["n.d.", "12O5"][i == 41] if i % 20 == 1 else str(v) for i, v in enumerate(NUMBERS)]
    told = r"data row 42 holds '12O5' among numbers \(1 more such\).* --na-values '12O5,n.d.' reads"
    with pytest.warns(UserWarning, match=told):
        Table.read(write(tmp_path / "t.csv", cells), "y")


@pytest.mark.parametrize("odd", [["12,5"], ["7,25", "1,5"], ["3,0", "n.d.", "-0,5"]])
def test_odd_cells_with_commas__the_option_that_is_advised_works(tmp_path, odd):
    cells = [odd[i // 9 % len(odd)] if i % 9 == 1 else float(v) for i, v in enumerate(NUMBERS)]
    rows = [{"cell": cell, "y": str(label)} for cell, label in zip(cells, LABELS, strict=True)]
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with pytest.warns(UserWarning, match="--na-values") as told:
        Table.read(path, "y")
    advised = re.search("--na-values '(.*)' reads", str(told[0].message))[1]
    options = ReadOptions(na_values=tuple(read_names("--na-values", advised)))
    cell = Table.read(path, "y", options=options).X["cell"]
    assert cell.isna().to_numpy().nonzero()[0].tolist() == list(range(1, N, 9))
    assert cell.dropna().tolist() == [v for i, v in enumerate(NUMBERS) if i % 9 != 1]


CODES = {
    "padded": [f"{i % 20:04}" for i in range(N)],
    "letters": [f"A{i % 20}" for i in range(N)],
    "phones": [f"555-{1000 + i % 20}" for i in range(N)],
    "versions": [f"1.{i % 5}.{i % 3}" for i in range(N)],
    "grades": [["1", "2", "3", "A"][i % 4] for i in range(N)],
    "numbers of cards": [f"41111111111111111{i % 20:05}" for i in range(N)],
    "padded with a unit": [f"{i % 20:03} kg" for i in range(N)],
}


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.filterwarnings("ignore:.*is read as text")
def test_codes_stay_text(tmp_path, kind):
    table, made = there_and_back(write(tmp_path / "t.csv", CODES[kind]))
    assert isinstance(table.X["cell"].dtype, pd.StringDtype)
    assert set(cells_of(made)) == set(CODES[kind])


@pytest.mark.parametrize(
    ("cells", "options", "want"),
    [
        (["1,234", "5,678", "9,999"], {"thousands": ","}, 1234),
        (["1,234", "5,678", "9,999"], {"decimal": ","}, 1.234),
        (["1.234", "5.678", "9.999"], {"thousands": "."}, 1234),
        (["1.234", "5.678", "9.999"], {"decimal": ","}, 1234),
        (["1.234", "5.678", "9.999"], {}, 1.234),
        (["1,500", "990", "2,340"], {}, 1500),
        (["0,123", "5,678", "9,999"], {}, 0.123),
    ],
)
def test_marks_that_may_be_two_things(tmp_path, cells, options, want):
    path = write(tmp_path / "t.csv", cells * 20)
    table, _ = there_and_back(path, ReadOptions(**options))
    assert table.X["cell"].iloc[0] == want


@pytest.mark.parametrize("cells", [["1,234", "5,678"], ["12,345", "99,001"], ["7,001", "8,125"]])
def test_marks_that_nothing_decides__named_and_text(tmp_path, cells):
    path = write(tmp_path / "t.csv", cells * 30)
    told = r"',' in '.*' may part thousands or decimals; --thousands ',' or --decimal ',' says"
    with pytest.warns(UserWarning, match=told):
        _, made = there_and_back(path)
    assert set(cells_of(made)) == set(cells)
    # Another column of the file, or a semicolon between cells, decides.
    path.write_text(path.read_text().replace(",", ";").replace("7;001", "7,001"))
    text = "a;b;y\n" + "".join(f"{cells[i % 2]};{i},5;{LABELS[i]}\n" for i in range(N))
    path.write_text(text)
    assert Table.read(path, "y").X["a"].max() < 100


SPELLED_DATES = {
    "German": "%d.%m.%Y",
    "German with time": "%d.%m.%Y %H:%M",
    "short year": "%d.%m.%y",
    "British": "%d/%m/%Y",
    "American": "%m/%d/%Y",
    "American with time": "%m/%d/%Y %I:%M %p",
    "dashes": "%d-%m-%Y",
    "a month by name": "%d-%b-%Y",
    "a month in full": "%d %B %Y",
    "a month first": "%b %d, %Y",
    "slashes from the year": "%Y/%m/%d %H:%M:%S",
    "ISO": "%Y-%m-%dT%H:%M:%S",
    "ISO to the minute": "%Y-%m-%d %H:%M",
    "UTC": "%Y-%m-%dT%H:%M:%SZ",
    "an offset": "%Y-%m-%d %H:%M:%S+05:30",
    "a short offset": "%Y-%m-%dT%H:%M:%S-0800",
    "UTC in words": "%Y-%m-%d %H:%M:%S UTC",
    "tenths": "%Y-%m-%d %H:%M:%S.3",
    "microseconds": "%Y-%m-%dT%H:%M:%S.%f",
    "fractions and Z": "%Y-%m-%dT%H:%M:%S.250Z",
}


@pytest.mark.parametrize("kind", SPELLED_DATES)
@pytest.mark.parametrize("marker", ["", "0000-00-00", "00.00.0000 00:00", "-", "?"])
def test_dates_in_any_spelling__read_and_written_alike(tmp_path, kind, marker):
    form = SPELLED_DATES[kind]
    cells = MOMENTS.dt.strftime(form).copy()
    if marker:
        cells[5::9] = marker
    table, made = there_and_back(write(tmp_path / "t.csv", cells))
    dates = table.X["cell"]
    assert pd.api.types.is_datetime64_any_dtype(dates)
    assert dates.isna().equals(cells == marker)
    want = (MOMENTS + pd.Timedelta(days=2)).dt.strftime(form).where(cells != marker, marker)
    assert cells_of(made).tolist() == want.tolist()


@pytest.mark.parametrize("form", ["{0.day}.{0.month}.{0.year}", "{0.month}/{0.day}/{0.year}"])
def test_dates_without_zeros(tmp_path, form):
    _, made = there_and_back(write(tmp_path / "t.csv", map(form.format, MOMENTS)))
    assert cells_of(made).tolist() == [form.format(m + pd.Timedelta(days=2)) for m in MOMENTS]


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m-%d-%Y", "%d/%m/%y %H:%M"])
def test_day_or_month_first__the_option_says(tmp_path, form):
    days = pd.Series([pd.Timestamp(2024, 1 + i % 12, 1 + i // 12) for i in range(N)])
    path = write(tmp_path / "t.csv", days.dt.strftime(form))
    told = "may begin with the day or the month; --date-format '.*' or '.*' says which"
    with pytest.warns(UserWarning, match=told):
        table = Table.read(path, "y")
    assert isinstance(table.X["cell"].dtype, pd.StringDtype)
    for date_format in (form, {"cell": form}):
        table, made = there_and_back(path, ReadOptions(date_format=date_format))
        assert table.X["cell"].tolist() == days.tolist()
        assert cells_of(made)[0] == (days[0] + pd.Timedelta(days=2)).strftime(form)


def test_date_format__days_that_are_numbers(tmp_path):
    path = write(tmp_path / "t.csv", MOMENTS.dt.strftime("%Y%m%d"))
    assert Table.read(path, "y").X["cell"].dtype == "Int64"
    table, made = there_and_back(path, ReadOptions(date_format="%Y%m%d"))
    assert table.X["cell"].tolist() == MOMENTS.dt.normalize().tolist()
    assert table.X["x"].dtype == "Int64"
    assert cells_of(made)[0] == "20230201"


def test_date_format__wrong__named(tmp_path):
    path = write(tmp_path / "t.csv", MOMENTS.dt.strftime("%d.%m.%Y"))
    with pytest.raises(ValueError, match=r"column 'cell' holds '30\.01\.2023', which is not of"):
        Table.read(path, "y", options=ReadOptions(date_format={"cell": "%m/%d/%Y"}))
    with pytest.raises(ValueError, match=r"a column 'cel', which .* Did you mean 'cell'"):
        Table.read(path, "y", options=ReadOptions(date_format={"cel": "%d.%m.%Y"}))


@pytest.mark.parametrize("odd", ["2023-02-30", "9999-12-31", "ongoing"])
def test_a_date_that_is_none__missing_with_a_note(tmp_path, odd):
    cells = MOMENTS.dt.strftime("%Y-%m-%d").copy()
    cells[::6] = odd
    with pytest.warns(UserWarning, match=f"column 'cell': '{odd}' is read as a missing cell"):
        table, made = there_and_back(write(tmp_path / "t.csv", cells))
    assert table.X["cell"].isna().sum() == (cells_of(made) == odd).sum() == 10


@pytest.mark.parametrize("words", [("true", "false"), ("TRUE", "FALSE"), ("True", "False")])
def test_booleans(tmp_path, words):
    cells = [["", words[0], words[1]][i % 3] for i in range(N)]
    table, made = there_and_back(write(tmp_path / "t.csv", cells))
    assert table.X["cell"].dtype == "boolean"
    assert cells_of(made).tolist() == cells


LAYOUTS = {
    "semicolons": (";", '"', "\n", "utf-8"),
    "tabs": ("\t", '"', "\n", "utf-8"),
    "bars": ("|", '"', "\r\n", "utf-8"),
    "old Mac": (",", '"', "\r", "utf-8"),
    "single quotes": (",", "'", "\n", "utf-8"),
    "Excel's Unicode text": ("\t", '"', "\r\n", "utf-16"),
    "UTF-16, the other end": (";", '"', "\n", "utf-16-be"),
    "a mark before UTF-8": (";", '"', "\r\n", "utf-8-sig"),
    "Windows": (";", '"', "\r\n", "cp1252"),
    "Latin": (",", '"', "\n", "latin-1"),
}


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize("first_line", [False, True])
@pytest.mark.filterwarnings("ignore:.*is not UTF-8, and is read as cp1252")
def test_a_layout_is_found_and_kept(tmp_path, kind, first_line):
    mark, quote, end, encoding = LAYOUTS[kind]
    words = [f"ä{mark}{quote * 2}b{quote * 2}", "ç d"]
    lines = [mark.join(["name", "Größe", "y"])]
    for i, label in enumerate(LABELS):
        lines.append(mark.join([quote + words[i % 2] + quote, f"{i}", str(label)]))
    if first_line:
        lines.insert(0, f"sep={mark}")
    path = tmp_path / "t.csv"
    path.write_bytes((end.join(lines) + end).encode(encoding))
    table = Table.read(path, "y")
    assert table.columns == ["name", "Größe", "y"]
    assert set(table.X["name"]) == {f"ä{mark}{quote}b{quote}", "ç d"}
    assert table.X["Größe"].tolist() == list(range(N))
    out = tmp_path / "o.csv"
    table.write(out, later(table.X), pd.Series(LABELS), "made")
    text = out.read_bytes().decode(encoding)
    want = lines[: 1 + first_line]
    want[-1] += f"{mark}made"
    want += [f"{line}{mark}False" for line in lines[1 + first_line :]]
    assert text.split(end)[: len(want)] == want
    made = text.split(end)[len(want) : -1]
    assert made[0] == mark.join([f"{quote}{words[0]}{quote}", "1", "yes", "True"])
    assert len(made) == N


COMPRESSED = {
    "t.csv": gzip.compress,  # by what it is, not by its name
    "t.csv.gz": gzip.compress,
    "t.csv.bz2": bz2.compress,
    "t.tsv.xz": lzma.compress,
}


@pytest.mark.parametrize("name", [*COMPRESSED, "t.csv.zip"])
def test_compressed_files(tmp_path, name):
    text = write(tmp_path / "plain.csv", NUMBERS.astype(str)).read_bytes()
    path = tmp_path / name
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("inner.csv", text)
    else:
        path.write_bytes(COMPRESSED[name](text))
    table = Table.read(path, "y")
    for ending in ("", ".gz", ".bz2", ".xz", ".zip"):
        out = tmp_path / f"o.csv{ending}"
        table.write(out, later(table.X), pd.Series(LABELS), "made")
        assert len(pd.read_csv(out)) == 2 * N
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"is a damaged \.\w+ file"):
        Table.read(path, "y")


@pytest.mark.parametrize(
    "text",
    [
        'a,b,y\n"1","x",no\n"2","z",yes\n',
        '"a","b","y"\n"1","x","no"\n"2","z","yes"\n',
        'a, b, y\n1, x, no\n2, "z, w", yes\n',
        'a,b,y\n1,"x\ny",no\n\n2,"z\r\n",yes',
        "a,b,y\n1,don't,no\n2,'tis,yes\n",
        "a,b,y\r\n1,x,no\n2,z,yes\r\n",
    ],
)
def test_quotes_spaces_and_lines_stay(tmp_path, text):
    path, out = tmp_path / "t.csv", tmp_path / "o.csv"
    path.write_text(text, newline="")
    table = Table.read(path, "y")
    assert table.columns == ["a", "b", "y"]
    assert table.X["a"].tolist() == [1, 2]
    assert table.y.tolist() == ["no", "yes"]
    table.write(out, table.X, table.y, None)
    made = out.read_bytes().decode()
    rows = text.replace("\n\n", "\n")
    rows += "" if rows.endswith("\n") else "\n"
    body = rows.split("\n", 1)[1]
    assert made.startswith(rows)
    assert made[len(rows) :].replace("\r\n", "\n") == body.replace("\r\n", "\n")


COMMENTED = {
    "one comment": ("# made by a tool, on a day\n", "a,b,y", ","),
    "comments": ("# one\n#\n# three, with a comma\n", "a;b;y", ";"),
    "comments over a header with the mark": ("# one\n## two\n", "#a,b,y", ","),
    "a header with the mark": ("", "# a,b,y", ","),
    "over cells parted by spaces": ("# one, two, three\n", "a b y", " "),
}


@pytest.mark.parametrize("kind", COMMENTED)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_comments_above_the_header__kept(tmp_path, kind, end):
    above, header, mark = COMMENTED[kind]
    path = tmp_path / "t.csv"
    rows = [
        mark.join([str(i), str(v), label])
        for i, (v, label) in enumerate(zip(NUMBERS, LABELS, strict=True))
    ]
    path.write_text(above + "\n".join([header, *rows, ""]), newline=end)
    table, made = there_and_back(path)
    assert table.columns == header.split(mark)
    assert made.split(end)[0] == mark.join(["1", str((NUMBERS[0] + 1).round(2)), "yes"])


SPACES = {
    "one": "{i} {v} {label}",
    "columns": "{i:<4} {v:>9}  {label}",
    "columns to the right": "{i:>6}{v:>12}{label:>6}",
    "quotes": '{i}  {v}  "{label} or so"',
}


@pytest.mark.parametrize("kind", SPACES)
def test_cells_parted_by_spaces(tmp_path, kind):
    path = tmp_path / "t.txt"
    rows = [
        SPACES[kind].format(i=i, v=v, label=label)
        for i, (v, label) in enumerate(zip(NUMBERS, LABELS, strict=True))
    ]
    path.write_text("\n".join(["a   b y" if "one" not in kind else "a b y", *rows, ""]))
    table, made = there_and_back(path)
    assert table.X["b"].tolist() == NUMBERS.tolist()
    assert table.y[0] == ("yes or so" if kind == "quotes" else "yes")
    glue = " " if kind == "one" else "  "
    assert made.splitlines()[1].startswith(glue.join(["2", str((NUMBERS[1] + 1).round(2)), ""]))


@pytest.mark.parametrize("tail", [",", ",,,", ";"])
def test_separators_at_the_ends_of_all_lines__kept(tmp_path, tail):
    mark = tail[0]
    lines = [["a", "b", "y"], *([str(i), "x", label] for i, label in enumerate(LABELS))]
    path, out = tmp_path / "t.csv", tmp_path / "o.csv"
    path.write_text("".join(f"{mark.join(line)}{tail}\n" for line in lines))
    table, made = there_and_back(path)
    assert list(table.X) == ["a", "b"]
    assert made.splitlines()[0] == f"1{mark}x{mark}yes{tail}"
    table.write(out, table.X[:1], table.y[:1], "made")
    assert out.read_text().splitlines()[:2] == [
        f"a{mark}b{mark}y{tail}{mark}made",
        f"0{mark}x{mark}yes{tail}{mark}False",
    ]
    assert out.read_text().splitlines()[-1] == f"0{mark}x{mark}yes{tail}{mark}True"


def test_a_column_that_lacks_only_its_name__refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y,\n1,no,\n2,yes,5\n")
    with pytest.raises(ValueError, match="column 3 has no name"):
        Table.read(path, "y")


def test_a_layout_that_is_not_certain__a_line_says_so(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b;y\n" + "1,5;no\n2,5;yes\n" * 9)
    told = pytest.warns(UserWarning, match="may be separated by ',' or ';'.*--sep says which")
    with told, pytest.raises(ValueError, match="has no column 'y'"):
        Table.read(path, "y")
    assert Table.read(path, "y", options=ReadOptions(sep=";")).columns == ["a,b", "y"]


@pytest.mark.parametrize("word", ["N/A", "#NA", "<NA>", "None", "?", " ", "nan", "null "])
def test_missing_labels__refused(tmp_path, word):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "1,no\n2,yes\n" * 9 + f"3,{word}\n")
    with pytest.raises(ValueError, match="column 'y' lacks 1 labels, the first in data row 19"):
        Table.read(path, "y")


@pytest.mark.parametrize("twins", [("no", "no "), ("Yes", "yes"), ("a  b", "a b")])
def test_labels_that_look_alike__a_warning_shows_both(tmp_path, twins):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + f"1,{twins[0]}\n2,{twins[1]}\n" * 9)
    with pytest.warns(UserWarning, match="are two classes here") as caught:
        Table.read(path, "y")
    assert all(repr(twin) in str(caught[0].message) for twin in twins)


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson.gz"])
@pytest.mark.parametrize("compact", [False, True])
def test_json_lines(tmp_path, name, compact):
    path = tmp_path / "plain.jsonl"
    parts = (",", ":") if compact else (", ", ": ")
    lines = []
    for i in range(N):
        row = {"n": int(WHOLE[i]), "x": "?" if i % 9 == 4 else NUMBERS[i], "code": f"{i % 7:02}"}
        row |= {"day": str(MOMENTS[i]), "flag": i % 2 == 0, "ä": "ö", "y": str(LABELS[i])}
        if i % 8 == 3:
            del row["n"]
        lines.append(json.dumps(row, separators=parts, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n")
    table = Table.read(path, "y")
    kinds = table.X.dtypes.astype(str).tolist()
    assert kinds == ["Int64", "Float64", "string", "datetime64[ns]", "boolean", "string"]
    out = tmp_path / name
    table.write(out, later(table.X), pd.Series(LABELS), "made")
    data = out.read_bytes()
    data = gzip.decompress(data) if name.endswith("gz") else data
    after = data.decode().splitlines()
    assert after[:N] == [f'{line[:-1]}{parts[0]}"made"{parts[1]}false}}' for line in lines]
    made = [json.loads(line) for line in after[N:]]
    assert made[0] == {
        "n": int(WHOLE[0]) + 1,
        "x": NUMBERS[0] + 1,
        "code": "00",
        "day": str(MOMENTS[0] + pd.Timedelta(days=2)),
        "flag": True,
        "ä": "ö",
        "y": "yes",
        "made": True,
    }
    assert made[4]["x"] == "?"
    assert made[3]["n"] is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1, "y": "no"}\n{"a": ', "row 2 is not JSON"),
        ('[1, 2]\n{"a": 1}', "row 1 is no JSON object"),
        ('{"a": [1], "y": "no"}\n' * 3, "column 'a' holds lists or objects"),
    ],
)
def test_json_lines__bad_ones__named(tmp_path, text, told):
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=told):
        Table.read(path, "y")


@pytest.mark.parametrize("label", [str, int])
def test_excel__the_file_stays_and_rows_are_added(tmp_path, label):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    book.create_sheet("notes")["A1"] = "mine"
    sheet.append(["n", "x", "code", "day", "word", "double", "y"])
    labels = [label(i % 3 == 0) for i in range(N)]
    for i in range(N):
        x = "-" if i % 9 == 4 else float(NUMBERS[i])
        n = None if i % 8 == 3 else int(WHOLE[i])
        day = MOMENTS[i].to_pydatetime()
        sheet.append([n, x, f"{i % 7:02}", day, "äö", f"=B{i + 2}*2", labels[i]])
        sheet.cell(i + 2, 4).number_format = "DD.MM.YYYY"
    path, out = tmp_path / "t.xlsx", tmp_path / "o.xlsx"
    book.save(path)
    table = Table.read(path, "y")
    kinds = table.X.dtypes.astype(str).tolist()
    assert kinds[:5] == ["Int64", "Float64", "string", "datetime64[ns]", "string"]
    assert table.y.tolist() == labels
    table.write(out, later(table.X), pd.Series(labels), "made")
    before = list(openpyxl.load_workbook(path).worksheets[0].values)
    book = openpyxl.load_workbook(out)
    after = list(book.worksheets[0].values)
    assert after[0] == (*before[0], "made")
    assert after[1 : N + 1] == [(*row, False) for row in before[1:]]
    assert book["notes"]["A1"].value == "mine"
    made = after[N + 1 :]
    assert len(made) == N
    day = (MOMENTS[0] + pd.Timedelta(days=2)).to_pydatetime()
    assert made[0] == (WHOLE[0] + 1, NUMBERS[0] + 1, "00", day, "äö", None, labels[0], True)
    assert made[4][1] == "-"
    assert made[3][0] is None
    assert book.worksheets[0].cell(N + 2, 4).number_format == "DD.MM.YYYY"


def test_feather(tmp_path):
    frame = pd.DataFrame(
        {
            "n": pd.array(WHOLE, dtype="Int32"),
            "level": pd.Categorical(rng.choice(["a", "b"], N)),
            "when": MOMENTS.dt.tz_localize("Europe/Paris"),
            "spelled": MOMENTS.dt.strftime("%d.%m.%Y"),
            "price": [f"{v:,.2f} €" for v in NUMBERS],
            "y": LABELS,
        }
    )
    frame.loc[3, "n"] = pd.NA
    path, out = tmp_path / "t.feather", tmp_path / "o.feather"
    frame.to_feather(path)
    table = Table.read(path, "y")
    table.write(out, later(table.X), pd.Series(LABELS), "made")
    real, more = feather.read_table(path), feather.read_table(out)
    assert more.slice(0, N).drop_columns("made").equals(real)
    assert [more.schema.field(name).type for name in real.column_names] == real.schema.types
    made = more.slice(N).to_pandas()
    assert made["spelled"][0] == (MOMENTS[0] + pd.Timedelta(days=2)).strftime("%d.%m.%Y")
    assert made["price"].str.fullmatch(r"-?\d{1,3}(,\d{3})*\.\d\d €").all()
    assert pd.isna(made["n"][3])


NAMES = ["o.csv", "o.tsv.gz", "o.parquet", "o.feather", "o.xlsx", "o.jsonl"]


@pytest.mark.parametrize("name", NAMES)
def test_any_format_into_any_other(tmp_path, name):
    path = tmp_path / "t.csv"
    frame = pd.DataFrame({"n": WHOLE, "day": MOMENTS, "x": NUMBERS, "y": LABELS})
    frame["z"] = MOMENTS.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    frame.loc[2, "x"] = np.nan
    frame.to_csv(path, index=False)
    for number, step in enumerate([name, *NAMES, name]):
        table = Table.read(path, "y")
        assert len(table.X) == N * (number + 1)
        assert table.X["n"].tolist()[:N] == WHOLE.tolist()
        assert pd.api.types.is_datetime64_any_dtype(table.X["day"])
        assert table.X["x"].isna().sum() == number + 1
        path = tmp_path / f"{number}-{step}"
        table.write(path, table.X[:N], table.y[:N], None)


@pytest.mark.parametrize("package", ["openpyxl", "pyarrow"])
def test_a_package_that_is_missing__named_with_what_installs_it(tmp_path, monkeypatch, package):
    from ganaug.files import formats

    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    name, extra = {"openpyxl": ("t.xlsx", "excel"), "pyarrow": ("t.feather", "cli")}[package]
    told = rf"files need {package}. Install it with: pip install 'ganaug\[{extra}\]'"
    with pytest.raises(ImportError, match=told):
        Table.read(tmp_path / name, "y")
    with pytest.raises(ImportError, match=told):
        Table.check_output(tmp_path / name, force=False)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sep": ";;"}, "--sep ';;' must be one character"),
        ({"decimal": "x"}, "--decimal 'x' must be one character"),
        ({"decimal": ",", "thousands": ","}, "cannot both be ','"),
    ],
)
def test_options_that_cannot_be(options, told):
    with pytest.raises(ValueError, match=told):
        ReadOptions(**options)
