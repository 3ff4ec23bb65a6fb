"""Create the screenshots of the documentation.

    python -m tests.browser.screenshots [FOLDER]

runs two studies on this machine, writes their reports, and opens the reports and the dashboard in Chromium.
The studies are stored in FOLDER, by default a temporary one, and continued if FOLDER contains them already.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Locator, Page

from tests.browser import chromium
from tests.browser.chromium import NARROW, WIDE, visiting, wait_for_figures
from tests.sweep.reporting.dashboard_server import running

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
NUM_COLORS = 128  # enough for images without photographs
MAX_BYTES = 200_000
STUDY = """
name: digits
train: tests.browser.digits_network:train
dataset: digits
metric: val_accuracy
direction: maximize
trials: 24
parallel: 4
space:
  learning_rate: {{type: float, low: 0.001, high: 3.0, log: true}}
  momentum: {{type: float, low: 0.0, high: 0.99}}
  width: {{type: int, low: 4, high: 256, log: true}}
  weight_decay: {{type: float, low: 0.000001, high: 1.0, log: true}}
  batch_size: {{type: categorical, choices: [16, 64, 200]}}
  activation: {{type: categorical, choices: [relu, tanh, logistic]}}
fixed: {{epochs: 40}}
sampler: {{name: {sampler}, seed: 0}}
pruner: {{name: median, warmup_epochs: 10}}
failures: {{stop_after_same: 20}}
"""
TRADE_OFF = {
    "metric": "null",
    "direction": "null",
    "objectives": "[{metric: val_accuracy, direction: maximize}, "
    "{metric: train_seconds, direction: minimize}]",
    "pruner": "{name: none}",
    "fixed": "{activation: relu, momentum: 0.9, weight_decay: 0.0001, batch_size: 64}",
    "space": "{learning_rate: {type: float, low: 0.01, high: 1.0, log: true}, "
    "width: {type: int, low: 4, high: 256, log: true}, epochs: {type: int, low: 2, high: 60, log: true}}",
}
"""What makes the study one of accuracy against training time, which its epochs determine."""
CLUSTER = "default: here\nprofiles: {here: {executor: local, poll_seconds: 0.2}}\n"
SECTIONS = ("winner", "convergence", "importance", "interactions", "training", "cost", "pictures")


def main(study_folder: Path | None = None) -> None:
    """Create all screenshots and report their sizes."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary:
        folder = study_folder or Path(temporary)
        run_studies(folder)
        with chromium.running() as browser, running(f"sqlite:///{folder}/sweep.db") as address:
            capture_report(browser, folder / "report" / "digits" / "report.html")
            capture_comparison(browser, folder / "report" / "comparison.html")
            capture_trade_offs(browser, folder / "report" / "digits-trade-off" / "report.html")
            capture_dashboard(browser, address)
    for image in sorted(IMAGES.glob("*.png")):
        Image.open(image).quantize(NUM_COLORS).save(image, optimize=True)
        size = image.stat().st_size
        print(f"{image.relative_to(ROOT)}  {size / 1000:.0f} kB")
        if size > MAX_BYTES:
            sys.exit(f"error: {image.name} is larger than {MAX_BYTES / 1000:.0f} kB")


def run_studies(folder: Path) -> None:
    """Run one search with two samplers and write the reports of both studies."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cluster.yaml").write_text(CLUSTER)
    if not (folder / "tests").exists():
        (folder / "tests").symlink_to(ROOT / "tests")
    for name, sampler in (("digits", "tpe"), ("digits-random", "random")):
        (folder / "digits.yaml").write_text(STUDY.format(sampler=sampler))
        sweep(folder, "launch", "--study", "digits.yaml", "--set", f"name={name}")
    sweep(folder, "report", "--study", "digits", "--study", "digits-random", "--format", "html")
    run_trade_off(folder)


def run_trade_off(folder: Path) -> None:
    """Run the study of accuracy against training time and write its report."""
    (folder / "digits.yaml").write_text(STUDY.format(sampler="tpe"))
    name = "digits-trade-off"
    settings = [f"--set={key}={value}" for key, value in {"name": name, **TRADE_OFF}.items()]
    sweep(folder, "launch", "--study", "digits.yaml", *settings)
    sweep(folder, "report", "--study", name, "--format", "html")


def sweep(folder: Path, *arguments: str) -> None:
    """Run a `sweep` command in a folder."""
    subprocess.run([sys.executable, "-m", "sweep", *arguments], cwd=folder, check=True)


def capture_report(browser: Browser, file: Path) -> None:
    """Capture sections of a report, and the whole window in dark colors and on a phone."""
    with visiting(browser, file.as_uri(), file.as_uri()) as visit:
        wait_for_figures(visit.page)
        for section in SECTIONS:
            capture_element(visit.page.locator(f"#{section}"), f"report-{section}")
        visit.page.locator("td button").first.click()
        curves = visit.page.locator("#training .pairs").first
        curves.scroll_into_view_if_needed()
        visit.page.screenshot(path=IMAGES / "report-followed.png", clip=window_from(curves, visit.page))
    with visiting(browser, file.as_uri(), file.as_uri(), NARROW, "dark") as visit:
        wait_for_figures(visit.page)
        visit.page.screenshot(path=IMAGES / "report-phone.png")
    with visiting(browser, file.as_uri(), file.as_uri(), WIDE, "dark") as visit:
        wait_for_figures(visit.page)
        visit.page.screenshot(path=IMAGES / "report-dark.png")


def capture_trade_offs(browser: Browser, file: Path) -> None:
    """Capture the figure of the Pareto front."""
    with visiting(browser, file.as_uri(), file.as_uri()) as visit:
        wait_for_figures(visit.page)
        capture_element(visit.page.locator("#trade-offs"), "report-trade-offs")


def capture_comparison(browser: Browser, file: Path) -> None:
    """Capture the comparison of two studies."""
    with visiting(browser, file.as_uri(), file.as_uri()) as visit:
        wait_for_figures(visit.page)
        capture_element(visit.page.locator("main"), "comparison")


def capture_dashboard(browser: Browser, address: str) -> None:
    """Capture the best trial in the dashboard."""
    with visiting(browser, f"{address}/dashboard/studies/1/trials", allowed=address) as visit:
        visit.page.get_by_text("Best Trial").first.click()
        visit.page.get_by_text("learning_curves.svg").first.scroll_into_view_if_needed()
        visit.page.wait_for_function("[...document.images].every((image) => image.complete)")
        visit.page.mouse.move(700, 5)
        visit.page.wait_for_timeout(1000)  # until the animation of the click has ended
        visit.page.screenshot(path=IMAGES / "dashboard.png")


def capture_element(element: Locator, name: str) -> None:
    """Capture one element of a page."""
    box = element.evaluate(
        "(element) => { const { x, y, width, height } = element.getBoundingClientRect();"
        " return { x, y: y + scrollY, width, height } }"
    )
    element.page.screenshot(path=IMAGES / f"{name}.png", full_page=True, clip=box)


def window_from(element: Locator, page: Page) -> dict[str, float]:
    """Return the box of the window from an element down to the bottom line, which names the trial."""
    element.evaluate("(element) => element.scrollIntoView()")
    top = element.evaluate("(element) => element.getBoundingClientRect().top")
    size = page.viewport_size
    assert size is not None
    return {"x": 0, "y": max(top, 0), "width": size["width"], "height": size["height"] - max(top, 0)}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
