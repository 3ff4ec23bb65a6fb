"""The export of the figures as PNG files, which an installed Chrome or Chromium draws."""

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import plotly.graph_objects as go

from sweep.errors import InputError
from sweep.reporting.page.sections import sections
from sweep.storage.study_data import StudyData

MAX_NAME_BYTES = 150  # of a figure's name in the name of its file
WIDTH, SCALE = 900, 2  # the width in layout pixels, and image pixels per layout pixel
ON_WHITE: Mapping[str, Any] = {
    "paper_bgcolor": "#ffffff",
    "plot_bgcolor": "#ffffff",
    "font": {"color": "#1d2125"},
}


class Drawing(NamedTuple):
    """A figure and its width in layout pixels."""

    figure: go.Figure
    width: int


def png(data: StudyData) -> dict[str, bytes]:
    """Return one PNG file per figure by file name, numbered in the order of the page.

    Raises:
        InputError: If kaleido is not installed, or Chrome is missing or does not start.
    """
    drawings = {
        f"{stem}.png": Drawing(figure.update_layout(ON_WHITE), WIDTH)
        for stem, figure in figures(data).items()
    }
    return drawn(drawings, "png", SCALE)


def figures(data: StudyData) -> dict[str, go.Figure]:
    """Return a copy of each figure by the stem of its file name."""
    plots = [
        plot
        for section in sections(data)
        for panel in section.panels
        for plot in panel.plots
        if plot.has_points
    ]
    return {
        f"{number:02d}-{_file_name(plot.name)}": go.Figure(plot.figure)
        for number, plot in enumerate(plots, start=1)
    }


def drawn(drawings: Mapping[str, Drawing], file_format: str, scale: int) -> dict[str, bytes]:
    """Return the drawings as files of a format, with `scale` image pixels per layout pixel.

    Raises:
        InputError: If kaleido is not installed, or Chrome is missing or does not start.
    """
    what = f"{file_format.upper()} files"
    try:
        import kaleido
        from kaleido import errors
    except ModuleNotFoundError:
        raise InputError(f"{what} require kaleido; install it with: pip install 'capsweep[png]'") from None
    page = kaleido.PageGenerator(mathjax=False)  # it would be loaded from the network
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{index}.{file_format}" for index in range(len(drawings))]
        jobs = [
            {
                "fig": drawing.figure,
                "path": path,
                "opts": {"format": file_format, "width": drawing.width, "scale": scale},
            }
            for drawing, path in zip(drawings.values(), paths, strict=True)
        ]
        try:
            kaleido.write_fig_from_object_sync(jobs, kopts={"page_generator": page})
        except errors.ChromeNotFoundError:
            raise InputError(
                f"{what} require Chrome or Chromium, and none was found on the PATH\n"
                "install one, or set the environment variable BROWSER_PATH to its program; "
                "the formats other than png, svg and pdf require no browser"
            ) from None
        except (errors.BrowserFailedError, errors.BrowserClosedError) as error:
            raise InputError(
                f"{what} require Chrome or Chromium, but it does not start: {_first_line(error)}"
            ) from None
        return {name: path.read_bytes() for name, path in zip(drawings, paths, strict=True)}


def _file_name(name: str) -> str:
    """Return a name without the characters that file names must not contain, shortened if it is long."""
    return re.sub(r"[^\w.-]+", "_", name).encode()[:MAX_NAME_BYTES].decode(errors="ignore")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
