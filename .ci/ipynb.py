"""Run notebooks in full and write each as .ipynb beside its source.

Usage: python .ci/ipynb.py notebooks/1_first_forecast.py ...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbconvert.preprocessors import ExecutePreprocessor

KERNEL = {"name": "python3", "language": "python", "display_name": "Python 3"}


def write(source: Path) -> Path:
    """Run one notebook; nothing is written where a cell fails."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = {"kernelspec": KERNEL}
    run = ExecutePreprocessor(timeout=1800, record_timing=False, coalesce_streams=True)
    run.preprocess(notebook, {"metadata": {"path": str(source.parent)}})
    # The line of progress leaves an empty place behind.
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = [out for out in cell.outputs if not _is_empty(out)]
    # Names that are the same whenever it is run, and no version of Python.
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index}"
    notebook.metadata.pop("language_info", None)
    target = source.with_suffix(".ipynb")
    nbformat.write(notebook, target)
    return target


def _is_empty(output: nbformat.NotebookNode) -> bool:
    return output.output_type == "display_data" and output.data == {"text/plain": ""}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        began = time.perf_counter()
        print(f"{write(Path(name))}: {time.perf_counter() - began:.0f} s", flush=True)
