"""A real MLflow server on the loopback interface, which a test stops and starts again."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.services import require_service

OWN_COMMAND = str(Path(__file__).parents[2] / ".venv-mlflow" / "bin" / "mlflow")
"""The command in the virtual environment that `.ci/run` creates, see CONTRIBUTING.md."""


def command() -> str | None:
    """Return the path of an `mlflow` command that has a server, which MLflow's client alone has not."""
    return shutil.which(os.environ.get("MLFLOW_COMMAND", OWN_COMMAND))


class MlflowServer:
    """A server whose database and artifacts are in a folder.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        require_service("the MLflow server", command() is not None, "python3-venv  # see CONTRIBUTING.md")
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._folder.mkdir(exist_ok=True)
        options = [f"--port={self._port}", "--host=127.0.0.1", "--workers=1"]
        options += ["--backend-store-uri=sqlite:///mlflow.db", "--artifacts-destination=files"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(Path(str(command())).absolute()), "server", *options],
                cwd=self._folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            assert time.monotonic() < deadline, (self._folder / "server.log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """Kill the server and its workers."""
        if self._process is not None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.uri}/health", timeout=5):
                return True
        except (URLError, OSError):
            return False
