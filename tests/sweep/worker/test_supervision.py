"""Running a function in a forked process, in a process of its own because it kills its descendants."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import atexit, multiprocessing, os, signal, subprocess, sys, threading, time
from sweep.worker.supervision import run_supervised

MARK = sys.argv[1]

def sleeping(**options):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)", MARK], **options)

def thread():
    threading.Thread(target=time.sleep, args=(100,)).start()

def child_process():
    multiprocessing.get_context("fork").Process(target=time.sleep, args=(100,)).start()

def session():
    sleeping(start_new_session=True)
    sleeping(preexec_fn=os.setpgrp)

def orphan():
    if os.fork() == 0:
        sleeping(start_new_session=True)
        os._exit(0)
    os.wait()

def exit_handler():
    atexit.register(time.sleep, 100)

def hanging_output():
    class Output:
        def flush(self):
            time.sleep(100)
    sys.stdout = Output()

def crash():
    os.kill(os.getpid(), signal.SIGSEGV)

def leave():
    sleeping()
    os._exit(3)

def error():
    raise KeyboardInterrupt("own")

def wait():
    session()
    print("ready", flush=True)
    time.sleep(100)

limit_s = float(sys.argv[3]) if len(sys.argv) > 3 else None
end = run_supervised(globals()[sys.argv[2]], limit_s)
print(end, end.timed_out)
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / f"supervised-{os.getpid()}-{time.monotonic_ns()}.py"
    path.write_text(SCRIPT)
    yield path
    for process in processes(path):
        process.kill()


def processes(script: Path) -> list[psutil.Process]:
    """Return the processes that the script or its descendants have started and that still run."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        is_alive = process.info["status"] != psutil.STATUS_ZOMBIE
        if is_alive and any(script.name in word for word in process.info["cmdline"] or []):
            found.append(process)
    return found


def wait_until_gone(script: Path) -> None:
    deadline = time.monotonic() + 20
    while processes(script):
        assert time.monotonic() < deadline, processes(script)
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("function", "end"),
    [
        ("thread", "exit code 0 False"),
        ("child_process", "exit code 0 False"),
        ("session", "exit code 0 False"),
        ("orphan", "exit code 0 False"),
        ("exit_handler", "exit code 0 False"),
        ("crash", "signal SIGSEGV False"),
        ("leave", "exit code 3 False"),
        ("error", "exit code 1 False"),
        ("hanging_output", "signal SIGALRM False"),
    ],
)
def test_nothing_that_a_function_leaves_behind_delays_its_end(script: Path, function: str, end: str) -> None:
    command = [sys.executable, str(script), script.name, function]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == end
    assert processes(script) == []


def test_function_is_killed_with_its_descendants_at_its_time_limit(script: Path) -> None:
    command = [sys.executable, str(script), script.name, "wait", "1.5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.split("\n")[1] == "signal SIGKILL True"
    assert processes(script) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_descendants_end_with_a_supervisor_that_is_told_to_end(script: Path, number: signal.Signals) -> None:
    process = subprocess.Popen([sys.executable, str(script), script.name, "wait"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(timeout=30) == -number
    process.stdout.close()
    wait_until_gone(script)


def test_function_ends_with_a_supervisor_that_is_killed(script: Path) -> None:
    process = subprocess.Popen([sys.executable, str(script), script.name, "wait"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    (child,) = [each for each in psutil.Process(process.pid).children() if each.name().startswith("python")]
    process.kill()
    process.wait()
    process.stdout.close()
    psutil.wait_procs([child], timeout=20)
    assert not child.is_running()
