"""Tests of running the command of a trial, with real scripts."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sweep.states import Cause, Outcome
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.command import CommandEnd, KilledBySignal, judge
from sweep.worker.command_output import CommandOutput
from sweep.worker.documents import CommandSpec, Result, TrialSpec
from sweep.worker.processes import descendants
from tests.sweep.worker.attempts import create_attempt, run

PATTERNS = {"epoch": r"Epoch (\d+)", "score": r"score (\S+)"}


def command_attempt(
    workplace: Path, script: str, arguments: tuple[str, ...] = (), *, attempt: int = 1, **command: Any
) -> AttemptFolder:
    """Create an attempt whose command is a Python script with this content."""
    (workplace / "script.py").write_text(script)
    earlier = tuple(
        str(workplace / "sweeps" / "toy" / "00000" / f"attempt-{number}-t{number}")
        for number in range(attempt - 1, 0, -1)
    )
    folder = create_attempt(workplace, attempt, earlier)
    words = (sys.executable, "script.py", *arguments)
    spec = CommandSpec(**{"words": words, "stdout": PATTERNS, **command})
    folder.create(dataclasses.replace(folder.read_spec(), train="", command=spec, data_dir="/data"))
    return folder


def run_script(workplace: Path, script: str, arguments: tuple[str, ...] = (), **command: Any) -> Result:
    return run(command_attempt(workplace, script, arguments, **command))


def test_specification_with_a_command_is_stored_and_read(workplace: Path) -> None:
    folder = command_attempt(workplace, "", env={"A": "1"}, file="{folder}/log.csv")
    spec = folder.read_spec()
    assert TrialSpec.from_json(spec.to_json()) == spec
    old = {key: value for key, value in json.loads(spec.to_json()).items() if key != "command"}
    assert TrialSpec.from_json(json.dumps(old)).command is None


def test_epochs_and_the_last_metrics_are_reported(workplace: Path) -> None:
    script = "for epoch in range(3): print(f'Epoch {epoch}'); print(f'score {epoch / 2}')"
    folder = command_attempt(workplace, script)
    result = run(folder)
    assert (result.outcome, result.metrics) == (Outcome.COMPLETE, {"score": 1.0})
    reports = [(report.epoch, report.metrics["score"]) for report in folder.read_all_epochs()]
    assert reports == [(1, 0.0), (2, 0.5), (3, 1.0)]


def test_values_of_the_attempt_are_arguments_and_variables(workplace: Path) -> None:
    script = """
import json, os, sys
values = {name: value for name, value in os.environ.items() if name.startswith("SWEEP_")}
values.update(own=os.environ["OWN"], arguments=sys.argv[1:], folder=os.getcwd())
print("score 1", json.dumps(values))
"""
    folder = command_attempt(
        workplace, script, ("{study}-{trial}-{attempt}-{seed}", "{folder}", "{{x}}"), env={"OWN": "<{trial}>"}
    )
    assert run(folder).outcome is Outcome.COMPLETE
    values = json.loads(folder.read_log(100_000).splitlines()[-1][len("score 1 ") :])
    assert values["arguments"] == ["toy-0-1-7", str(folder.artifacts), "{x}"]
    assert (values["own"], values["folder"]) == ("<0>", str(workplace))
    assert (values["SWEEP_STUDY"], values["SWEEP_TRIAL"], values["SWEEP_ATTEMPT"]) == ("toy", "0", "1")
    assert (values["SWEEP_SEED"], values["SWEEP_DATA_DIR"]) == ("7", "/data")
    assert values["SWEEP_CHECKPOINT_DIR"] == str(folder.checkpoints)
    assert json.loads(Path(values["SWEEP_PARAMS_FILE"]).read_text()) == {"x": 0.5, "ledger": "ledger.txt"}


def test_metrics_are_read_from_a_file_and_from_sweep_metrics(workplace: Path) -> None:
    script = """
import json, os, sys
with open(os.environ["SWEEP_METRICS"], "a") as file:
    file.write(json.dumps({"epoch": 1, "loss": 3}) + "\\n")
    file.write(json.dumps({"size": 5}))
with open(sys.argv[1], "w") as file:
    file.write("epoch,score\\n0,0.1\\n1,0.2\\n")
"""
    folder = command_attempt(workplace, script, ("{folder}/log.csv",), stdout={}, file="{folder}/log.csv")
    result = run(folder)
    assert result.metrics == {"score": 0.2, "loss": 3.0, "size": 5.0}
    assert [report.epoch for report in folder.read_all_epochs()] == [1, 2]


def test_missing_objective_is_explained(workplace: Path) -> None:
    result = run_script(
        workplace, "print('loss 3')", stdout={**PATTERNS, "loss": r"loss (\d)"}, file="no.csv"
    )
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.ERROR)
    assert result.error == (
        "the command ended with exit code 0, but the study's metric 'score' was not found; metrics that were "
        r"found: loss; sources: the pattern 'Epoch (\\d+)' for epoch, the pattern 'score (\\S+)' for score, "
        r"the pattern 'loss (\\d)' for loss, "
        f"the file {workplace}/no.csv, which does not exist, the file that SWEEP_METRICS names"
    )


def test_objective_must_not_be_nan(workplace: Path) -> None:
    assert run_script(workplace, "print('score nan')").error == "the study's metric 'score' is nan"


def test_exit_code_fails_the_trial_with_the_end_of_stderr(workplace: Path) -> None:
    script = "import argparse; p = argparse.ArgumentParser(); p.add_argument('--lr'); p.parse_args()"
    result = run_script(workplace, f"print('Epoch 1')\n{script}", ("--lrr", "3"))
    assert (result.cause, result.exit_status) == (Cause.ERROR, "exit code 2")
    lines = str(result.error).splitlines()
    assert lines[0] == "the last lines of its stderr:"
    assert lines[-2:] == [
        "script.py: error: unrecognized arguments: --lrr 3",
        "the command ended with exit code 2: script.py: error: unrecognized arguments: --lrr 3",
    ]


def test_log_is_quoted_if_stderr_is_empty(workplace: Path) -> None:
    result = run_script(workplace, "import os; print('no such data', flush=True); os._exit(3)")
    assert str(result.error).splitlines()[0] == "the last lines of its log:"
    assert str(result.error).splitlines()[-2:] == [
        "no such data",
        "the command ended with exit code 3: no such data",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
        "MemoryError",
        "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor",
        "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=1.0",
    ],
)
def test_exhausted_memory_is_recognized(workplace: Path, text: str) -> None:
    result = run_script(workplace, f"import sys; sys.exit({text!r})")
    assert result.cause is Cause.OUT_OF_MEMORY


def test_signal_is_part_of_the_error(workplace: Path) -> None:
    result = run_script(workplace, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert (result.cause, result.exit_status) == (Cause.ERROR, "signal SIGSEGV")
    assert str(result.error).splitlines()[-1] == (
        "the command was ended by signal SIGSEGV (Segmentation fault)"
    )


@pytest.mark.parametrize("returncode", [-9, -15, 137, 143])
def test_signal_that_ends_jobs_is_left_to_the_scheduler(workplace: Path, returncode: int) -> None:
    spec = command_attempt(workplace, "").read_spec()
    assert spec.command is not None
    with pytest.raises(KilledBySignal) as caught:
        judge(spec, spec.command, CommandEnd(returncode, None, {}, []), list)
    assert caught.value.number in {signal.SIGKILL, signal.SIGTERM}
    end = CommandEnd(returncode, None, {}, ["MemoryError"])
    assert judge(spec, spec.command, end, list).cause is Cause.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("no-such-program", "there is no program 'no-such-program' in PATH ("),
        ("./no/program", "there is no program './no/program' in the working directory"),
        ("./script.py", "./script.py: Permission denied"),
    ],
)
def test_program_that_cannot_be_started_is_a_launch_failure(
    workplace: Path, program: str, message: str
) -> None:
    result = run_script(workplace, "", words=(program,))
    assert result.cause is Cause.LAUNCH_FAILURE
    assert message in str(result.error)


def stop_after_first_epoch(folder: AttemptFolder) -> None:
    while not folder.read_all_epochs():
        time.sleep(0.02)
    folder.request_stop(Outcome.PRUNED)


WAITING = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
open("child", "w").write(str(child.pid))
print("Epoch 1\\nscore 0.5\\nEpoch 2", flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("is_stubborn", [False, True])
def test_pruned_command_ends_with_its_children(workplace: Path, is_stubborn: bool) -> None:
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if is_stubborn else ""
    folder = command_attempt(workplace, ignore + WAITING, stop_grace_s=1.0)
    thread = threading.Thread(target=stop_after_first_epoch, args=[folder])
    thread.start()
    started = time.monotonic()
    result = run(folder)
    thread.join()
    assert (result.outcome, result.cause, result.error) == (Outcome.PRUNED, None, None)
    assert (time.monotonic() - started > 1.0) or not is_stubborn
    child = int((workplace / "child").read_text())
    assert child not in descendants(os.getpid())
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]


def test_command_that_handles_sigterm_may_save_its_state(workplace: Path) -> None:
    script = (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved', flush=True), sys.exit(0)))\n"
    )
    folder = command_attempt(workplace, script + WAITING)
    thread = threading.Thread(target=stop_after_first_epoch, args=[folder])
    thread.start()
    assert run(folder).outcome is Outcome.PRUNED
    thread.join()
    assert folder.read_log(1000).splitlines()[-1] == "saved"


def test_later_attempt_continues_from_the_checkpoint(workplace: Path) -> None:
    script = """
import pathlib, sys
state = pathlib.Path(sys.argv[1], "epoch")
done = int(state.read_text()) if state.exists() else 0
for epoch in range(done, 4):
    print(f"Epoch {epoch}\\nscore {epoch}", flush=True)
    if epoch == 2 and not done:
        print("Epoch 2", flush=True)
        sys.exit("the disk is full")
    state.write_text(str(epoch + 1))
"""
    first = command_attempt(workplace, script, ("{checkpoint_dir}",))
    assert run(first).outcome is Outcome.FAILED
    assert [report.epoch for report in first.read_all_epochs()] == [1, 2, 3]
    second = command_attempt(workplace, script, ("{checkpoint_dir}",), attempt=2)
    result = run(second)
    assert (result.outcome, result.metrics) == (Outcome.COMPLETE, {"score": 3.0})
    assert [report.epoch for report in second.read_all_epochs()] == [1, 2, 3, 4]


def test_finished_training_that_is_resumed_keeps_its_last_metrics(workplace: Path) -> None:
    script = """
import pathlib, sys
state = pathlib.Path(sys.argv[1], "done")
if not state.exists():
    print("Epoch 1\\nscore 3", flush=True)
    state.touch()
    sys.exit(1)
"""
    run(command_attempt(workplace, script, ("{checkpoint_dir}",)))
    result = run(command_attempt(workplace, script, ("{checkpoint_dir}",), attempt=2))
    assert (result.outcome, result.metrics) == (Outcome.COMPLETE, {"score": 3.0})


def test_log_contains_whole_lines_of_both_streams(workplace: Path) -> None:
    script = """
import sys, time
sys.stdout.write("first half, "); sys.stdout.flush()
sys.stderr.write("a warning\\n"); sys.stderr.flush()
sys.stdout.write("second half\\nscore 1\\n"); sys.stdout.flush()
time.sleep(0.1)
sys.stderr.write("10%\\r100%\\r\\nno line end"); sys.stderr.flush()
"""
    folder = command_attempt(workplace, script)
    assert run(folder).metrics == {"score": 1.0}
    command, *lines = folder.log.read_bytes().decode().split("\n")
    assert command.startswith("+ ")
    assert sorted(lines) == sorted(
        ["a warning", "first half, second half", "score 1", "10%\r100%\r", "no line end"]
    )


def test_output_of_a_process_that_outlives_the_command_is_not_waited_for(workplace: Path) -> None:
    script = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print("score 1")
"""
    started = time.monotonic()
    assert run_script(workplace, script).metrics == {"score": 1.0}
    assert time.monotonic() - started < 60


def test_line_without_end_appears_in_the_log(tmp_path: Path) -> None:
    code = "import sys, time; sys.stdout.write('half'); sys.stdout.flush(); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        output = CommandOutput(process.stdout, process.stderr, tmp_path / "log")
        deadline = time.monotonic() + 30
        while (tmp_path / "log").read_text() != "half":
            assert time.monotonic() < deadline
            assert output.read(0.05)[0] == []
        process.stdin.close()
        process.wait()
        assert output.close() == ["half"]


@pytest.mark.slow
def test_large_output_is_complete(workplace: Path) -> None:
    script = "import os\nfor n in range(20000): print('x' * 200)\nprint('y' * 300_000)\nprint('score 1')"
    folder = command_attempt(workplace, script)
    assert run(folder).metrics == {"score": 1.0}
    assert folder.log.stat().st_size > 20000 * 201 + 300_000
