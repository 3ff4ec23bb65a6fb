"""Importing a function that a study file names."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sweep.worker.import_path import is_own

STANDARD_LIBRARY = Path(os.__file__).parent
PACKAGE_FOLDERS = {"site-packages", "dist-packages"}


def load_function(path: str, code_dir: str | None = None, *, keep_modules: bool = True) -> Callable[..., Any]:
    """Return the function that a dotted path `package.module:function` names.

    Args:
        path: The dotted path.
        code_dir: A folder that becomes the first entry of the import path. Its modules are imported even if
            modules of the same names have been imported already, such as this package for the user's own
            file `sweep.py`. None leaves the import path as it is.
        keep_modules: Whether the folder's modules stay in place of those of the same names. Otherwise these
            are restored, because the process needs them.

    Raises:
        ImportError: If the module cannot be imported.
        AttributeError: If the module has no such attribute.
    """
    module, _, name = path.partition(":")
    if code_dir is None:
        imported = importlib.import_module(module)
    else:
        with _modules_of(code_dir, keep_modules):
            imported = importlib.import_module(module)
    function: Callable[..., Any] = getattr(imported, name)
    return function


@contextmanager
def _modules_of(folder: str, keep: bool) -> Iterator[None]:
    if sys.path[:1] != [folder]:
        sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]
    hidden = {name: module for name, module in sys.modules.items() if _is_hidden_by(folder, name, module)}
    for name in hidden:
        del sys.modules[name]
    try:
        yield
    finally:
        if not keep:
            sys.modules.update(hidden)


def _is_hidden_by(folder: str, name: str, module: ModuleType) -> bool:
    """Return whether a file or package of the folder has the name of an imported module from elsewhere.

    Modules of the standard library are never hidden, because code that is running depends on them.
    """
    top = name.partition(".")[0]
    if top == "__main__" or not (
        Path(folder, f"{top}.py").exists() or Path(folder, top, "__init__.py").exists()
    ):
        return False
    file = getattr(sys.modules.get(top, module), "__file__", None)
    if file is None:  # a built-in module or a namespace package
        return False
    path = Path(file)
    if Path(folder) in path.parents and not is_own(path):  # the study's folder may be inside the project
        return False
    return STANDARD_LIBRARY not in path.parents or bool(PACKAGE_FOLDERS & set(path.parts))
