"""Importing a project's modules from its snapshot only."""

from __future__ import annotations

import os
import sys
from typing import Any


def use_snapshot(code_dir: str, project_dir: str) -> None:
    """Import the project's modules from its snapshot, also those that are installed in editable form.

    An editable installation adds the project's folders to the import path, or a finder with a mapping from
    packages to folders. `PYTHONPATH`, which child processes read, is changed in the same way.
    """
    sys.path[:] = [_in_snapshot(entry, code_dir, project_dir) for entry in sys.path]
    for finder in sys.meta_path:
        module = sys.modules.get(getattr(finder, "__module__", ""))
        mapping = getattr(module, "MAPPING", None)
        if isinstance(mapping, dict):
            for name, folder in mapping.items():
                mapping[name] = _in_snapshot(folder, code_dir, project_dir)
    if os.environ.get("PYTHONPATH"):
        entries = os.environ["PYTHONPATH"].split(os.pathsep)
        changed = [_in_snapshot(entry, code_dir, project_dir) for entry in entries]
        os.environ["PYTHONPATH"] = os.pathsep.join(changed)


def _in_snapshot(entry: Any, code_dir: str, project_dir: str) -> Any:
    """Return the same folder of the snapshot, if the entry is a folder of the project that it contains."""
    if not isinstance(entry, str) or not entry:
        return entry
    inner = os.path.relpath(os.path.realpath(entry), os.path.realpath(project_dir))
    if inner.startswith(os.pardir):
        return entry
    found = os.path.normpath(os.path.join(code_dir, inner))
    return found if os.path.exists(found) else entry
