"""`python -m notebooks.execute`: runs the notebooks here and keeps their tables, no charts (they are large)."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

HERE = Path(__file__).parent
TIMEOUT_S = 300
CHART = "application/vnd.plotly.v1+json"
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def main() -> None:
    """Write each notebook anew."""
    for file in sorted(HERE.glob("*.ipynb")):
        nbformat.write(tidy(executed(file)), file)


def executed(file: Path) -> NotebookNode:
    """A notebook as run in its own directory. Raises: nbclient's CellExecutionError."""
    book = nbformat.read(file, as_version=4)
    place = {"metadata": {"path": str(file.parent)}}
    NotebookClient(book, timeout=TIMEOUT_S, startup_timeout=TIMEOUT_S, resources=place).execute()
    return book


def tidy(book: NotebookNode) -> NotebookNode:
    """The notebook without charts, times of day, and facts about this machine."""
    book.metadata = nbformat.from_dict(KERNEL)
    for cell in book.cells:
        cell.metadata = NotebookNode()
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_chart(output)]
    return book


def is_chart(output: NotebookNode) -> bool:
    """True for the output of a chart, or of the library that draws charts."""
    data = output.get("data", {})
    return CHART in data or "plotly" in data.get("text/html", "")


if __name__ == "__main__":
    main()
