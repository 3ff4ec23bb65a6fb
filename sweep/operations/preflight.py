"""The checks of a study's own functions before its first job is submitted.

They run in a process of their own, so that the launcher, which may run for days on a login node, does
not keep the user's imports in memory.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.worker.train_function import load_function

STDERR = 2
"""The file descriptor of stderr, because `sys.stderr` may have none, for example in a notebook."""


@dataclass(frozen=True)
class PreflightResult:
    """What a study's functions returned.

    Attributes:
        data_sha256: The checksum of the data, from `prepare`; None without such a function.
        baselines: The published results, from `baselines`; None without any.
    """

    data_sha256: str | None = None
    baselines: Mapping[str, Any] | None = None


def preflight(study: Study, code_dir: Path, *, import_train: bool) -> PreflightResult:
    """Import the study's train function, and call its `prepare` and `baselines` functions.

    Args:
        study: The study.
        code_dir: The folder that the functions are imported from.
        import_train: Whether to import the train function; False if trials run in another environment.

    Raises:
        InputError: If a function cannot be imported or fails, or the data is not available.
    """
    request = {
        "code_dir": str(code_dir),
        "import_train": import_train,
        "study": study.model_dump(mode="json", exclude={"storage"}),
    }
    with tempfile.TemporaryDirectory() as folder:
        request_file, reply_file = Path(folder, "request.json"), Path(folder, "reply.json")
        request_file.write_text(json.dumps(request), encoding="utf-8")
        command = [sys.executable, "-m", "sweep.operations.preflight", str(request_file), str(reply_file)]
        done = subprocess.run(command, cwd=code_dir, stdout=STDERR)
        if not reply_file.exists():
            raise InputError(
                f"study {study.name}: importing {study.train} ended the process "
                f"(exit code {done.returncode}) instead of defining a function"
            )
        reply: dict[str, Any] = json.loads(reply_file.read_text(encoding="utf-8"))
    if "error" in reply:
        raise InputError(f"study {study.name}: {reply['error']}")
    return PreflightResult(**reply)


def main(request_path: str, reply_path: str) -> None:
    """Run the checks in this process. The reply is a file, because the imported code may print."""
    request = json.loads(Path(request_path).read_text(encoding="utf-8"))
    sys.path.insert(0, request["code_dir"])
    reply: dict[str, Any]
    try:
        reply = asdict(_call_functions(request["study"], request["import_train"]))
    except InputError as error:
        reply = {"error": str(error)}
    Path(reply_path).write_text(json.dumps(reply), encoding="utf-8")


def _call_functions(study: Mapping[str, Any], import_train: bool) -> PreflightResult:
    if import_train:
        with _without_stderr():
            import_function("train", study["train"])
    data_sha256 = _prepare_data(study) if study["prepare"] else None
    baselines = _read_baselines(study) if study["baselines"] else None
    return PreflightResult(data_sha256, baselines)


def _prepare_data(study: Mapping[str, Any]) -> str | None:
    prepare = import_function("prepare", study["prepare"])
    data_dir = Path(study["data_dir"]) if study["data_dir"] else None
    try:
        checksum: str | None = prepare(study["dataset"], data_dir)
    except Exception as error:
        raise InputError(f"the data set {study['dataset']!r} is not ready: {reason(error)}") from error
    return checksum


def _read_baselines(study: Mapping[str, Any]) -> Mapping[str, Any] | None:
    function = import_function("baselines", study["baselines"])
    try:
        baselines: Mapping[str, Any] | None = json.loads(json.dumps(function(study)))
    except Exception as error:
        raise InputError(f"baselines: {study['baselines']} failed: {reason(error)}") from error
    return baselines


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Discard the output to stderr, including messages that C libraries print when they are loaded."""
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


def import_function(key: str, path: str) -> Callable[..., Any]:
    """Import the function that a key of a study names.

    Args:
        key: The key, for messages.
        path: The dotted path, `package.module:function`.

    Raises:
        InputError: If it cannot be imported, or is not a function.
    """
    module, _, name = path.partition(":")
    try:
        function = load_function(path)
    except ModuleNotFoundError as error:
        is_in_path = error.name is not None and f"{module}.".startswith(f"{error.name}.")
        hint = "\nexpected package.module:function, importable from the folder that sweep is started in"
        raise InputError(f"{key}: {path} cannot be imported: {error}{hint if is_in_path else ''}") from None
    except AttributeError:
        raise InputError(f"{key}: {path}: module {module} has no function {name}") from None
    except Exception as error:
        raise InputError(f"{key}: {path} cannot be imported: {type(error).__name__}: {error}") from None
    if not callable(function):
        raise InputError(f"{key}: {path} is not a function, but {function!r}")
    return function


def reason(error: Exception) -> str:
    """Return the text of an error, preceded by its type if the text alone may not be clear."""
    if isinstance(error, OSError | ValueError | ModuleNotFoundError):
        return str(error)
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main(*sys.argv[1:])
