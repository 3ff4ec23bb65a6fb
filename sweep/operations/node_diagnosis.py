"""The checks of a node by a small job that runs there.

The job checks the shared folder, Python and its packages, the train function, the GPUs, and what the study's
`check_node` function checks.
"""

import json
import logging
import platform
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweep.definition.profile import Profile
from sweep.definition.study import Study
from sweep.launcher.trial_spec import build_spec
from sweep.operations.environment_differences import differences
from sweep.operations.private_folder import check_workdir, make_private
from sweep.scheduler.diagnosis import Diagnosis, failed, ok, warning
from sweep.scheduler.executor import Executor, SubmissionError
from sweep.scheduler.factory import make_executor
from sweep.scheduler.job import Job, output_files
from sweep.states import JobState, Outcome
from sweep.worker import node_probe
from sweep.worker.attempt_folder import AttemptFolder, jobs_folder
from sweep.worker.documents import Result, Start, TrialSpec
from sweep.worker.environment import installed_packages

logger = logging.getLogger(__name__)

MAX_WAIT_S = 600.0  # for the job to start
POLL_S = 2.0
NUM_STATES_ENOUGH = 50  # states of the replaced file to observe before the job may end
MAX_DELAY_S = 5.0  # larger than what the clocks and the disks of two machines usually differ by
MAX_PACKAGES_NAMED = 6
ADVICE = {
    JobState.OUT_OF_MEMORY: "increase mem_gb in the profile",
    JobState.CANCELLED: "the job was cancelled; run the check again",
    JobState.PREEMPTED: "run the check again, or choose another partition",
    JobState.NODE_FAILURE: "run the check again, and exclude that node with `exclude` in the profile",
}


def diagnose_node(
    profile: Profile, workdir: Path, code_dir: Path, study: Study | None
) -> Iterator[Diagnosis]:
    """Run the probe as a job, and yield its findings. Finally, delete its files and cancel its job.

    Args:
        profile: Where the job runs.
        workdir: The folder in which trial folders are created.
        code_dir: The folder that the study's functions are imported from.
        study: The study whose functions are checked; None checks only what holds for every study.
    """
    token = secrets.token_hex(4)
    folder = workdir / f"doctor-{token}"
    check_workdir(workdir)
    make_private(folder)
    attempt = AttemptFolder(folder / "attempt")
    shared_file, stop_file = folder / "shared.txt", folder / "stop"
    attempt.create(_spec(token, profile, code_dir, study, shared_file, stop_file))
    shared_file.write_text(token)
    executor = make_executor(profile.for_probe())
    job = Job(f"doctor-{token}.0", jobs_folder(folder) / "probe", (attempt,))
    try:
        job = replace(job, id=executor.submit([job])[0])
        logger.info("job %s checks a node; waiting for at most %.0f min", job.id, MAX_WAIT_S / 60)
        probe = _ProbeJob(executor, job, token, stop_file)
        probe.follow()
        yield from _checks(probe, profile, study)
    except SubmissionError as error:
        yield failed(
            "node", f"the job that checks it was rejected: {error}", "correct the profile in cluster.yaml"
        )
    finally:
        executor.cancel(job)
        executor.poll([job])  # reaps the process of a local job
        shutil.rmtree(folder, ignore_errors=True)


def _spec(
    token: str, profile: Profile, code_dir: Path, study: Study | None, shared_file: Path, stop_file: Path
) -> TrialSpec:
    params = {
        "shared_file": str(shared_file),
        "stop_file": str(stop_file),
        "num_gpus": profile.num_gpus,
        "train": study and study.function,
        "check_node": study and study.check_node,
    }
    probe = Study(
        name="doctor",
        train=f"{node_probe.__name__}:probe",
        metric=node_probe.METRIC,
        direction="maximize",
        trials=1,
    )
    return build_spec(probe, number=0, params=params, seed=0, token=token, code_dir=code_dir, threads=1)


@dataclass
class _ProbeJob:
    """The probe's job, and what is observed of the file that it replaces.

    Attributes:
        executor: Where the job runs.
        job: The job.
        token: The token of its attempt.
        stop_file: The file that ends the replacements.
        state: The job's last known state.
        num_states: How many different states of the file were observed.
        num_broken: How often the file was incomplete, or missing between two states.
        delay_s: The longest time from writing the file on the node to reading it here, by two clocks.
    """

    executor: Executor
    job: Job
    token: str
    stop_file: Path
    state: JobState = JobState.PENDING
    num_states: int = 0
    num_broken: int = 0
    delay_s: float = 0.0

    @property
    def folder(self) -> AttemptFolder:
        return self.job.attempts[0]

    @property
    def start(self) -> Start | None:
        return self.folder.read_start(self.token)

    @property
    def result(self) -> Result | None:
        return self.folder.read_result(self.token)

    def follow(self) -> None:
        """Observe the job until its result is visible, it ended without one, or it waited too long."""
        submitted_at = time.monotonic()
        ended_at: float | None = None
        while self.result is None:
            status = self.executor.poll([self.job]).get(self.job.name)
            self._set_state(JobState.UNKNOWN if status is None else status.state)
            self._read_for(POLL_S)
            now = time.monotonic()
            if self.state.has_ended:
                ended_at = ended_at or now
                if now - ended_at > self.executor.settle_s:
                    return
            elif self.start is None and now - submitted_at > MAX_WAIT_S:
                return

    def _set_state(self, state: JobState) -> None:
        if state is not self.state:
            logger.info("job %s: %s", self.job.id, state)
        self.state = state

    def _read_for(self, duration_s: float) -> None:
        """Read the replaced file repeatedly."""
        end, count = time.monotonic() + duration_s, 0
        while time.monotonic() < end and self.result is None:
            try:
                content = json.loads((self.folder.artifacts / node_probe.COUNTER).read_text())
            except (FileNotFoundError, ValueError):
                self.num_broken += self.num_states > 0
            else:
                if content["count"] != count:
                    count, self.num_states = content["count"], self.num_states + 1
                    self.delay_s = max(self.delay_s, abs(time.time() - content["written_at"]))
                    if self.num_states == NUM_STATES_ENOUGH:
                        self.stop_file.touch()
            time.sleep(0.01)


def _checks(probe: _ProbeJob, profile: Profile, study: Study | None) -> Iterator[Diagnosis]:
    start, result = probe.start, probe.result
    if result is None or start is None:
        yield _check_without_result(probe)
        return
    if result.outcome is not Outcome.COMPLETE:
        yield failed(
            "node", f"the job failed on {start.host}: {_last_lines(result.error, 1)}", "see docs/clusters.md"
        )
        return
    findings = json.loads((probe.folder.artifacts / node_probe.FINDINGS).read_text())
    yield _check_folder(probe, start, findings["shared_text"])
    if profile.runs_in_launcher_environment:
        yield from _check_python(start)
    else:
        yield ok("python", f"{start.python} on {start.host}, with {len(start.packages)} packages of its own")
    if study is not None:
        yield _check_train(study, start, findings["train_error"])
    if profile.num_gpus:
        yield _check_gpus(start, profile.num_gpus)
    if study is not None and study.check_node is not None:
        yield _check_study_on_node(study, start, findings["node_check"])


def _check_without_result(probe: _ProbeJob) -> Diagnosis:
    if not probe.state.has_ended:
        return warning(
            "node",
            f"job {probe.job.id} is still {probe.state} after {MAX_WAIT_S / 60:.0f} min, and is cancelled; "
            "the node was not checked",
            "run the check again when the queue is shorter",
        )
    output = "\n".join(file.read_text(errors="replace") for file in output_files(probe.job))
    began = "started, and ended" if probe.start is not None else "ended before its attempt started,"
    return failed(
        "node",
        f"job {probe.job.id} {began} without a result ({probe.state}): {_last_lines(output)}",
        ADVICE.get(
            probe.state,
            "check that the nodes share the workdir, and that capsweep is installed for their Python",
        ),
    )


def _check_folder(probe: _ProbeJob, start: Start, shared_text: str | None) -> Diagnosis:
    if shared_text != probe.token:
        return failed(
            "node",
            f"{start.host} does not see a file that was just written here",
            "choose a workdir on a disk that the nodes share",
        )
    if probe.num_broken:
        return failed(
            "node",
            f"a file that {start.host} replaced was incomplete or missing here {probe.num_broken} times",
            "choose a workdir on another disk, because this one could lose results",
        )
    if probe.delay_s > MAX_DELAY_S:
        return warning(
            "node",
            f"a file that {start.host} wrote was visible here {probe.delay_s:.0f} s later, by its clock",
            "results arrive late; check that the clocks are synchronized",
        )
    if probe.num_states == 0:
        return warning(
            "node",
            f"a file that {start.host} replaced was visible here only after the job had ended",
            "results may arrive late; run the check again",
        )
    return ok(
        "node",
        f"{start.host} shares the workdir; a file replaced there was complete here {probe.num_states} times, "
        f"at most {probe.delay_s:.1f} s later",
    )


def _check_python(start: Start) -> Iterator[Diagnosis]:
    here = platform.python_version()
    if start.python.rpartition(".")[0] != here.rpartition(".")[0]:
        yield warning(
            "python", f"{start.python} on {start.host}, {here} here", "set `python` or `setup` in the profile"
        )
    else:
        yield ok("python", f"{start.python} on {start.host}, {here} here")
    differing = [
        f"{difference.name} {difference.before or 'missing'} here, {difference.now or 'missing'} there"
        for difference in differences(installed_packages(), start.packages)
    ]
    if differing:
        num_more = len(differing) - MAX_PACKAGES_NAMED
        more = f" and {num_more} more" if num_more > 0 else ""
        yield warning(
            "packages",
            f"they differ on {start.host}: {', '.join(differing[:MAX_PACKAGES_NAMED])}{more}",
            "install the same versions there, with: pip install -c constraints.txt",
        )
    else:
        yield ok("packages", f"the same {len(start.packages)} on {start.host} as here")


def _check_train(study: Study, start: Start, error: str | None) -> Diagnosis:
    if error is not None:
        return failed(
            "train",
            f"{study.function} cannot be imported on {start.host}: {error}",
            "install what it needs there",
        )
    return ok("train", f"{study.function} can be imported on {start.host}")


def _check_gpus(start: Start, num_gpus: int) -> Diagnosis:
    num_visible = len(start.gpu.split(",")) if start.gpu else 0
    if num_visible < num_gpus:
        return failed(
            "GPU",
            f"the profile requests {num_gpus}, but the job on {start.host} sees {start.gpu or 'none'}",
            "check the profile's `gres`, and the driver on the node",
        )
    return ok("GPU", f"the job on {start.host} sees {num_visible}: {start.gpu}")


def _check_study_on_node(study: Study, start: Start, found: Mapping[str, Any]) -> Diagnosis:
    if "error" in found:
        return failed(
            "check_node",
            f"{study.check_node} fails on {start.host}: {found['error']}",
            "install there what trials need",
        )
    return ok("check_node", f"{found['text']} on {start.host}")


def _last_lines(text: str | None, num_lines: int = 2) -> str:
    lines = (text or "").strip().splitlines()
    return "; ".join(line.strip() for line in lines[-num_lines:]) or "it printed nothing"
