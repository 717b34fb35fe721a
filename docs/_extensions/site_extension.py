"""What this site needs of Sphinx beyond ready-made extensions."""

import inspect
import os
import re
import weakref
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature
from sphinx_gallery.scrapers import figure_rst

LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)")
INITIAL = re.compile(r"(?<=\] )([A-Z]\. )")
#: The examples in the order in which one would read them.
GALLERY = [
    "plot_first_augmentation.py",
    "plot_compare.py",
    "plot_real_and_synthetic.py",
    "plot_how_many_rows.py",
    "plot_calibrated_probabilities.py",
    "plot_one_small_model.py",
    "plot_replace_smote.py",
    "plot_mixed_columns.py",
    "plot_rare_digit.py",
    "plot_grid_search.py",
    "plot_mlflow.py",
]
FIGURES_SHOWN: weakref.WeakSet[Figure] = weakref.WeakSet()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what the settings of the gallery do not name."""
    app.add_config_value("repository", "", "env")
    app.connect("source-read", link_page)
    app.connect("include-read", link_included_file)
    app.connect("autodoc-skip-member", skip_methods_of_others)
    app.connect("autodoc-process-signature", sign_with_init)
    app.connect("autodoc-process-docstring", escape_initials, priority=600)  # after numpydoc
    app.add_html_math_renderer("mathml", (write_math, None), (write_math, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def link_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Mend the links of a page in Markdown."""
    path = app.env.doc2path(page)
    if path.suffix == ".md":
        source[0] = mend_links(source[0], app, path.parent, path.parent)


def link_included_file(app: Sphinx, file: Path, page: str, source: list[str]) -> None:
    """Mend the links of a file in Markdown that a page includes, such as the changelog."""
    source[0] = mend_links(source[0], app, (app.srcdir / file).resolve().parent, app.srcdir)


def mend_links(text: str, app: Sphinx, folder: Path, folder_of_page: Path) -> str:
    """Return text whose links lead where they lead on GitHub, seen from the folder of the page.

    A file that a page includes leads to that page. Any other file outside of docs leads to GitHub.
    """
    docs, root = app.srcdir, app.srcdir.parent

    def mend(link: re.Match[str]) -> str:
        target = (folder / link[0]).resolve()
        if not target.exists() or not target.is_relative_to(root):
            return link[0]  # MyST warns of it
        page = docs / target.name.lower()
        if target.parent == root and page.exists():
            target = page
        if target.is_relative_to(docs):
            return os.path.relpath(target, folder_of_page)
        return f"{app.config.repository}/blob/main/{target.relative_to(root).as_posix()}"

    return LINK.sub(mend, text)


def skip_methods_of_others(
    app: Sphinx, kind: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out methods that a class has from scikit-learn, torch or tuple."""
    if not callable(member):
        return None
    home = getattr(inspect.unwrap(member), "__module__", None) or ""
    return None if home.startswith("ganaug") else True


def sign_with_init(
    app: Sphinx, kind: str, name: str, member: Any, options: Any, arguments: str, returns: str
) -> tuple[str, None] | None:
    """Return the signature of a class by its `__init__`, where Sphinx prefers a `__new__`."""
    if kind != "class" or member.__new__ is object.__new__:
        return None
    return stringify_signature(inspect.signature(member), show_annotation=False), None


def escape_initials(
    app: Sphinx, kind: str, name: str, member: Any, options: Any, lines: list[str]
) -> None:
    """Escape the initial of an author that a reference begins with, or it numbers a list."""
    for i, line in enumerate(lines):
        if line.startswith(".. ["):
            lines[i] = INITIAL.sub(r"\\\1", line, count=1)


def write_math(translator: Any, node: nodes.Element) -> None:
    """Write a formula as MathML, so that a page loads no script to show it."""
    translator.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def figures_without_pyplot(block: Any, block_vars: dict[str, Any], gallery_conf: Any) -> str:
    """Save the figure that a block ends with, as a notebook shows it; for sphinx-gallery.

    Its own scraper finds the figures of pyplot only, and ours are drawn without it.
    """
    figure = block_vars["example_globals"].get("___")
    if not isinstance(figure, Figure) or figure.canvas.manager or figure in FIGURES_SHOWN:
        return ""
    FIGURES_SHOWN.add(figure)
    path = Path(next(block_vars["image_path_iterator"]))
    sharp = path.with_name(f"{path.stem}_2_00x.png")
    figure.savefig(path, dpi=100)
    figure.savefig(sharp, dpi=200)
    paths = {0: os.fspath(path), 2.0: os.fspath(sharp)}
    return figure_rst([os.fspath(path)], gallery_conf["src_dir"], srcsetpaths=[paths])


def place_in_gallery(name: str) -> int:
    """Return the place of an example; for sphinx-gallery."""
    return GALLERY.index(name)
