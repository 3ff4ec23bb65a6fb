"""PNG files of the figures, drawn by a real browser."""

from playwright.sync_api import Browser

from sweep.reporting.exports.images import SCALE, WIDTH, png
from tests.sweep.reporting import synthetic_studies as studies


def test_every_figure_is_a_file_named_in_the_order_of_the_page(chromium: Browser) -> None:
    files = png(studies.kmnist())
    assert list(files)[:3] == ["01-history.png", "02-importance.png", "03-parallel_coordinates.png"]
    assert len(files) == 4 + len(studies.SPACE) + len(studies.METRICS) + 2 + 2
    for name, content in files.items():
        assert content.startswith(b"\x89PNG"), name
        assert int.from_bytes(content[16:20]) == WIDTH * SCALE, name
        assert len(content) > 20_000, name  # an empty image of this size is smaller


def test_study_without_results_has_no_files(chromium: Browser) -> None:
    assert png(studies.empty()) == {}
