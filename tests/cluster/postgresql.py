"""A PostgreSQL server in a temporary folder, which tests can stop and restart."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.cluster import daemons

PACKAGES = "postgresql"  # Debian package


def _programs() -> str:
    """Return the PATH, extended by the programs of PostgreSQL, newest version first, which Debian omits."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return os.pathsep.join([*map(str, reversed(folders)), os.environ["PATH"]])


def is_installed() -> bool:
    """Return whether the programs of PostgreSQL are installed."""
    return shutil.which("initdb", path=_programs()) is not None


class PostgreSQL:
    """A server whose only user is `sweep`, who needs no password. Every call has a time limit."""

    def __init__(self) -> None:
        # The server does not run as root, and its user cannot read the folders of root; /tmp is readable.
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self.port = daemons.free_ports(1)[0]

    def create(self) -> None:
        """Create the files of the server and start it."""
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "--username=sweep", "--auth=trust", "--encoding=UTF8", "--no-sync",
                  f"--pgdata={self.folder}/data")  # fmt: skip
        self.start()

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database of the server."""
        return f"postgresql+psycopg://sweep@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        self._run("createdb", "--host=127.0.0.1", f"--port={self.port}", "--username=sweep", name)
        return self.url(name)

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off"
        self._control("start", f"--options={options}", f"--log={self.folder}/log")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast` closes every connection, `immediate` resembles a crash."""
        self._control("stop", f"--mode={mode}")

    def terminate_connections(self, database: str) -> None:
        """End all connections to a database, as a failure of the network does."""
        statement = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        self._run("psql", "--host=127.0.0.1", f"--port={self.port}", "--username=sweep",
                  "--dbname=postgres", f"--command={statement}")  # fmt: skip

    def delete(self) -> None:
        """Stop the server and delete its files."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", f"--pgdata={self.folder}/data", "--wait", "--timeout=30", *arguments)

    def _run(self, *command: str) -> None:
        as_server = ["runuser", "--user", "postgres", "--"] if os.getuid() == 0 else []
        program = shutil.which(command[0], path=_programs())
        assert program is not None
        with (self.folder / "commands.log").open("ab") as log:  # the server would keep a pipe open
            done = subprocess.run(
                [*as_server, program, *command[1:]],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", timeout=60,
            )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{command} failed: {(self.folder / 'commands.log').read_text()}")
