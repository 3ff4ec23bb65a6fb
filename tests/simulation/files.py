"""The shared file system, as the launcher uses it. The files are real, and so is the code that reads them."""

from collections.abc import Callable
from pathlib import Path

from sweep.launcher.attempts import FolderOpener, folder_of
from sweep.states import Outcome
from sweep.storage.tables import AttemptRow
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.documents import TrialSpec
from tests.simulation.world import World


class LauncherFolder(AttemptFolder):
    """An attempt's folder whose writes are external actions of the launcher, and may fail."""

    def __init__(self, path: Path, world: World) -> None:
        super().__init__(path)
        self._world = world

    def create(self, spec: TrialSpec) -> None:
        self._write("write spec", lambda: AttemptFolder.create(self, spec))

    def request_stop(self, reason: Outcome) -> None:
        self._write(f"write stop ({reason})", lambda: AttemptFolder.request_stop(self, reason))

    def _write(self, name: str, action: Callable[[], None]) -> None:
        assert self._world.launcher is not None
        if self._world.happens(self._world.faults.file_error):
            self._world.note(f"{name} fails", "fault: a file cannot be written")
            raise OSError(28, "No space left on device", str(self.path))
        self._world.launcher.act(name, action)


def folder_opener(world: World) -> FolderOpener:
    """Return what opens an attempt's folder for the launcher."""

    def open_folder(attempt: AttemptRow) -> AttemptFolder:
        return LauncherFolder(folder_of(attempt).path, world)

    return open_folder
