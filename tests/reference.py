"""The reference pages of the public API, made from its docstrings: `make reference`.

Built with pdoc, and then looked at: every public name has its place on the page of its module.
"""

import re
import sys
import warnings
from pathlib import Path

import pdoc
import pdoc.render

from tests.public_api import LISTING, PUBLIC


def build(folder: Path) -> list[str]:
    """Writes the pages; returns the public names that have no place on them."""
    pdoc.render.configure(docformat="numpy", search=True, show_source=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what cannot be read or linked
        pdoc.pdoc(*PUBLIC, output_directory=folder)
    listed = [re.split(r"[( ]", line)[0] for line in LISTING.read_text(encoding="utf-8").splitlines()]
    missing = []
    for module in PUBLIC:
        text = (folder / module.replace(".", "/")).with_suffix(".html").read_text(encoding="utf-8")
        public = {name.removeprefix(f"{module}.").split(".")[0] for name in listed if name.startswith(f"{module}.")}
        missing += [f"{module}.{name}" for name in sorted(public) if f'id="{name}"' not in text]
    return missing


if __name__ == "__main__":
    place = Path(sys.argv[1])
    if lacking := build(place):
        sys.exit(f"{len(lacking)} names of {LISTING.name} have no place in the reference: {', '.join(lacking)}")
    sys.stdout.write(f"{place / 'index.html'}\n")
