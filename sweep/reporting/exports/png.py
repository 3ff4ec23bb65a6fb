"""Each figure as a PNG file, drawn by a Chrome of this machine."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import plotly.graph_objects as go

from sweep.errors import InputError
from sweep.reporting.page.sections import sections
from sweep.storage.study_data import StudyData

WIDTH, SCALE = 900, 2  # pixels of layout, and how many to each of them
ON_WHITE = {"paper_bgcolor": "#ffffff", "plot_bgcolor": "#ffffff", "font": {"color": "#1d2125"}}


def png(data: StudyData) -> dict[str, bytes]:
    """A file a figure, numbered in the order of the page.

    Raises
    ------
    InputError
        When kaleido is not installed, or finds no Chrome, or the Chrome does not start.
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
        raise InputError("PNG files need kaleido; install it with: pip install 'capsweep[png]'") from None
    options = {"format": "png", "width": WIDTH, "scale": SCALE}
    page = kaleido.PageGenerator(mathjax=False)  # it would come from the network
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
                "PNG files need Chrome or Chromium, and there is none on the PATH\n"
                "install one, or name its program with the environment variable BROWSER_PATH; "
                "the other formats need none"
            ) from None
        except (errors.BrowserFailedError, errors.BrowserClosedError) as error:
            raise InputError(
                f"PNG files need Chrome or Chromium, and the one here does not start: {_first_line(error)}"
            ) from None
        return [path.read_bytes() for path in paths]


def _file_name(name: str) -> str:
    """A parameter may have any name; a file may not."""
    return re.sub(r"[^\w.-]+", "_", name)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
