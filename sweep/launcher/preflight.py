"""Before the first job: does the train function import, is the data there?

Asked of a process of its own, so that the launcher, which may wait for days on a login node, never holds
what the user's code imports.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.worker.train_function import load_function


def preflight(study: Study, code_dir: Path, *, import_train: bool) -> str | None:
    """Try the study's dotted paths and make its data present; the data's checksum if it has one.

    `import_train=False` is for trials that run in another environment than this one.

    Raises
    ------
    InputError
        When the train function does not import, or the data cannot be made present.
    """
    request = {
        "code_dir": str(code_dir),
        "train": study.train if import_train else None,
        "prepare": study.prepare,
        "dataset": study.dataset,
        "data_dir": study.data_dir,
    }
    with tempfile.TemporaryDirectory() as folder:
        reply = Path(folder, "reply.json")
        command = [sys.executable, "-m", "sweep.launcher.preflight", json.dumps(request), str(reply)]
        done = subprocess.run(command, cwd=code_dir, stdout=sys.stderr)
        if not reply.exists():
            raise InputError(
                f"study {study.name}: importing {study.train} ended the process "
                f"(exit code {done.returncode}) instead of defining a function"
            )
        answer: dict[str, str | None] = json.loads(reply.read_text(encoding="utf-8"))
    if answer["error"] is not None:
        raise InputError(f"study {study.name}: {answer['error']}")
    return answer["checksum"]


def main(request_json: str, reply_path: str) -> None:
    """What the process does: answer in a file, since what it imports may print."""
    request = json.loads(request_json)
    sys.path.insert(0, request["code_dir"])
    checksum = error = None
    try:
        if request["train"]:
            with _silence():
                _load("train", request["train"])
        if request["prepare"]:
            prepare = _load("prepare", request["prepare"])
            data_dir = Path(request["data_dir"]) if request["data_dir"] else None
            checksum = prepare(request["dataset"], data_dir)
    except _NotLoadedError as not_loaded:
        error = str(not_loaded)
    except Exception as failure:
        reason = (
            str(failure)
            if isinstance(failure, OSError | ValueError)
            else f"{type(failure).__name__}: {failure}"
        )
        error = f"the data set {request['dataset']!r} is not ready: {reason}"
    Path(reply_path).write_text(json.dumps({"error": error, "checksum": checksum}), encoding="utf-8")


@contextmanager
def _silence() -> Iterator[None]:
    """Drop what is printed, by libraries in C too: their greetings are no news of a launch."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _NotLoadedError(Exception):
    pass


def _load(key: str, path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    try:
        function = load_function(path)
    except ModuleNotFoundError as error:
        raise _NotLoadedError(
            f"{key}: {path} does not import: {error}\n"
            "expected package.module:function, importable from the folder sweep is started in"
        ) from None
    except AttributeError:
        raise _NotLoadedError(f"{key}: {path}: module {module} has no function {name}") from None
    except Exception as error:
        raise _NotLoadedError(f"{key}: {path} does not import: {type(error).__name__}: {error}") from None
    if not callable(function):
        raise _NotLoadedError(f"{key}: {path} is no function, but {function!r}")
    return function


if __name__ == "__main__":
    main(*sys.argv[1:])
