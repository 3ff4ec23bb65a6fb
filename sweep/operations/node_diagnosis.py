"""A node, seen by a small job on it: the shared folder, Python and packages, the train function, the GPU."""

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
from sweep.operations.environment_differences import differences
from sweep.operations.logs import job_output
from sweep.scheduler.diagnosis import Diagnosis, failed, ok, warning
from sweep.scheduler.executor import Executor, SubmissionError
from sweep.scheduler.factory import make_executor
from sweep.scheduler.job import Job
from sweep.states import JobState, Outcome
from sweep.worker import node_probe as probe
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import Result, Start, TrialSpec
from sweep.worker.environment import installed_packages

logger = logging.getLogger(__name__)

WAIT_S = 600.0  # for a job to begin
POLL_S = 2.0
ENOUGH, NUM_ENOUGH = "enough", 50  # the file that ends the renaming, and the states to be seen before it
LATE_S = 5.0  # more than a node's clock and its disk may be apart from ours
ADVICE = {
    JobState.OUT_OF_MEMORY: "set mem_gb: TensorFlow alone takes about 1 GB",
    JobState.CANCELLED: "somebody has cancelled it; try again",
    JobState.PREEMPTED: "try again, or choose another partition",
    JobState.NODE_FAILURE: "try again, and keep away from that node with `exclude`",
}
NUM_NAMED = 6  # packages that are named


def check_node(profile: Profile, workdir: Path, code_dir: Path, study: Study | None) -> Iterator[Diagnosis]:
    """Run the probe as a job and say what it found; nothing of it is left."""
    token = secrets.token_hex(4)
    folder = workdir / f"doctor-{token}"
    attempt = AttemptFolder(folder / "attempt")
    letter = folder / "letter.txt"
    asks_gpu = profile.num_gpus > 0
    params = {
        "letter": str(letter), "enough": str(folder / ENOUGH), "asks_gpu": asks_gpu,
        "train": study and study.train,
    }  # fmt: skip
    spec = TrialSpec(
        study="doctor", number=0, attempt=1, token=token, train=f"{probe.__name__}:look_around",
        metric=probe.METRIC, params=params, seed=0, dataset=None, data_dir=None, code_dir=str(code_dir),
        threads=1,
    )  # fmt: skip
    attempt.create(spec)
    letter.write_text(token)
    executor = make_executor(profile.for_probe())
    job = Job(f"doctor-{token}.0", folder / "job", (attempt,))
    try:
        job = replace(job, id=executor.submit([job])[0])
        logger.info("a small job looks at a node: job %s; for %.0f min at most", job.id, WAIT_S / 60)
        watch = _Watch(executor, job, token)
        watch.run()
        yield from _say(watch, profile, study)
    except SubmissionError as error:
        yield failed(
            "node", f"the job that looks at it is refused: {error}", "change the profile in cluster.yaml"
        )
    finally:
        executor.cancel(job)
        executor.poll([job])  # a local job's process is taken leave of
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class _Watch:
    """Follows the probe's job, and reads the file that it renames."""

    executor: Executor
    job: Job
    token: str
    state: JobState = JobState.PENDING
    num_seen: int = 0  # different states of the renamed file
    num_broken: int = 0  # times it was torn, or not there between two states
    delay_s: float = 0.0  # the longest from its writing there to its reading here, by two clocks

    @property
    def folder(self) -> AttemptFolder:
        return self.job.attempts[0]

    def run(self) -> None:
        """Until the job has ended and its files have had time to appear, or it has waited for too long."""
        begin = time.monotonic()
        ended_at: float | None = None
        while self.result is None:
            status = self.executor.poll([self.job]).get(self.job.name)
            self._note(JobState.UNKNOWN if status is None else status.state)
            self._read_for(POLL_S)
            now = time.monotonic()
            if self.state.has_ended:
                ended_at = ended_at or now
                if now - ended_at > self.executor.settle_s:
                    return
            elif self.start is None and now - begin > WAIT_S:
                return

    @property
    def start(self) -> Start | None:
        return self.folder.read_start(self.token)

    @property
    def result(self) -> Result | None:
        return self.folder.read_result(self.token)

    def _note(self, state: JobState) -> None:
        if state is not self.state:
            logger.info("job %s: %s", self.job.id, state)
        self.state = state

    def _read_for(self, duration_s: float) -> None:
        end, count = time.monotonic() + duration_s, 0
        while time.monotonic() < end and self.result is None:
            try:
                page = json.loads((self.folder.artifacts / probe.COUNTER).read_text())
            except (FileNotFoundError, ValueError):
                self.num_broken += self.num_seen > 0
            else:
                if page["count"] != count:
                    count, self.num_seen = page["count"], self.num_seen + 1
                    self.delay_s = max(self.delay_s, abs(time.time() - page["written_at"]))
                    if self.num_seen == NUM_ENOUGH:
                        (self.job.folder.parent / ENOUGH).touch()
            time.sleep(0.01)


def _say(watch: _Watch, profile: Profile, study: Study | None) -> Iterator[Diagnosis]:
    start, result = watch.start, watch.result
    if result is None or start is None:
        yield _nothing_heard(watch)
        return
    if result.outcome is not Outcome.COMPLETE:
        yield failed(
            "node", f"on {start.host} the job failed: {_end(result.error, 1)}", "see docs/clusters.md"
        )
        return
    seen = json.loads((watch.folder.artifacts / probe.SEEN).read_text())
    yield _check_folder(watch, start, seen)
    yield from _check_python(start, profile)
    if study is not None:
        yield _check_train(study, seen["train"])
    if profile.num_gpus:
        yield _check_gpu(start, seen["tensorflow"])


def _nothing_heard(watch: _Watch) -> Diagnosis:
    if not watch.state.has_ended:
        return warning(
            "node",
            f"job {watch.job.id} is {watch.state} after {WAIT_S / 60:.0f} min, and is cancelled",
            "try again when the queue is shorter: the node was not looked at",
        )
    output = "\n".join(file.read_text(errors="replace") for file in job_output(watch.job))
    began = "began and" if watch.start is not None else "ended before it began, and"
    return failed(
        "node",
        f"job {watch.job.id} {began} left no result ({watch.state}): {_end(output)}",
        ADVICE.get(
            watch.state, "is the workdir on a disk that the nodes share? has the node's Python capsweep?"
        ),
    )


def _check_folder(watch: _Watch, start: Start, seen: Mapping[str, Any]) -> Diagnosis:
    if seen["letter"] != watch.token:
        return failed(
            "node",
            f"{start.host} does not see in time what is written here",
            "choose a workdir on a shared disk",
        )
    if watch.num_broken:
        return failed(
            "node",
            f"a file renamed on {start.host} was torn or missing here {watch.num_broken} times",
            "choose a workdir on another disk: results could be lost on this one",
        )
    if watch.delay_s > LATE_S:
        return warning(
            "node",
            f"what {start.host} writes is seen here {watch.delay_s:.0f} s later, by its clock",
            "results come late; have the clocks looked at",
        )
    if watch.num_seen == 0:
        return warning(
            "node",
            f"a file renamed on {start.host} was seen here only when it was done",
            "results may come late; try again",
        )
    found = f"{start.host} shares the workdir; a file renamed there was whole here {watch.num_seen} times"
    return ok("node", f"{found}, {watch.delay_s:.1f} s late at most")


def _check_python(start: Start, profile: Profile) -> Iterator[Diagnosis]:
    here = platform.python_version()
    if start.python.rpartition(".")[0] != here.rpartition(".")[0]:
        yield warning(
            "python", f"{start.python} on {start.host}, {here} here", "set `python` or `setup` in the profile"
        )
    else:
        yield ok("python", f"{start.python} on {start.host}, {here} here")
    differing = [
        f"{name} {here or 'missing'} here, {there or 'missing'} there"
        for name, here, there in differences(installed_packages(), start.packages)
    ]
    if differing:
        more = f" and {len(differing) - NUM_NAMED} more" if len(differing) > NUM_NAMED else ""
        yield warning(
            "packages",
            f"not the same on {start.host}: {', '.join(differing[:NUM_NAMED])}{more}",
            "install the same there, with: pip install -c constraints.txt",
        )
    else:
        yield ok("packages", f"the same {len(start.packages)} on {start.host} as here")


def _check_train(study: Study, error: str | None) -> Diagnosis:
    if error is not None:
        return failed(
            "train", f"{study.train} does not import on the node: {error}", "install what it needs there"
        )
    return ok("train", f"{study.train} imports on the node")


def _check_gpu(start: Start, found: Mapping[str, Any]) -> Diagnosis:
    if "error" in found:
        return warning(
            "GPU",
            f"{start.gpu or 'none'}; TensorFlow does not start on {start.host}: {found['error']}",
            "install it there, with: pip install 'capsweep[gpu]'; or ignore this if your model needs none",
        )
    if start.gpu is None or not found["gpus"]:
        return failed(
            "GPU",
            f"TensorFlow {found['version']} sees none on {start.host}; the job has {start.gpu or 'none'}",
            "have the driver looked at; install TensorFlow for GPUs: pip install 'capsweep[gpu]'",
        )
    return ok("GPU", f"{start.gpu}; TensorFlow {found['version']} sees {len(found['gpus'])}")


def _end(text: str | None, num_lines: int = 2) -> str:
    lines = (text or "").strip().splitlines()
    return "; ".join(line.strip() for line in lines[-num_lines:]) or "it said nothing"
