"""Whatever the folders of trials contain, the launcher continues, and each trial has one outcome.

`INGEST_EXAMPLES=10000 pytest tests/sweep/launcher/test_ingest.py` tries more examples.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from sweep.reporting.page.page import page
from sweep.reporting.status.json_document import studies_document
from sweep.reporting.status.study_status import study_status
from sweep.states import ACTIVE_STATES, AttemptState, Cause, JobState
from sweep.storage.database import connect
from sweep.storage.studies import get_study
from sweep.storage.tables import AttemptRow, EpochRow, FinalMetricRow, TrialRow
from sweep.worker.documents import EpochReport, InvalidDocumentError
from tests.sweep.launcher.folder_contents import FolderContent, folder_contents, job_ends
from tests.sweep.launcher.harness import URL, FakeExecutor, LauncherHarness

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

NUM_EXAMPLES = int(os.environ.get("INGEST_EXAMPLES", "200"))
TRIALS_PER_STUDY = 200
"""After how many trials a new study is started, because the time of a proposal grows with their number."""
CAUSES = [cause for cause in Cause if cause is not Cause.CANCELLED]
NO_RETRIES = f"failures.retries={{{', '.join(f'{cause}: 0' for cause in CAUSES)}}}"
OPTIONS = (
    "trials=100000",
    "parallel=1",
    "sampler={name: random, seed: 0}",
    "failures.stop_after_same=100000",
    NO_RETRIES,
    "pruner={name: median}",
)


class Studies:
    """One study after the other, each with a launcher."""

    def __init__(self, workplace: Path) -> None:
        self._workplace = workplace
        self._num_trials = 0
        self.harness: LauncherHarness | None = None

    @contextmanager
    def next_trial(self) -> Iterator[LauncherHarness]:
        """Yield a harness whose launcher has just submitted a new trial, the only active one.

        If the trial fails the test, the next one belongs to a new study.
        """
        if self.harness is None or self._num_trials == TRIALS_PER_STUDY:
            self.close()
            self._num_trials = 0
            self.harness = LauncherHarness(self._workplace, FakeExecutor()).launch(*OPTIONS)
        if self._num_trials == 0:
            self.harness.step()
        self._num_trials += 1
        try:
            yield self.harness
        except BaseException:
            self.harness.close()
            self.delete()
            raise

    def close(self) -> None:
        """Read the recorded study as the reports do, and delete it."""
        if self.harness is None:
            return
        self.harness.close()
        data = self.harness.read()
        attempts = dict(zip(data.attempts["number"], data.attempts["state"].astype(str), strict=True))
        trials = dict(zip(data.trials["number"], data.trials["state"].astype(str), strict=True))
        assert len(attempts) == len(data.attempts)  # no trial was retried
        for number, state in attempts.items():
            assert trials[number] == ("running" if state in set(map(str, ACTIVE_STATES)) else state)
        engine = connect(URL)
        status = study_status(engine, get_study(engine, "toy").id, self.harness.clock.now(), num_shown=None)
        engine.dispose()
        assert studies_document([status], self.harness.clock.now())
        assert page(data)
        self.delete()

    def delete(self) -> None:
        """Delete the study."""
        Path("sweep.db").unlink()
        shutil.rmtree("sweeps")
        self.harness = None


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studies]:
    from tests.conftest import CLUSTER, MODEL, STUDY

    folder, before = tmp_path_factory.mktemp("ingest"), Path.cwd()
    (folder / "studies").mkdir()
    (folder / "toy_model.py").write_text(MODEL)
    (folder / "studies" / "toy.yaml").write_text(STUDY)
    (folder / "cluster.yaml").write_text(CLUSTER)
    os.chdir(folder)
    studies = Studies(folder)
    yield studies
    studies.close()
    os.chdir(before)


@settings(
    max_examples=NUM_EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.explicit, Phase.generate],  # a failure is reported as it was found; shrinking takes minutes
    suppress_health_check=list(HealthCheck),
)
@given(content=folder_contents, end=job_ends, is_result_early=st.booleans())
def test_no_content_of_a_folder_stops_the_study(
    studies: Studies, content: FolderContent, end: JobState, is_result_early: bool
) -> None:
    with studies.next_trial() as harness:
        check_trial(harness, content, end, is_result_early)


def check_trial(
    harness: LauncherHarness, content: FolderContent, end: JobState, is_result_early: bool
) -> None:
    executor = harness.executor
    job_id = list(executor.jobs)[-1]
    folder = executor.attempt(job_id)
    spec = folder.read_spec()
    executor.state[job_id] = JobState.RUNNING
    content.write_first(folder, spec.token)
    harness.step()
    content.write_more(folder, spec.token)
    if is_result_early:
        harness.step()
    executor.state[job_id] = end
    for _ in range(100):
        harness.step()
        attempt, trial = recorded(spec.token)
        if attempt.state not in ACTIVE_STATES:
            break
    assert attempt.state not in ACTIVE_STATES
    assert (attempt.state is AttemptState.FAILED) == (attempt.cause is not None)
    assert trial.number == spec.number
    assert attempt.gpu_seconds >= 0
    assert attempt.gpu_seconds < 2 * 3600
    if attempt.state is AttemptState.FAILED and attempt.cause == "error":
        assert attempt.error is not None or content.result is not None
    check_epochs(trial, content)
    if list(executor.jobs)[-1] == job_id:  # the next trial is submitted once the job has ended
        harness.step()
    assert list(executor.jobs)[-1] != job_id


def recorded(token: str) -> tuple[AttemptRow, TrialRow]:
    engine = connect(URL)
    with Session(engine) as session:
        row = session.execute(
            select(AttemptRow, TrialRow).join(TrialRow).where(AttemptRow.token == token)
        ).one()
    engine.dispose()
    return row[0], row[1]


def check_epochs(trial: TrialRow, content: FolderContent) -> None:
    """Check that each recorded epoch is the first valid report of it."""
    engine = connect(URL)
    with Session(engine) as session:
        rows = session.scalars(select(EpochRow).where(EpochRow.trial_id == trial.id)).all()
        finals = session.scalars(select(FinalMetricRow).where(FinalMetricRow.trial_id == trial.id)).all()
    engine.dispose()
    found: dict[int, set[str]] = {}
    for row in rows:
        assert 1 <= row.epoch < 2**31
        found.setdefault(row.epoch, set()).add(row.metric)
    first: dict[int, set[str]] = {}
    for line in content.first_lines + (content.more_lines or []):
        for part in line.splitlines():
            try:
                report = EpochReport.from_json(part)
            except InvalidDocumentError:
                continue
            if report.metrics:
                first.setdefault(report.epoch, set(report.metrics))
    for epoch, names in found.items():
        assert names == first[epoch]
    for final in finals:
        assert final.value is None or abs(final.value) <= 1.8e308
