"""How Sphinx builds this site: `make docs`. Nothing is fetched while it builds."""

import sys
import tomllib
from pathlib import Path

from ganaug import __version__

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "ganaug"
author = "The ganaug developers"
copyright = f"2026, {author}"
version = release = __version__
urls = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]["urls"]

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "site_extension",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "gallery/*.ipynb", "gallery/*.py"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
repository = urls["Repository"]  # site_extension: where links to files outside of docs/ lead

# --- API reference -------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # the sections of a docstring say what a parameter takes, in words
autodoc_default_options = {"members": True, "inherited-members": True}
numpydoc_show_class_members = False  # the page of a class shows its methods in full
default_role = "py:obj"

# A reference to a name of ours that is not on the site is a warning, and so an error.
# References to other packages stay plain text: to resolve them, Sphinx would need the network.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!ganaug\.).*")]

# --- Gallery -------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "image_srcset": ["2x"],
    "within_subsection_order": "site_extension.place_in_gallery",
    "ignore_repr_types": r"matplotlib\.figure|ganaug\.inspection",
    "image_scrapers": ("matplotlib", "site_extension.figures_without_pyplot"),
    "doc_module": ("ganaug",),
    "backreferences_dir": "api/backreferences",
    "reference_url": {"ganaug": None},
    "first_notebook_cell": "%matplotlib inline\n%pip install 'ganaug[demo]'",
    "parallel": True,
    "download_all_examples": False,
    "write_computation_times": False,
    "show_signature": False,
    "remove_config_comments": True,
}

# --- Pages ---------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = f"ganaug {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_sidebars = {"faq": [], "how_it_works": []}  # they have no pages below them
smartquotes = False  # what is quoted may be copied
toc_object_entries_show_parents = "hide"
html_math_renderer = "mathml"  # site_extension: browsers draw it, no script is loaded
html_theme_options = {
    "logo": {"text": "ganaug"},
    "github_url": repository,
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc", "sg_download_links"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
