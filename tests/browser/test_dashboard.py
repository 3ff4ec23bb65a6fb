"""Optuna's dashboard in a real browser, with a study that `sweep launch` recorded."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna_dashboard import save_note
from playwright.sync_api import Browser, Page, expect

from sweep.storage.database import connect, parse_url, upgrade
from sweep.storage.studies import create_study
from sweep.storage.study_reader import study_data
from sweep.worker.attempt_folder import dashboard_folder
from tests.browser.chromium import TIMEOUT_MS, Visit, visiting
from tests.sweep.reporting.dashboard_server import printed_link, running

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


INCLUDE = """
(path) => new Promise((done) => {
  const [frame, script] = ["iframe", "script"].map((name) => document.createElement(name));
  Object.assign(frame, { src: path });
  Object.assign(script, { src: path, onload: done, onerror: done });
  document.body.append(frame, script);
})
"""
TOKEN = "a-token-of-the-tests"
STEALING = "<script>fetch('/api/studies').then(() => document.title = 'executed')</script>"
FILES = {
    "page.html": f"<!DOCTYPE html>{STEALING}<img src=x onerror=\"document.title='executed'\">",
    "drawing.svg": "<svg xmlns='http://www.w3.org/2000/svg'><script>document.title='executed'</script></svg>",
    "page.xhtml": f"<html xmlns='http://www.w3.org/1999/xhtml'><body>{STEALING}</body></html>",
    "script.js": "document.title = 'executed'",
    "text.txt": STEALING,
}


@pytest.fixture
def hostile_storage(tmp_path: Path) -> str:
    """Create a study whose names, values, notes and files contain markup and scripts."""
    url = f"sqlite:///{tmp_path / 'hostile.db'}"
    engine = connect(parse_url(url))
    upgrade(engine)
    create_study(engine, "hostile", {}, {}, str(tmp_path / "sweeps"))
    engine.dispose()
    store = dashboard_folder(tmp_path / "sweeps" / "hostile")
    store.mkdir(parents=True)
    study = optuna.create_study(study_name="hostile", storage=url)
    trial = study.ask()
    trial.suggest_categorical(f"p{STEALING}", [STEALING, "other"])
    trial.set_user_attr(f"a{STEALING}", "<img src=x onerror=\"document.title='executed'\">")
    save_note(trial, f"{STEALING} <img src=x onerror=\"document.title='executed'\"> [x](javascript:alert(1))")
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
        upload_artifact(
            artifact_store=FileSystemArtifactStore(store),
            file_path=str(tmp_path / name),
            study_or_trial=trial,
        )
    study.tell(trial, 1.0)
    return url


def test_printed_link_opens_the_dashboard_and_is_removed_from_the_address(
    chromium: Browser, folder: Path, screenshots: Path
) -> None:
    with printed_link(folder) as (link, _process):
        address, _, query = link.partition("/?")
        token = query.removeprefix("token=")
        with visiting(chromium, link, allowed=address) as visit:
            check_pages(visit, address, token, screenshots)


def check_pages(visit: Visit, address: str, token: str, screenshots: Path) -> None:
    """Check the pages of the dashboard after its link was opened."""
    expect_text(visit.page, "shown")
    assert visit.page.url.partition("?")[0] == f"{address}/dashboard"
    assert len(token) > 40
    assert token not in visit.page.url
    assert visit.page.evaluate("document.cookie") == ""
    visit.page.get_by_text("shown").first.click()
    expect_text(visit.page, "Hyperparameter Importance")
    visit.page.goto(f"{address}/dashboard/studies/1/trials?numbers=2")
    picture = visit.page.locator("img[alt='learning_curves.svg']")
    expect(picture).to_be_visible(timeout=TIMEOUT_MS)
    assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth }") > 0
    visit.page.screenshot(path=screenshots / "dashboard-token.png")
    assert (visit.blocked, visit.errors) == ([], [])


def test_writable_dashboard_creates_a_study_with_the_token(chromium: Browser, hostile_storage: str) -> None:
    with (
        running(hostile_storage, writable=True, token=TOKEN) as address,
        visiting(chromium, f"{address}/?token={TOKEN}", allowed=address) as visit,
    ):
        visit.page.get_by_role("button", name="Create").click()
        visit.page.get_by_label("Study name").fill("mine")
        with visit.page.expect_response(lambda reply: reply.request.method == "POST") as response:
            visit.page.get_by_role("button", name="Create").last.click()
        assert response.value.status == 201


def test_page_without_the_token_explains_where_the_link_is(
    chromium: Browser, storage: str, screenshots: Path
) -> None:
    with (
        running(storage, token=TOKEN) as address,
        visiting(chromium, f"{address}/dashboard", allowed=address) as visit,
    ):
        expect_text(visit.page, "Open the link that sweep dashboard printed")
        visit.page.screenshot(path=screenshots / "dashboard-rejected.png")


def test_page_of_another_site_cannot_show_or_read_the_dashboard(
    chromium: Browser, storage: str, tmp_path: Path
) -> None:
    with running(storage) as address:
        foreign = tmp_path / "foreign.html"
        foreign.write_text(f"<iframe src='{address}/dashboard'></iframe><p>foreign</p>")
        with visiting(chromium, foreign.as_uri(), allowed="") as visit:
            visit.page.wait_for_load_state()
            assert 'id="dashboard"' not in visit.page.frames[1].content()
            script = f"fetch('{address}/api/studies').then((reply) => reply.text(), () => 'rejected')"
            assert visit.page.evaluate(script) == "rejected"
            script = f"fetch('{address}/api/studies/1', {{method: 'DELETE', mode: 'no-cors'}}).catch(() => 0)"
            visit.page.evaluate(script)
    assert len(study_data("shown", storage).trials) == 4


def test_content_of_trials_is_never_executed(
    chromium: Browser, hostile_storage: str, screenshots: Path
) -> None:
    with (
        running(hostile_storage, token=TOKEN) as address,
        visiting(chromium, f"{address}/?token={TOKEN}", allowed=address) as visit,
    ):
        page = visit.page
        page.goto(f"{address}/dashboard/studies/1/trials?numbers=0")
        expect_text(page, "page.html")
        page.screenshot(path=screenshots / "dashboard-hostile.png", full_page=True)
        assert page.title() != "executed"
        (trial,) = page.evaluate("fetch('/api/studies/1').then((reply) => reply.json())")["trials"]
        assert len(trial["artifacts"]) == len(FILES)
        prefix = f"/artifacts/1/{trial['trial_id']}"
        paths = [f"{prefix}/{artifact['artifact_id']}" for artifact in trial["artifacts"]]
        for path in paths:
            with page.expect_download() as download:  # instead of a page in the window
                page.evaluate(f"location.href = '{path}'")
            assert download.value.url == address + path
            assert page.title() != "executed"
        for path in paths:
            page.evaluate(INCLUDE, path)
            assert page.title() != "executed"
