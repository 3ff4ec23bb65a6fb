"""The checks of a study's own functions before its first job is submitted.

They run in a process of their own, so that the launcher, which may run for days on a login node, does
not keep the user's imports in memory.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweep.definition.command import unused_params
from sweep.definition.study import Study
from sweep.errors import InputError
from sweep.operations.command_check import check_command
from sweep.operations.foreseeable_params import foreseeable_params
from sweep.redaction import hide_passwords
from sweep.worker.supervision import signal_name
from sweep.worker.train_function import load_function

logger = logging.getLogger(__name__)

OWN_PATH = str(Path(__file__).resolve().parents[2])
START = """
import sys
own_path, *arguments = sys.argv[1:]
sys.path.insert(0, own_path)
from sweep.operations.preflight import main
sys.path.remove(own_path)
main(*arguments)
"""
"""The program of the process, which imports this package even if the user has a module `sweep`."""
OUTPUT = "output.txt"
MAX_OUTPUT_BYTES = 10_000
NUM_LINES = 5
STDERR = 2
"""The file descriptor of stderr, because `sys.stderr` may have none, for example in a notebook."""


@dataclass(frozen=True)
class PreflightResult:
    """What a study's functions returned.

    Attributes:
        data_sha256: The checksum of the data, from `prepare`; None without such a function.
        baselines: The published results, from `baselines`; None without any.
        imported: The names of the modules, without submodules, that importing the train function loads.
    """

    data_sha256: str | None = None
    baselines: Mapping[str, Any] | None = None
    imported: Sequence[str] = ()


def preflight(
    study: Study, code_dir: Path, *, import_train: bool, project_dir: Path | None = None
) -> PreflightResult:
    """Import the study's train function, and call its `check`, `prepare` and `baselines` functions.

    For a study with a command, the program and the script that it names are looked for instead.

    Args:
        study: The study.
        code_dir: The folder that the functions are imported from.
        import_train: Whether to import the train function; False if trials run in another environment.
        project_dir: The working directory of the functions; None for `code_dir`.

    Raises:
        InputError: If a function cannot be imported or fails, the data is not available, or the command
            names a program or a script that does not exist.
    """
    if study.command is not None:
        check_command(study.name, study.command, code_dir, is_program_here=import_train)
        unused = unused_params(study.command, study.env, [*study.space, *study.fixed])
        if unused:
            logger.warning(
                "study %s: the command contains neither {args} nor the hyperparameters %s; it can read them "
                "only from the file that SWEEP_PARAMS_FILE names",
                study.name,
                ", ".join(unused),
            )
    request = {
        "code_dir": str(code_dir),
        "import_train": import_train,
        "study": study.model_dump(mode="json", exclude={"storage"}),
    }
    with tempfile.TemporaryDirectory() as folder:
        request_file, reply_file = Path(folder, "request.json"), Path(folder, "reply.json")
        request_file.write_text(json.dumps(request), encoding="utf-8")
        # With -P, the folder of the user's code is not searched for this package.
        command = [sys.executable, "-P", "-c", START, OWN_PATH, str(request_file), str(reply_file)]
        done = subprocess.run(command, cwd=project_dir or code_dir, stdin=subprocess.DEVNULL, stdout=STDERR)
        reply = _read_reply(reply_file)
        output = Path(folder, OUTPUT)
        if "began" in reply:  # the process has ended while it imported or called a function
            raise InputError(
                f"study {study.name}: {reply['began']} ended the process ({_ending(done.returncode)}) "
                f"instead of defining a function or returning{_last_lines(output)}"
            )
        if not reply:
            raise InputError(
                f"study {study.name}: the process that checks its functions has failed "
                f"({_ending(done.returncode)})"
            )
    if "error" in reply:
        raise InputError(f"study {study.name}: {reply['error']}")
    return PreflightResult(**reply)


def check_params(study: Study, code_dir: Path) -> None:
    """Call the study's `check` function only, if it has one.

    Raises:
        InputError: If it rejects hyperparameters.
    """
    if study.check is not None:
        only_check = study.model_copy(update={"prepare": None, "baselines": None})
        preflight(only_check, code_dir, import_train=False)


def _read_reply(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _ending(returncode: int) -> str:
    """Return how a process has ended: by a signal or with an exit code."""
    if returncode >= 0:
        return f"exit code {returncode}"
    return f"signal {signal_name(-returncode)}"


def _last_lines(output: Path) -> str:
    """Return the last lines that the functions have printed, as the end of a message."""
    try:
        text = output.read_bytes()[-MAX_OUTPUT_BYTES:].decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [hide_passwords(line.rstrip()) for line in text.splitlines() if line.strip()][-NUM_LINES:]
    return ":\n" + "\n".join(f"  {line}" for line in lines) if lines else ""


def main(request_path: str, reply_path: str) -> None:
    """Run the checks in this process. The reply is a file, because the imported code may print."""
    request, reply_file = json.loads(Path(request_path).read_text(encoding="utf-8")), Path(reply_path)
    study = request["study"]
    sys.path.insert(0, request["code_dir"])
    sys.argv[:] = ["sweep"]
    reply: dict[str, Any]
    try:
        found = _call_functions(study, Path(request["code_dir"]), request["import_train"], reply_file)
        reply = asdict(found)
    except InputError as error:
        reply = {"error": str(error)}
    except SystemExit as error:
        if isinstance(error.code, str):
            with reply_file.with_name(OUTPUT).open("a", encoding="utf-8") as output:
                output.write(error.code)
        os._exit(error.code if isinstance(error.code, int) else int(error.code is not None))
    reply_file.write_text(json.dumps(reply), encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads and exit handlers of the imported code must not keep the launch waiting


def _call_functions(
    study: Mapping[str, Any], code_dir: Path, import_train: bool, reply_file: Path
) -> PreflightResult:
    def announce(key: str) -> None:
        """Record which function is imported or called next, in case that it ends the process."""
        verb = "importing" if key in {"train", "objective"} else "calling"
        reply_file.write_text(json.dumps({"began": f"{verb} {study[key]}"}), encoding="utf-8")

    imported: list[str] = []
    key = "train" if study["train"] else "objective"
    if import_train and study[key]:
        announce(key)
        before = set(sys.modules)
        with _output_in(reply_file.with_name(OUTPUT)):
            import_function(key, study[key], code_dir)
        reply_file.with_name(OUTPUT).unlink()
        imported = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
    data_sha256 = baselines = None
    if study["check"]:
        announce("check")
        _check_params(study, code_dir)
    if study["prepare"]:
        announce("prepare")
        data_sha256 = _prepare_data(study, code_dir)
    if study["baselines"]:
        announce("baselines")
        baselines = _read_baselines(study, code_dir)
    return PreflightResult(data_sha256, baselines, imported)


def _check_params(study: Mapping[str, Any], code_dir: Path) -> None:
    check = import_function("check", study["check"], code_dir)
    for params in foreseeable_params(Study.model_validate_json(json.dumps(study))):
        try:
            check(params)
        except Exception as error:
            shown = hide_passwords(json.dumps(params, ensure_ascii=False))
            raise InputError(f"check: {study['check']} rejects {shown}:\n{reason(error)}") from error


def _prepare_data(study: Mapping[str, Any], code_dir: Path) -> str | None:
    prepare = import_function("prepare", study["prepare"], code_dir)
    data_dir = Path(study["data_dir"]) if study["data_dir"] else None
    try:
        checksum: str | None = prepare(study["dataset"], data_dir)
    except Exception as error:
        raise InputError(f"the data set {study['dataset']!r} is not ready: {reason(error)}") from error
    return checksum


def _read_baselines(study: Mapping[str, Any], code_dir: Path) -> Mapping[str, Any] | None:
    function = import_function("baselines", study["baselines"], code_dir)
    try:
        baselines: Mapping[str, Any] | None = json.loads(json.dumps(function(study)))
    except Exception as error:
        raise InputError(f"baselines: {study['baselines']} failed: {reason(error)}") from error
    return baselines


@contextmanager
def _output_in(file: Path) -> Iterator[None]:
    """Write the output to a file, including what C libraries print when they are loaded.

    It is shown only if the process ends.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept, target = (os.dup(1), os.dup(2)), os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(target, 1)
    os.dup2(target, 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, number in zip(kept, (1, 2), strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(target)


def import_function(key: str, path: str, code_dir: Path, *, keep_modules: bool = True) -> Callable[..., Any]:
    """Import the function that a key of a study names.

    Args:
        key: The key, for messages.
        path: The dotted path, `package.module:function`.
        code_dir: The folder that is searched first.
        keep_modules: Whether the user's modules stay in place of modules of this process with the same names.

    Raises:
        InputError: If it cannot be imported, or is not a function.
    """
    module, _, name = path.partition(":")
    try:
        function = load_function(path, str(code_dir), keep_modules=keep_modules)
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


def reason(error: BaseException) -> str:
    """Return the text of an error, preceded by its type if the text alone may not be clear."""
    if isinstance(error, OSError | ValueError | ModuleNotFoundError):
        return str(error)
    return f"{type(error).__name__}: {error}"
