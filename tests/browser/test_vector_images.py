"""SVG and PDF files of the figures, drawn by a real browser and read by Poppler."""

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from playwright.sync_api import Browser

from sweep.reporting.exports.vector_images import COLUMN_WIDTHS, vector
from tests.services import require_service
from tests.sweep.reporting import synthetic_studies as studies

PIXELS_PER_INCH = 96
RESOLUTION = 100
POINTS_PER_PIXEL = 0.75


def test_pdf_files_have_the_column_widths_and_embedded_fonts(chromium: Browser, tmp_path: Path) -> None:
    require_service("Poppler", shutil.which("pdftoppm") is not None, "poppler-utils")
    files = vector(studies.kmnist(), "pdf")
    assert list(files)[:2] == ["01-history-single.pdf", "01-history-double.pdf"]
    for column, width in COLUMN_WIDTHS.items():
        path = tmp_path / f"{column}.pdf"
        path.write_bytes(files[f"01-history-{column}.pdf"])
        fonts = _output("pdffonts", path).splitlines()[2:]
        assert fonts
        assert all(line.split()[-5:-4] == ["yes"] for line in fonts), fonts
        assert not _output("pdfimages", "-list", path).splitlines()[2:]
        subprocess.run(["pdftoppm", "-r", str(RESOLUTION), path, tmp_path / column], check=True)
        (page,) = tmp_path.glob(f"{column}-*.ppm")
        found = int(page.read_bytes().split(maxsplit=2)[1])
        assert abs(found - width * RESOLUTION / PIXELS_PER_INCH) <= 2
        assert len(set(page.read_bytes()[20:])) > 20  # the page is not blank


def test_svg_files_have_the_column_widths_and_depend_on_no_font(chromium: Browser) -> None:
    require_service("Poppler", shutil.which("pdftocairo") is not None, "poppler-utils")
    files = vector(studies.kmnist(), "svg")
    for column, width in COLUMN_WIDTHS.items():
        root = ElementTree.fromstring(files[f"01-history-{column}.svg"])
        assert abs(float(root.get("width", "0").removesuffix("pt")) - width * POINTS_PER_PIXEL) <= 1
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert "path" in tags
        assert not tags & {"text", "tspan", "image"}
    assert "03-parallel_coordinates-double.svg" in files
    assert "03-parallel_coordinates-single.svg" not in files  # its six axes do not fit


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
