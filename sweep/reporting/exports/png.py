"""The export of the figures as PNG files, which an installed Chrome or Chromium draws."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import plotly.graph_objects as go

from sweep.errors import InputError
from sweep.reporting.page.sections import sections
from sweep.storage.study_data import StudyData

MAX_NAME_BYTES = 150  # of a figure's name in the name of its file
WIDTH, SCALE = 900, 2  # the width in layout pixels, and image pixels per layout pixel
ON_WHITE = {"paper_bgcolor": "#ffffff", "plot_bgcolor": "#ffffff", "font": {"color": "#1d2125"}}


def png(data: StudyData) -> dict[str, bytes]:
    """Return one PNG file per figure by file name, numbered in the order of the page.

    Raises:
        InputError: If kaleido is not installed, or Chrome is missing or does not start.
    """
    plots = [
        plot
        for section in sections(data)
        for panel in section.panels
        for plot in panel.plots
        if plot.has_points
    ]
    files = [f"{number:02d}-{_file_name(plot.name)}.png" for number, plot in enumerate(plots, start=1)]
    figures = [go.Figure(plot.figure).update_layout(ON_WHITE) for plot in plots]
    return dict(zip(files, _drawn(figures), strict=True))


def _drawn(figures: list[go.Figure]) -> list[bytes]:
    try:
        import kaleido
        from kaleido import errors
    except ModuleNotFoundError:
        raise InputError("PNG files require kaleido; install it with: pip install 'capsweep[png]'") from None
    options = {"format": "png", "width": WIDTH, "scale": SCALE}
    page = kaleido.PageGenerator(mathjax=False)  # it would be loaded from the network
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{index}.png" for index in range(len(figures))]
        jobs = [
            {"fig": figure, "path": path, "opts": options}
            for figure, path in zip(figures, paths, strict=True)
        ]
        try:
            kaleido.write_fig_from_object_sync(jobs, kopts={"page_generator": page})
        except errors.ChromeNotFoundError:
            raise InputError(
                "PNG files require Chrome or Chromium, and none was found on the PATH\n"
                "install one, or set the environment variable BROWSER_PATH to its program; "
                "the other formats require no browser"
            ) from None
        except (errors.BrowserFailedError, errors.BrowserClosedError) as error:
            raise InputError(
                f"PNG files require Chrome or Chromium, but it does not start: {_first_line(error)}"
            ) from None
        return [path.read_bytes() for path in paths]


def _file_name(name: str) -> str:
    """Return a name without the characters that file names must not contain, shortened if it is long."""
    return re.sub(r"[^\w.-]+", "_", name).encode()[:MAX_NAME_BYTES].decode(errors="ignore")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
