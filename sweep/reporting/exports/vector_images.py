"""The export of the figures as PDF and SVG files for one and for two columns of a paper."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import plotly.graph_objects as go

from sweep.errors import InputError
from sweep.reporting.exports.images import ON_WHITE, Drawing, drawn, figures
from sweep.storage.study_data import StudyData

VectorFormat = Literal["svg", "pdf"]

COLUMN_WIDTHS = {"single": 336, "double": 692}
"""The widths of figures for one and for two columns of a paper in layout pixels: 89 mm and 183 mm."""
HEIGHT_SHARES = {"single": 0.7, "double": 0.85}
"""The heights of figures in a paper as shares of their heights on the page."""
MIN_HEIGHT = 110  # in layout pixels; leaves room for an axis, its title and a bar
MAX_AXES = {"single": 4, "double": 10}  # of parallel coordinates
FONT_SIZE = 10  # in layout pixels of 0.75 pt, as all text in a paper
_AXIS: Mapping[str, Any] = {"title": {"font": {"size": FONT_SIZE}, "standoff": 6}, "tickfont_size": FONT_SIZE}
_COLORBAR: Mapping[str, Any] = {"title_font_size": FONT_SIZE, "tickfont_size": FONT_SIZE, "thickness": 8}
IN_PAPER: Mapping[str, Any] = {
    **ON_WHITE,
    "font": {"color": "#000000", "size": FONT_SIZE, "family": "Arial, Helvetica, sans-serif"},
    "margin_b": 50,  # Chrome cuts the lower edge off a wide page
    "title_font_size": FONT_SIZE,
}


def vector(data: StudyData, file_format: VectorFormat) -> dict[str, bytes]:
    """Return the figures as vector files by file name, for one and for two columns of a paper.

    PDF files embed their fonts. SVG files contain the outlines of the letters, so that they look the same
    where the fonts are not installed. Parallel coordinates with more axes than a column has room for are
    omitted at its width.

    Raises:
        InputError: If kaleido or, for SVG files, pdftocairo is not installed, or Chrome is missing or does
            not start.
    """
    if file_format == "svg" and shutil.which("pdftocairo") is None:
        raise InputError(
            "SVG files require pdftocairo, and none was found on the PATH\n"
            "install Poppler, for example the Debian package poppler-utils or the conda package poppler; "
            "PDF files do not require it"
        )
    drawings = {
        f"{stem}-{column}": Drawing(in_paper(figure, column), width)
        for stem, figure in figures(data).items()
        for column, width in COLUMN_WIDTHS.items()
        if _has_room(figure, column)
    }
    files = drawn(drawings, "pdf", scale=1)
    if file_format == "svg":
        files = {stem: _svg(content) for stem, content in files.items()}
    return {f"{stem}.{file_format}": content for stem, content in files.items()}


def in_paper(figure: go.Figure, column: str) -> go.Figure:
    """Return a copy of a figure with the height, font and margins of a figure in a paper."""
    height = max(MIN_HEIGHT, round(HEIGHT_SHARES[column] * figure.layout.height))
    copy = go.Figure(figure).update_layout(IN_PAPER, height=height)
    copy.update_xaxes(_AXIS).update_yaxes(_AXIS)
    copy.update_annotations(bgcolor="rgba(255, 255, 255, 0.8)")  # lines would cross the text
    for shaded in ("contour", "heatmap"):
        copy.update_traces(selector={"type": shaded}, colorbar=_COLORBAR)
    return copy


def _has_room(figure: go.Figure, column: str) -> bool:
    """Return whether a column is wide enough for the axes of a figure of parallel coordinates."""
    is_parallel = figure.layout.xaxis.side == "top" and figure.layout.yaxis.visible is False
    num_axes = len(figure.layout.xaxis.tickvals or ()) if is_parallel else 1
    return num_axes <= MAX_AXES[column]


def _svg(pdf: bytes) -> bytes:
    """Convert a page of PDF to SVG, with text as outlines."""
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "figure.pdf"), Path(folder, "figure.svg")
        source.write_bytes(pdf)
        subprocess.run(["pdftocairo", "-svg", source, target], check=True, capture_output=True)
        return target.read_bytes()
