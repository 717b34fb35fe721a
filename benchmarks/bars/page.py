"""Write the page of a bench from the figures that are kept."""

import inspect
import json

from benchmarks.bars import number
from ganaug.paths import replace_file


def read(path):
    """Return what a file of figures holds: by the name of a measure, or nothing."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def verdict(bar, found):
    """Return the figure of a bar in words, and whether it holds: pass, FAIL or not measured."""
    if found is None:
        return "", "not measured"
    if "failure" in found:
        return "failed", "FAIL"
    if bar.figure not in found["figures"]:
        return f"no {bar.figure} among the figures", "not measured"
    value = found["figures"][bar.figure]
    return bar.said(value), "pass" if bar.holds(value) else "FAIL"


def check_bars(bench, path):
    """Return a dict for each bar: what it is about, the limit, the figure, and the verdict."""
    kept, rows = read(path), []
    for name, one in bench.measures().items():
        for bar in one.bars:
            figure, word = verdict(bar, kept.get(name))
            row = {"what": bar.words, "bar": bar.limit, "figure": figure, "verdict": word}
            rows.append(row)
    return rows


def write_page(bench, root, path):
    """Write the page and its pictures into ``docs``; return the files.

    Parameters
    ----------
    bench : Bench
    root : Path
        Of the repository.
    path : Path
        Of the figures.
    """
    kept, written, sections = read(path), [], []
    every = bench.measures()
    for short, module in bench.imported().items():
        ours = {name: one for name, one in every.items() if one.module == module.__name__}
        sections.append(f"## {_first_line(module)}")
        sections += [_section(one, kept[name]) for name, one in ours.items() if name in kept]
        figures = {name: kept[name]["figures"] for name in ours if _has_figures(kept, name)}
        if figures and hasattr(module, "plot"):
            picture = root / "docs" / f"{bench.name}-{short}.png"
            module.plot(figures).savefig(picture, dpi=90)
            written.append(picture)
            sections.append(f"![{_first_line(module)}](docs/{picture.name})")
    text = "\n\n".join([bench.head.rstrip(), markdown(check_bars(bench, path)), *sections]) + "\n"
    page = root / bench.page
    replace_file(page, lambda new: new.write_text(text, encoding="utf-8"))
    return [page, *written]


def _has_figures(kept, name):
    return "figures" in kept.get(name, {})


def _section(one, found):
    """Return what a measure found, below what it is."""
    parts = [inspect.cleandoc(one.function.__doc__)]
    if "failure" in found:
        parts.append(f"It failed: {found['failure']}")
    figures = found.get("figures", {})
    single = [
        {"figure": key.replace("_", " "), "value": number(value)}
        for key, value in figures.items()
        if not isinstance(value, list | dict)
    ]
    tables = [value for value in figures.values() if isinstance(value, list)]
    parts += [markdown(rows) for rows in (single, *tables) if rows]
    return "\n\n".join([*parts, f"*{_on(found)}*"])


def _on(found):
    """Return in words how long it took, and on which machine."""
    machine = found["machine"]
    versions = ", ".join(" ".join(pair) for pair in machine["versions"].items())
    card = f", {machine['graphics_card']}" if machine["graphics_card"] else ""
    return (
        f"{found['seconds']:,.0f} s on {machine['cores']} cores ({machine['processor']}), "
        f"{machine['memory_gib']:.0f} GiB{card}: {versions}."
    )


def markdown(rows):
    """Return rows, dicts with the same keys, as a table; none as no text."""
    if not rows:
        return ""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[number(value) for value in row.values()] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _first_line(module):
    return inspect.getdoc(module).partition("\n")[0].rstrip(".")
