"""A MariaDB server on this machine, which stores Slurm's accounting or studies."""

import getpass
import shutil
import subprocess
import tempfile
from pathlib import Path

import psutil
import sqlalchemy

from tests.cluster import daemons

PACKAGES = "mariadb-server-core"  # Debian package
SYSTEM_TABLES = [
    Path("/usr/share/mysql", name) for name in ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
]
SPEED_OPTIONS = [
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-use-native-aio=0",  # the kernel limits the number of native requests of all servers together
]


def is_installed() -> bool:
    """Return whether the server and the definitions of its system tables are installed."""
    return daemons.program("mariadbd") is not None and all(file.exists() for file in SYSTEM_TABLES)


def command(folder: Path) -> list[str]:
    """Return the command of a server whose data and socket are in a folder."""
    return [
        "mariadbd", "--no-defaults", f"--user={getpass.getuser()}", f"--datadir={folder}/database",
        f"--socket={folder}/mariadb.sock", f"--pid-file={folder}/mariadbd.own.pid", "--skip-name-resolve",
        f"--tmpdir={folder}/tmp",  # servers that are created at the same time would disturb each other
        *SPEED_OPTIONS,
    ]  # fmt: skip


def create(folder: Path) -> None:
    """Create the system database unless it exists; the Debian package contains no script for it."""
    database = folder / "database"
    if database.exists():
        return
    database.mkdir(mode=0o700, parents=True)
    (folder / "tmp").mkdir(mode=0o700)
    tables = "".join(file.read_text() for file in SYSTEM_TABLES)
    program, *options = command(folder)
    done = subprocess.run(
        [daemons.program(program), *options, "--bootstrap"],
        input=f"CREATE DATABASE mysql;\nUSE mysql;\n{tables}",
        text=True, timeout=60, capture_output=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"mariadbd --bootstrap failed:\n{done.stderr}")


class MariaDB:
    """A server with the user `sweep`, who needs no password."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
        self.port = daemons.free_ports(1)[0]
        self._pid: int | None = None

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        create(self.folder)
        create_user = self.folder / "create_user.sql"
        create_user.write_text(
            "CREATE USER IF NOT EXISTS sweep@'127.0.0.1';\n"
            "GRANT ALL ON *.* TO sweep@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        options = [f"--port={self.port}", "--bind-address=127.0.0.1", f"--init-file={create_user}"]
        self._pid = daemons.start([*command(self.folder), *options], self.folder / "log", {})
        daemons.wait_until("mariadbd listens", (self.folder / "mariadb.sock").exists)

    def url(self, database: str = "") -> str:
        """Return the URL of a database of the server."""
        return f"mysql+pymysql://sweep@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        engine = sqlalchemy.create_engine(self.url())
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url(name)

    def delete(self) -> None:
        """Terminate the server and delete its files."""
        if self._pid is not None and psutil.pid_exists(self._pid):
            daemons.terminate(self._pid)
        shutil.rmtree(self.folder)
