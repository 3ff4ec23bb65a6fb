"""Launches on real servers: several first ones at once, roles without permissions, and passwords."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy

from tests.cluster import daemons
from tests.cluster.launch_process import DEADLINE_S
from tests.cluster.mariadb import MariaDB
from tests.cluster.postgresql import PostgreSQL

LAUNCH = ["launch", "--study", "toy", "--cluster", "inline"]
SECRET = "hunter2-S3CRET"

SPYING_MODEL = """
import os, sys, time
from pathlib import Path

def train(params, trial):
    Path(trial.folder, "environment.txt").write_text(repr(dict(os.environ)) + repr(sys.argv))
    with open(Path(trial.folder, "processes.txt"), "wb") as file:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                file.write(path.read_bytes())
            except OSError:
                continue
    trial.report(1, {"score": 1.0})
    while params["hold"] and not Path("go").exists():
        time.sleep(0.05)
    return {"score": 1.0}
"""


def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sweep", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )


def execute(url: str, *statements: str) -> None:
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(params=["postgresql", "mariadb"])
def storage(request: pytest.FixtureRequest) -> str:
    """Create a database on each server and return its URL."""
    server: PostgreSQL | MariaDB = request.getfixturevalue(request.param)
    return server.create_database(f"sweep_{secrets.token_hex(4)}")


def test_first_launches_at_the_same_time_all_run(workplace: Path, storage: str) -> None:
    launches = [start(*LAUNCH, "--storage", storage, "--set", f"name=toy{number}") for number in range(4)]
    for launch in launches:
        out, err = launch.communicate(timeout=DEADLINE_S)
        assert (launch.returncode, "4 complete" in out) == (0, True), err


def test_first_launches_of_one_study_leave_one_launcher(workplace: Path, storage: str) -> None:
    launches = [start(*LAUNCH, "--storage", storage, "--set", "fixed.epoch_s=0.5") for _ in range(3)]
    results = [(*launch.communicate(timeout=DEADLINE_S), launch.returncode) for launch in launches]
    assert sorted(code for *_, code in results) == [0, 2, 2], results
    for _, err, code in results:
        assert "Traceback" not in err
        assert code == 0 or "already has a launcher" in err or "has just taken" in err


def test_role_without_permissions_gets_one_message(workplace: Path, postgresql: PostgreSQL) -> None:
    name = f"sweep_{secrets.token_hex(4)}"
    owner = postgresql.create_database(name)
    role = f"role_{secrets.token_hex(4)}"
    execute(owner, f"CREATE ROLE {role} LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    url = owner.replace("sweep@", f"{role}@")

    def check(*arguments: str) -> None:
        command = start(*arguments, "--storage", url)
        out, err = command.communicate(timeout=DEADLINE_S)
        assert (command.returncode, out) == (2, ""), err
        assert "permission denied" in err
        assert "GRANT" in err
        assert "Traceback" not in err
        assert len(err.strip().splitlines()) <= 3

    check(*LAUNCH)
    launch = start(*LAUNCH, "--storage", owner)
    assert launch.communicate(timeout=DEADLINE_S)
    assert launch.returncode == 0
    check("status")  # the role may not even read
    execute(owner, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    status = start("status", "--study", "toy", "--storage", url)
    assert "4 complete" in status.communicate(timeout=DEADLINE_S)[0]
    check("stop", "--study", "toy")
    check(*LAUNCH)


def test_user_without_permissions_of_mysql_gets_one_message(workplace: Path, mariadb: MariaDB) -> None:
    name = f"sweep_{secrets.token_hex(4)}"
    owner = mariadb.create_database(name)
    user = f"user_{secrets.token_hex(4)}"
    execute(owner, f"CREATE USER {user}@'127.0.0.1'", f"GRANT SELECT ON {name}.* TO {user}@'127.0.0.1'")
    launch = start(*LAUNCH, "--storage", owner.replace("sweep@", f"{user}@"))
    _, err = launch.communicate(timeout=DEADLINE_S)
    assert launch.returncode == 2
    assert "command denied" in err
    assert "GRANT ALL" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("form", ["address", "query", "variable", "override", "client"])
def test_password_is_in_no_output_file_process_or_row(
    workplace: Path, postgresql: PostgreSQL, form: str
) -> None:
    plain = postgresql.create_database(f"sweep_{secrets.token_hex(4)}")
    url = plain.replace("sweep@", f"sweep:{SECRET}@")
    if form == "query":
        url = f"{plain.replace('sweep@', '')}?user=sweep&password={SECRET}"
    options = {"variable": [], "client": [], "override": ["--set", f"storage={url}"]}.get(
        form, ["--storage", url]
    )
    variables = {"SWEEP_STORAGE": url} if form == "variable" else {}
    if form == "client":
        variables = {"SWEEP_STORAGE": plain, "PGPASSWORD": SECRET, "MYSQL_PWD": SECRET}
    (workplace / "toy_model.py").write_text(SPYING_MODEL)
    hold = ["--set", "fixed.hold=true", "--cluster", "local"]
    launch = start("launch", "--study", "toy", *hold, *options, **variables)
    try:
        daemons.wait_until(
            "two trials are running",
            lambda: (
                len(list(workplace.glob("sweeps/toy/*/*/metrics.jsonl"))) == 2 or launch.poll() is not None
            ),
            DEADLINE_S,
        )
        launch.send_signal(signal.SIGINT)
        outputs = [*launch.communicate(timeout=DEADLINE_S)]
        assert launch.returncode == 130, outputs
    finally:
        (workplace / "go").touch()
        launch.kill()
    if form in ("address", "query"):
        assert "--storage" in outputs[1]
    for arguments in (
        ["launch", "--study", "toy", *hold],
        ["status", "--study", "toy"],
        ["logs", "--study", "toy", "--trial", "0"],
        ["report", "--study", "toy", "--output", "report"],
    ):
        storage = options if form != "override" or arguments[0] == "launch" else ["--storage", url]
        command = start(*arguments, *storage, **variables)
        outputs += command.communicate(timeout=DEADLINE_S)
        assert command.returncode == 0, outputs[-1]
    assert SECRET not in "".join(outputs)
    for path in workplace.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    engine = sqlalchemy.create_engine(plain)
    with engine.connect() as connection:
        for table in sqlalchemy.inspect(connection).get_table_names():
            rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"').all()
            assert SECRET not in repr(rows), table
    engine.dispose()
