"""Fetching and verifying a data set with the functions that a study names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from sweep.definition.study import Study, load_study
from sweep.errors import InputError
from sweep.operations.preflight import import_function, reason

DataKey = Literal["prepare", "verify"]


def fetch_data(dataset: str, data_dir: Path | None = None, reference: str | None = None) -> str:
    """Make a data set available by calling a study's `prepare` function.

    Args:
        dataset: The data set.
        data_dir: Its folder; None for the study's `data_dir`.
        reference: The name or the path of the study; None for the first study below studies/ that has the
            data set and the function.

    Returns:
        The checksum that the function returns.

    Raises:
        InputError: If there is no such study, or the function cannot be imported or fails.
    """
    return _call("prepare", dataset, data_dir, reference)


def verify_data(dataset: str, data_dir: Path | None = None, reference: str | None = None) -> str:
    """Verify a data set by calling a study's `verify` function.

    The arguments, the returned checksum and the errors are those of `fetch_data`.
    """
    return _call("verify", dataset, data_dir, reference)


def _call(key: DataKey, dataset: str, data_dir: Path | None, reference: str | None) -> str:
    path, study_data_dir = _find_function(key, dataset, reference)
    folder = data_dir or (Path(study_data_dir) if study_data_dir else None)
    try:
        function = import_function(key, path, Path.cwd(), keep_modules=False)
    except SystemExit as error:
        raise InputError(f"{key}: {path} cannot be imported: it calls sys.exit({error.code!r})") from None
    try:
        return str(function(dataset, folder))
    except (Exception, SystemExit) as error:
        raise InputError(f"{key}: {path} failed: {reason(error)}") from error


def _find_function(key: DataKey, dataset: str, reference: str | None) -> tuple[str, str | None]:
    """Return the dotted path that a study has under a key, and the study's `data_dir`."""
    if reference is not None:
        study = load_study(reference)
        if (path := getattr(study, key)) is None:
            raise InputError(
                f"study {study.name} has no `{key}` function\n"
                f"add `{key}: package.module:function` to its file"
            )
        return path, study.data_dir
    for study in _studies_here():
        if study.dataset == dataset and (path := getattr(study, key)) is not None:
            return path, study.data_dir
    datasets = sorted({study.dataset for study in _studies_here() if study.dataset and getattr(study, key)})
    raise InputError(
        f"no study in studies/ has the data set {dataset!r} and a `{key}` function; "
        f"data sets with one: {', '.join(datasets) or 'none'}\n"
        "name a study with --study NAME|PATH"
    )


def _studies_here() -> Iterator[Study]:
    """Yield the studies of studies/*.yaml, sorted by file name, without the invalid ones."""
    for file in sorted(Path("studies").glob("*.yaml")):
        try:
            yield load_study(str(file))
        except InputError:
            continue
