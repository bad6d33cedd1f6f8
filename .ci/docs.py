"""Write the site of the documentation: README, notebooks and the reference of every public name.

Usage: python .ci/docs.py build/docs
"""

from __future__ import annotations

import re
import shutil
import sys
import warnings
from pathlib import Path
from string import Template

import nbformat
import pdoc
from markdown_it import MarkdownIt
from mdit_py_plugins.anchors import anchors_plugin
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

TOP = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "bayes_scaling/laws/README.md",
    "bayes_scaling/datasets/README.md",
    *(path.relative_to(TOP).as_posix() for path in sorted(TOP.glob("docs/*.md"))),
)
ROOMS = (
    "runs",
    "datasets",
    "formula",
    "laws",
    "posterior",
    "questions",
    "validation",
    "figures",
    "reports",
)
MODULES = ("bayes_scaling", *(f"bayes_scaling.{room}" for room in ROOMS),
           "bayes_scaling.intervals", "bayes_scaling.scores", "bayes_scaling.errors")  # fmt: skip
PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>$title</title>
<style>
body { font: 16px/1.55 system-ui, sans-serif; color: #1f2328; max-width: 54rem;
       margin: 0 auto; padding: 1rem; }
nav { border-bottom: 1px solid #d8dee4; padding-bottom: .6rem; }
nav a { margin-right: 1rem; }
pre { background: #f6f8fa; padding: .8rem; overflow-x: auto; font-size: 13px; }
code { font-size: 90%; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #d8dee4; padding: .3rem .6rem; text-align: left; vertical-align: top; }
img { max-width: 100%; }
a { color: #0a58a6; }
$code
</style></head>
<body><nav><a href="${root}index.html">Start</a><a href="${root}notebooks/index.html">Notebooks</a>
<a href="${root}reference/index.html">Reference</a><a href="${root}CHANGELOG.html">Changes</a></nav>
<main>$body</main></body></html>
""")


def main(out: Path) -> None:
    """Write the site into a folder, which is made anew."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    shutil.copytree(TOP / ".github", out / ".github")
    for name in PAGES:
        write_page(out, Path(name))
    titles = [write_notebook(out, path) for path in sorted((TOP / "notebooks").glob("*.ipynb"))]
    body = "<h1>Notebooks</h1><ul>" + "".join(titles) + "</ul>"
    write(out / "notebooks" / "index.html", "Notebooks", body, root="../")
    write_reference(out / "reference")
    broken = broken_links(out)
    if broken:
        sys.exit("links to nowhere:\n" + "\n".join(broken))
    print(f"wrote {out / 'index.html'}")


def write(target: Path, title: str, body: str, *, root: str) -> None:
    """Write a page; `root` leads from it to the top of the site."""
    target.parent.mkdir(parents=True, exist_ok=True)
    code = HtmlFormatter(style="default").get_style_defs(".highlight")
    page = PAGE.substitute(title=title, root=root, body=body, code=code)
    target.write_text(page, encoding="utf-8")


def write_page(out: Path, name: Path) -> None:
    """Write a Markdown file as a page at the same place; README.md of the top is the start."""
    text = (TOP / name).read_text(encoding="utf-8")
    text = re.sub(r"\]\((?!https?:)([^)#]+)\.md(#[^)]*)?\)", r"](\1.html\2)", text)
    text = re.sub(r"\]\(([^)]*notebooks/[^)]+)\.ipynb\)", r"](\1.html)", text)
    text = text.replace("](notebooks)", "](notebooks/index.html)")
    text = text.replace("](../README.html)", "](../index.html)")
    target = out / ("index.html" if name == Path("README.md") else name.with_suffix(".html"))
    body = MarkdownIt("commonmark").enable("table").use(anchors_plugin, max_level=4).render(text)
    root = "../" * (len(name.parts) - 1)
    title = text.lstrip().splitlines()[0].lstrip("# ")
    write(target, title, body, root=root)


def write_notebook(out: Path, path: Path) -> str:
    """Write an executed notebook as a page, and return its line in the list."""
    notebook = nbformat.read(path, as_version=4)
    exporter = HTMLExporter(template_name="basic", anchor_link_text="")
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    body, _ = exporter.from_notebook_node(notebook)
    title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
    target = out / "notebooks" / path.with_suffix(".html").name
    write(target, title, body, root="../")
    return f'<li><a href="{target.name}">{title}</a></li>'


def write_reference(out: Path) -> None:
    """Write the reference of the public names from their docstrings."""
    pdoc.render.configure(docformat="numpy", footer_text="bayes-scaling", show_source=True)
    # Rooms say what is public; the files inside them are not documented by themselves.
    # Types that are imported for type checkers only stay as they are written.
    warnings.filterwarnings("ignore", module=r"pdoc\.")
    pdoc.pdoc(*MODULES, r"!bayes_scaling\..+\..+", r"!bayes_scaling\.(commands|cli|files)",
              output_directory=out)  # fmt: skip


def broken_links(out: Path) -> list[str]:
    """Return links of our own pages that lead to no file, or to no heading of one."""
    pages = [
        *out.glob("*.html"),
        *out.glob("docs/*.html"),
        *out.glob("bayes_scaling/*/*.html"),
        out / "notebooks/index.html",
    ]
    texts = {page: page.read_text(encoding="utf-8") for page in pages}
    found = []
    for page, text in texts.items():
        for link in re.findall(r'(?:href|src)="([^"]+)', text):
            name, _, heading = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            lost = heading and target in texts and f'id="{heading}"' not in texts[target]
            if not re.match(r"[a-z]+:", link) and (lost or not target.exists()):
                found.append(f"{page.relative_to(out)}: {link}")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
