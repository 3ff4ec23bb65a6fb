"""Optuna's dashboard in a real browser, with a study that `sweep launch` recorded."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sweep.storage.study_reader import study_data
from tests.browser.chromium import TIMEOUT_MS, Visit, visiting
from tests.sweep.reporting.dashboard_server import running

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="
MODEL = f'''
import base64


def train(params, trial):
    print("training with", params["x"])
    for epoch in range(1, 6):
        trial.report(epoch, {{"train_score": params["x"] * epoch, "val_score": params["x"] * epoch / 2}})
    if params["x"] > 0.9:
        raise RuntimeError("the model has diverged")
    (trial.folder / "reconstructions.png").write_bytes(base64.b64decode("{PNG}"))
    return {{"val_score": params["x"], "size": 10}}
'''
STUDY = """
name: shown
train: shown_model:train
metric: val_score
direction: maximize
trials: 4
space:
  x: {type: float, low: 0.0, high: 1.0}
enqueue: [{x: 0.5}, {x: 0.95}, {x: 0.7}, {x: 0.1}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Launch a study and return its working directory."""
    folder = tmp_path_factory.mktemp("dashboard")
    (folder / "shown_model.py").write_text(MODEL)
    (folder / "shown.yaml").write_text(STUDY)
    (folder / "cluster.yaml").write_text(
        "default: here\nprofiles: {here: {executor: local, poll_seconds: 0.1}}"
    )
    command = [sys.executable, "-m", "sweep", "launch", "--study", "shown.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def storage(folder: Path) -> str:
    """Return the URL of the study's database."""
    return f"sqlite:///{folder / 'sweep.db'}"


@pytest.fixture(scope="module")
def address(storage: str) -> Iterator[str]:
    """Start the read-only dashboard and return its address."""
    with running(storage) as address:
        yield address


@pytest.fixture
def visit(chromium: Browser, address: str) -> Iterator[Visit]:
    """Open the start page of the dashboard."""
    with visiting(chromium, f"{address}/dashboard", allowed=address) as visit:
        yield visit


def expect_text(page: Page, text: str) -> None:
    """Wait until a text is visible."""
    expect(page.get_by_text(text).first).to_be_visible(timeout=TIMEOUT_MS)


def test_study_page_draws_its_figures(visit: Visit, screenshots: Path) -> None:
    visit.page.get_by_text("shown").first.click()
    expect_text(visit.page, "Hyperparameter Importance")
    visit.page.wait_for_selector(".js-plotly-plot .main-svg")
    visit.page.screenshot(path=screenshots / "dashboard-study.png", full_page=True)
    assert (visit.blocked, visit.errors) == ([], [])


def test_trial_page_shows_note_attributes_and_files(visit: Visit, address: str, screenshots: Path) -> None:
    visit.page.goto(f"{address}/dashboard/studies/1/trials?numbers=2")
    expect_text(visit.page, "The best trial when it ended")
    expect_text(visit.page, "training with 0.7")
    expect_text(visit.page, "size 10")
    for name in ("learning_curves.svg", "reconstructions.png", "log.txt"):
        visit.page.get_by_text(name).first.scroll_into_view_if_needed()
        expect_text(visit.page, name)
    for name in ("learning_curves.svg", "reconstructions.png"):
        picture = visit.page.locator(f"img[alt='{name}']")
        expect(picture).to_be_visible(timeout=TIMEOUT_MS)
        assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth }") > 0
    visit.page.screenshot(path=screenshots / "dashboard-trial.png")
    assert (visit.blocked, visit.errors) == ([], [])


def test_failed_trial_shows_its_error(visit: Visit, address: str) -> None:
    visit.page.goto(f"{address}/dashboard/studies/1/trials?numbers=1")
    expect_text(visit.page, "Failed: error")
    expect_text(visit.page, "RuntimeError: the model has diverged")


def test_deletion_is_rejected_and_the_page_remains_usable(visit: Visit, storage: str) -> None:
    visit.page.get_by_role("button", name="delete study").click()
    with visit.page.expect_response(lambda reply: reply.request.method == "DELETE") as response:
        visit.page.get_by_role("button", name="Yes").click()
    assert response.value.status == 403
    expect_text(visit.page, "Failed to delete study")
    assert len(study_data("shown", storage).trials) == 4
    visit.page.reload()
    visit.page.get_by_text("shown").first.click()
    expect_text(visit.page, "Hyperparameter Importance")


def test_creation_is_rejected_and_the_page_remains_usable(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Create").click()
    visit.page.get_by_label("Study name").fill("mine")
    with visit.page.expect_response(lambda reply: reply.request.method == "POST") as response:
        visit.page.get_by_role("button", name="Create").last.click()
    assert response.value.status == 403
    visit.page.reload()
    expect_text(visit.page, "shown")
    assert visit.page.get_by_text("mine").count() == 0
