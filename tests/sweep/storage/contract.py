"""The contract of every supported database. A subclass runs its tests on one backend."""

import math
import platform
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import optuna
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy import JSON, URL, Engine, column, inspect, select, table, text
from sqlalchemy.orm import Session

from sweep.errors import InputError
from sweep.launcher.reconciliation import MAX_ERROR_LENGTH
from sweep.launcher.rows import storable
from sweep.reporting.status.study_status import study_status
from sweep.states import AttemptState, Stop
from sweep.storage import optuna_queries
from sweep.storage.attempts import gpu_seconds_used
from sweep.storage.best_trials import best_numbers, infeasible_numbers
from sweep.storage.code_version import Snapshot
from sweep.storage.database import HEAD, VERSION_TABLE, alembic_config, connect, parse_url, real_url, upgrade
from sweep.storage.lease import STALE_AFTER, Lease, LeaseLostError
from sweep.storage.optuna_storage import optuna_storage, optuna_study_id
from sweep.storage.snapshots import delete_unused_snapshots, record_snapshot, used_snapshots
from sweep.storage.studies import create_study, find_study, get_study, record_launch, study_names
from sweep.storage.study_deletion import delete_study
from sweep.storage.study_reader import read_study
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import (
    AttemptRow,
    EnvironmentRow,
    EpochRow,
    FinalMetricRow,
    SnapshotRow,
    StudyRow,
    Table,
    TrialRow,
)
from sweep.storage.user_requests import request_retry, request_stop
from tests.sweep.reporting.recorded_study import ATTEMPT, RecordedStudy, minutes

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
DEFINITION = {
    "name": "toy", "train": "toy:train", "metric": "score", "direction": "maximize", "trials": 1, "space": {},
    "fixed": {"text": "ünïcödé 🧹", "number": 0.1, "nothing": None},
}  # fmt: skip


def trial_with_attempt(study_id: int, number: int = 0, state: str = "running") -> TrialRow:
    trial = TrialRow(study_id=study_id, number=number, optuna_trial_id=number + 1, seed=number, folder="a b")
    trial.attempts.append(
        AttemptRow(
            number=1, token="9f3c21ab", state=state, job_name=f"toy-{number}", num_gpus=1, submitted_at=NOON,
            job_size=1, gpu_seconds=0.1 + 0.2, is_cost_final=True, metrics_offset=0, notes={},
        )
    )  # fmt: skip
    return trial


TWO_OBJECTIVES = {
    "objectives": [
        {"metric": "score", "direction": "maximize"}, {"metric": "loss", "direction": "minimize"},
    ],
    "constraints": [{"metric": "size", "at_most": 3.0, "at_least": None}],
}  # fmt: skip


class StorageContract:
    """The tests. A subclass provides the fixture `storage`, the URL of a new and empty database."""

    @pytest.fixture
    def url(self, storage: str) -> URL:
        return parse_url(storage)

    @pytest.fixture
    def engine(self, url: URL) -> Iterator[Engine]:
        """A database with the current tables and one study."""
        engine = connect(url)
        upgrade(engine)
        create_study(engine, "toy", DEFINITION, {"command": "sweep 🧹"}, "/a place")
        yield engine
        engine.dispose()

    # tables and migrations

    def test_migrations_create_the_current_tables(self, url: URL) -> None:
        engine = connect(url)
        assert study_names(engine) == []
        upgrade(engine)
        with optuna_storage(url):  # creates Optuna's tables, with a version table of their own
            pass
        assert_tables_are_up_to_date(engine)
        with engine.connect() as connection:
            assert {"alembic_version", VERSION_TABLE} <= set(inspect(connection).get_table_names())
        engine.dispose()

    @pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
    def test_upgrade_from_each_earlier_revision(self, url: URL, revision: str) -> None:
        engine = connect(url)
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), revision)
        add_complete_attempt(engine)
        upgrade(engine)
        with Session(engine) as session:
            attempt = session.get_one(AttemptRow, 1)
            assert attempt.state is AttemptState.COMPLETE
            assert attempt.is_cost_final is (revision == "0001")  # 0002 introduced the column
            assert (attempt.job_size, attempt.submitted_at) == (1, NOON)
            assert session.get_one(StudyRow, 1).baselines is None
        assert_tables_are_up_to_date(engine)
        engine.dispose()

    def test_second_upgrade_does_nothing(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("alembic.command.upgrade", lambda *_: pytest.fail("nothing to upgrade"))
        upgrade(engine)

    def test_interrupted_upgrade_changes_nothing(self, url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
        if url.get_backend_name() == "mysql":
            pytest.skip("MySQL commits every change to a table separately")

        def interrupt(*arguments: object) -> None:
            raise KeyboardInterrupt

        engine = connect(url)
        with monkeypatch.context() as patch:
            patch.setattr("alembic.op.create_index", interrupt)
            with pytest.raises(KeyboardInterrupt):
                upgrade(engine)
        with engine.connect() as connection:
            assert inspect(connection).get_table_names() == []
        upgrade(engine)
        assert study_names(engine) == []
        engine.dispose()

    def test_tables_of_a_newer_version_are_rejected(self, engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
        with pytest.raises(InputError, match=r"newer version of capsweep \(its tables have revision 9999"):
            upgrade(engine)

    # records

    def test_study_is_read_as_it_was_recorded(self, engine: Engine) -> None:
        row = find_study(engine, "toy")
        assert row is not None
        assert (row.definition, row.provenance) == (DEFINITION, {"command": "sweep 🧹"})
        assert (row.workdir, row.launcher) == ("/a place", None)
        assert find_study(engine, "toys") is None
        create_study(engine, "another", DEFINITION, {}, ".")
        assert study_names(engine) == ["toy", "another"]

    def test_attempt_is_read_exactly_as_it_was_saved(self, engine: Engine) -> None:
        records = StudyRecords(engine, 1)
        error = "🧨" * MAX_ERROR_LENGTH
        trial = trial_with_attempt(1)
        records.save([trial])
        (attempt,) = records.open_attempts(["running"])
        attempt.started_at, attempt.error, attempt.notes = NOON, error, {"device": "GPU 🚀"}
        attempt.environment = records.environment("3.11", {"numpy": "2.0"})
        assert records.environment("3.11", {"numpy": "2.0"}) == attempt.environment
        records.save([attempt])
        (again,) = records.open_attempts(["running"])
        assert (again.submitted_at, again.started_at, again.ended_at) == (NOON, NOON, None)
        assert (again.gpu_seconds, again.error) == (0.1 + 0.2, error)
        assert (again.notes, again.environment) == ({"device": "GPU 🚀"}, attempt.environment)
        assert [other.number for other in again.trial.attempts] == [1]
        assert records.open_attempts(["pending"]) == []

    def test_traceback_may_contain_any_text(self, engine: Engine) -> None:
        trial = trial_with_attempt(1)
        trial.attempts[0].error = storable("null \0, incomplete character \udcff")
        StudyRecords(engine, 1).save([trial])
        (attempt,) = StudyRecords(engine, 1).open_attempts(["running"])
        assert attempt.error == "null , incomplete character ?"

    def test_numbers_are_read_exactly_as_they_were_saved(self, url: URL, engine: Engine) -> None:
        values = [0.1 + 0.2, 1 / 3, 1e-308, 1.7976931348623157e308, -0.0, None]
        with optuna_storage(url) as storage:
            storage.create_new_trial(storage.create_new_study([StudyDirection.MAXIMIZE], "toy"))
        trial = trial_with_attempt(1)
        records = StudyRecords(engine, 1)
        records.save([trial])
        epochs = [
            EpochRow(trial_id=trial.id, epoch=epoch, metric="score", value=value, reported_at=NOON)
            for epoch, value in enumerate(values, start=1)
        ]
        names = ["größe", "Größe"]
        finals = [FinalMetricRow(trial_id=trial.id, metric=name, value=1 / 3) for name in names]
        records.save([*epochs, *finals])
        assert records.recorded_epochs(trial.id) == {1, 2, 3, 4, 5, 6}
        data = read_study(engine, url, "toy")
        assert data.epochs["score"].tolist()[:-1] == values[:-1]
        assert data.epochs["score"].isna().tolist() == [False] * 5 + [True]
        assert data.trials[["final_größe", "final_Größe"]].to_numpy().tolist() == [[1 / 3, 1 / 3]]

    def test_trials_read_as_rows_equal_those_read_by_optuna(self, url: URL) -> None:
        distributions: dict[str, BaseDistribution] = {
            "x": FloatDistribution(1e-4, 1.0, log=True), "kind": CategoricalDistribution(["a", None, 3])
        }  # fmt: skip
        with optuna_storage(url) as storage:
            for name in ("another", "toy"):
                study = optuna.create_study(study_name=name, storage=storage, direction="maximize")
                study.enqueue_trial({"x": 0.5}, user_attrs={"enqueued": 0})
                ended = [("COMPLETE", 0.1 + 0.2), ("COMPLETE", math.inf), ("PRUNED", None), ("FAIL", None)]
                for state, value in ended:
                    trial = study.ask(distributions)
                    for epoch, reported in enumerate([0.1, math.nan, -math.inf], start=1):
                        trial.report(reported, epoch)
                    trial.set_user_attr("host", "n1")
                    study.tell(trial, value, TrialState[state])
                study.ask(distributions)
                study.enqueue_trial({"x": 0.25})
            ours = storage.get_all_trials(optuna_study_id(study))
            plain = RDBStorage(real_url(url))
            try:
                assert repr(ours) == repr(plain.get_all_trials(optuna_study_id(study)))
            finally:
                plain.remove_session()
                plain.engine.dispose()
        assert [trial.state.name for trial in ours] == [
            "COMPLETE", "COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING",
        ]  # fmt: skip

    def test_best_trials_of_several_objectives_are_those_of_optuna(self, url: URL) -> None:
        engine = connect(url)
        study = RecordedStudy(engine, "toy", **TWO_OBJECTIVES)
        RecordedStudy(engine, "other", **TWO_OBJECTIVES).add({"state": "complete"}, value=[9.0, 0.0])
        values = [[0.5, 3.0], [0.9, 9.0], [0.4, 5.0], [0.8, 4.0], [math.inf, 20.0]]
        for value, excess in zip(values, [0.0, -1.0, -1.0, 2.0, 0.0], strict=True):
            study.add({"state": "complete"}, value=value, violations=[excess])
        study.add({"state": "running"})
        row = get_study(engine, "toy")
        with engine.connect() as connection:
            assert best_numbers(connection, "toy", row.goals) == [1, 0]
            assert infeasible_numbers(connection, "toy") == {3}
        assert [trial.number for trial in study.optuna.best_trials] == [0, 1, 4]  # infinity is not omitted
        status = study_status(engine, study.id, minutes(20), num_shown=None)
        assert [trial.values for trial in status.trials[:2]] == [(0.5, 3.0), (0.9, 9.0)]
        assert [trial.violates for trial in status.trials[2:4]] == [(), ("size at most 3",)]
        lease = Lease(engine, study.id)
        lease.acquire()
        assert delete_study(engine, row, lease)
        engine.dispose()

    def test_trials_and_gpu_seconds_of_other_studies_are_not_counted(self, engine: Engine) -> None:
        other = create_study(engine, "other", DEFINITION, {}, ".")
        StudyRecords(engine, other.id).save([trial_with_attempt(other.id, state="complete")])
        records = StudyRecords(engine, 1)
        assert (records.trial_numbers(), gpu_seconds_used(engine, 1, NOON)) == (set(), 0.0)
        records.save([trial_with_attempt(1, number, state="complete") for number in range(2)])
        active = trial_with_attempt(1, 2)
        active.attempts[0].started_at = NOON - timedelta(seconds=60)
        records.save([active])
        assert records.trial_numbers() == {0, 1, 2}
        assert gpu_seconds_used(engine, 1, NOON) == 2 * (0.1 + 0.2) + 60

    def test_failed_transaction_saves_nothing(self, engine: Engine) -> None:
        records = StudyRecords(engine, 1)
        records.save([trial_with_attempt(1, number=0)])
        with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
            records.save([trial_with_attempt(1, number=1), trial_with_attempt(1, number=0)])
        assert records.trial_numbers() == {0}

    # queries on both Optuna's tables and ours

    def test_status_combines_both_sets_of_tables(self, url: URL) -> None:
        engine = connect(url)
        study = RecordedStudy(engine, "toy", trials=4)
        ended = {"started_at": minutes(0), "ended_at": minutes(10), "gpu_seconds": 600.0}
        study.add({"state": "complete", **ended}, value=0.5, epochs={1: 0.25, 2: 0.5})
        study.add(
            {"state": "failed", "cause": "timeout", **ended}, {"state": "pruned", **ended}, epochs={1: 0.75}
        )
        study.add({"state": "running", "started_at": minutes(10)})
        study.optuna.enqueue_trial({"x": 1.0})
        status = study_status(engine, study.id, minutes(20), num_shown=10)
        assert status.num_by_state == {"running": 1, "complete": 1, "pruned": 1}
        assert status.num_enqueued == 1
        assert [(trial.number, trial.epoch, trial.values[0]) for trial in status.trials] == [
            (2, None, None), (0, 2, 0.5), (1, 1, 0.75),
        ]  # fmt: skip
        assert status.spent.gpu_hours == pytest.approx(4 * 600 / 3600)
        assert status.forecast is not None
        engine.dispose()

    def test_retried_trial_is_running_for_optuna(self, url: URL) -> None:
        engine = connect(url)
        study = RecordedStudy(engine, "toy")
        study.add({"state": "failed", "cause": "error"}, epochs={1: 0.25})
        study.add({"state": "complete"}, value=0.5)
        assert request_retry(engine, get_study(engine, "toy")) == [0]
        records = StudyRecords(engine, study.id)
        (trial,) = records.retries_requested(10)
        trial.attempts.append(AttemptRow(**{**ATTEMPT, "number": 2, "state": "submitting"}))
        complete = StudyRecords(engine, study.id).open_attempts(["complete"])[0].trial
        records.reopen([trial])
        with Session(engine) as session:  # has no effect on a trial that has not failed
            session.execute(optuna_queries.reopen(complete.optuna_trial_id))
            session.commit()
        with optuna_storage(url) as storage:
            found = storage.get_all_trials(storage.get_study_id_from_name("toy"))
            assert [each.state for each in found] == [TrialState.RUNNING, TrialState.COMPLETE]
            assert [each.datetime_complete is None for each in found] == [True, False]
            storage.set_trial_state_values(trial.optuna_trial_id, TrialState.COMPLETE, [1.0])
        assert records.retries_requested(10) == []
        assert [attempt.state for attempt in records.open_attempts(["submitting"])] == ["submitting"]
        engine.dispose()

    def test_stop_request_lasts_until_a_launch_withdraws_it(self, engine: Engine) -> None:
        records, study = StudyRecords(engine, 1), get_study(engine, "toy")
        assert records.stop_requested() is None
        request_stop(engine, study, Stop.CANCEL)
        assert records.stop_requested() == "cancel"
        record_launch(engine, 1, {"trials": 3}, "slurm", withdraw_stop=False)
        assert records.stop_requested() == "cancel"
        record_launch(engine, 1, {"trials": 3}, "slurm", withdraw_stop=True)
        assert records.stop_requested() is None
        assert (get_study(engine, "toy").cluster, get_study(engine, "toy").definition) == (
            "slurm",
            {"trials": 3},
        )

    # deletion

    def test_deletion_leaves_no_row_of_the_study_and_all_rows_of_others(self, url: URL) -> None:
        engine = connect(url)
        kept = RecordedStudy(engine, "other")
        kept.add({"state": "failed"}, {"state": "complete"}, value=0.5, epochs={1: 0.25})
        optuna.create_study(study_name="of another program", storage=kept.optuna._storage).ask()
        before = all_rows(engine)
        study = RecordedStudy(engine, "toy")
        study.optuna.set_user_attr("key", 1)
        study.optuna._storage.set_study_system_attr(study.optuna._study_id, "key", 1)
        study.add({"state": "failed"}, {"state": "complete"}, value=0.5, epochs={1: 0.25, 2: 0.5})
        trial = study.optuna.ask({"x": FloatDistribution(0.0, 1.0)})
        trial.report(0.5, 1)
        trial.set_user_attr("key", 1)
        study.optuna._storage.set_trial_system_attr(trial._trial_id, "key", 1)
        with Session(engine) as session:
            session.add(SnapshotRow(study_id=study.id, digest="a", created_at=NOON, files={}))
            session.add(FinalMetricRow(trial_id=2, metric="size", value=1.0))
            session.commit()
        lease = Lease(engine, study.id)
        lease.acquire()
        assert delete_study(engine, get_study(engine, "toy"), lease)
        assert all_rows(engine) == before
        with pytest.raises(InputError, match="the study has just been deleted"):
            Lease(engine, study.id).acquire()
        again = RecordedStudy(engine, "toy")
        again.add({"state": "complete"}, value=0.75)
        assert [trial.value for trial in again.optuna.trials] == [0.75]
        assert StudyRecords(engine, again.id).recorded_epochs(2) == set()
        engine.dispose()

    def test_deletion_without_the_lease_deletes_nothing(self, url: URL) -> None:
        engine = connect(url)
        study = RecordedStudy(engine, "toy")
        study.add({"state": "complete"}, value=0.5, epochs={1: 0.25})
        lease = Lease(engine, study.id)
        lease.acquire()
        hold(engine, "login2 4711 abc", NOON)
        before = all_rows(engine)
        with pytest.raises(LeaseLostError):
            delete_study(engine, get_study(engine, "toy"), lease)
        assert all_rows(engine) == before
        engine.dispose()

    def test_interrupted_deletion_deletes_nothing(self, url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*arguments: object) -> None:
            raise KeyboardInterrupt

        engine = connect(url)
        study = RecordedStudy(engine, "toy")
        study.add({"state": "complete"}, value=0.5, epochs={1: 0.25})
        lease = Lease(engine, study.id)
        lease.acquire()
        before = all_rows(engine)
        with monkeypatch.context() as patch:
            patch.setattr("sweep.storage.study_deletion._deletions", interrupt)
            with pytest.raises(KeyboardInterrupt):
                delete_study(engine, get_study(engine, "toy"), lease)
        assert {name: len(rows) for name, rows in all_rows(engine).items()} == {
            name: len(rows) for name, rows in before.items()
        }
        assert delete_study(engine, get_study(engine, "toy"), lease)
        engine.dispose()

    @pytest.mark.parametrize("direction", ["maximize", "minimize"])
    def test_deletion_leaves_an_optuna_study_of_another_program(self, url: URL, direction: str) -> None:
        engine = connect(url)
        study = RecordedStudy(engine, "toy")
        study.add({"state": "complete"}, value=0.5)
        storage = study.optuna._storage
        optuna.delete_study(study_name="toy", storage=storage)
        other = optuna.create_study(study_name="toy", storage=storage, direction=direction)
        lease = Lease(engine, study.id)
        lease.acquire()
        assert not delete_study(engine, get_study(engine, "toy"), lease)
        assert find_study(engine, "toy") is None
        other.ask()
        assert len(other.trials) == 1
        engine.dispose()

    def test_only_rows_of_unused_snapshots_are_deleted(self, engine: Engine) -> None:
        trial = trial_with_attempt(1, state="complete")
        trial.attempts[0].snapshot = "of an attempt"
        records = StudyRecords(engine, 1)
        records.save([trial])
        other = create_study(engine, "other", DEFINITION, {}, ".")
        records.save(
            [
                SnapshotRow(study_id=study_id, digest=digest, created_at=NOON, files={})
                for study_id, digest in [(1, "unused"), (1, "of an attempt"), (other.id, "unused")]
            ]
        )
        record_snapshot(engine, 1, Snapshot("current", None, None), {}, NOON)
        assert used_snapshots(engine, 1) == {"of an attempt", "current"}
        delete_unused_snapshots(engine, 1)
        with Session(engine) as session:
            rows = [(row.study_id, row.digest) for row in session.scalars(select(SnapshotRow))]
        assert sorted(rows) == [(1, "current"), (1, "of an attempt"), (other.id, "unused")]

    # leases

    def test_lease_is_exclusive_until_released(self, engine: Engine) -> None:
        first, second = Lease(engine, 1), Lease(engine, 1)
        first.acquire()
        first.renew()
        with pytest.raises(InputError, match="already has a launcher"):
            second.acquire()
        first.release()
        second.acquire()

    def test_lease_can_be_renewed_twice_at_the_same_time(self, engine: Engine) -> None:
        """MySQL may report an update that changes no value as affecting no row."""
        lease = Lease(engine, 1, now=lambda: NOON)
        lease.acquire()
        lease.renew()
        lease.renew()

    def test_lease_held_on_another_host_is_free_once_its_heartbeat_is_stale(self, engine: Engine) -> None:
        hold(engine, "login2 4711 abc", NOON - timedelta(seconds=70))
        lease = Lease(engine, 1, now=lambda: NOON)
        with pytest.raises(InputError, match="process 4711 on login2, last heartbeat 70 s ago"):
            lease.acquire()
        hold(engine, "login2 4711 abc", NOON - STALE_AFTER)
        lease.acquire()

    def test_lease_of_a_dead_process_on_this_host_is_free(self, engine: Engine) -> None:
        hold(engine, f"{platform.node()} 999999999 abc", NOON)
        Lease(engine, 1, now=lambda: NOON).acquire()

    def test_launcher_that_lost_its_lease_commits_nothing(self, engine: Engine) -> None:
        lease, records = Lease(engine, 1), StudyRecords(engine, 1)
        lease.acquire()
        with lease.guard(engine):
            records.environment("3.11", {})
        hold(engine, "login2 4711 abc", NOON)
        with pytest.raises(LeaseLostError), lease.guard(engine):
            records.environment("3.12", {})
        lease.release()
        with Session(engine) as session:
            assert [row.content["python"] for row in session.scalars(select(EnvironmentRow))] == ["3.11"]

    def test_launcher_that_lost_its_lease_cannot_renew_or_release_it(self, engine: Engine) -> None:
        lease = Lease(engine, 1)
        lease.acquire()
        hold(engine, "login2 4711 abc", NOON)
        with pytest.raises(LeaseLostError, match="taken over the study"):
            lease.renew()
        lease.release()  # leaves the lease of the other launcher unchanged
        with Session(engine) as session:
            assert session.get_one(StudyRow, 1).launcher == "login2 4711 abc"

    def test_only_one_of_two_launchers_takes_over_a_stale_lease(self, engine: Engine) -> None:
        """The second launcher reads the stale lease before the first one takes it."""
        hold(engine, "login2 4711 abc", NOON - STALE_AFTER)
        first = Lease(engine, 1, now=lambda: NOON)

        def take_with_first_and_return_noon() -> datetime:
            with suppress(InputError):
                first.acquire()
            return NOON

        second = Lease(engine, 1, now=take_with_first_and_return_noon)
        with pytest.raises(InputError, match="another launcher has just taken study toy"):
            second.acquire()
        first.renew()


def all_rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of all tables by the table's name."""
    with engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return {
            name: [tuple(row) for row in connection.execute(select(text("*")).select_from(table(name)))]
            for name in names
        }


def assert_tables_are_up_to_date(engine: Engine) -> None:
    options = {
        "version_table": VERSION_TABLE,
        "compare_type": True,
        "include_name": lambda name, kind, parents: kind != "table" or name in Table.metadata.tables,
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, Table.metadata) == []


def add_complete_attempt(engine: Engine) -> None:
    """Insert a study, a trial and an attempt into the tables of an earlier revision."""
    rows: dict[str, dict[str, object]] = {
        "sweep_studies": {
            "id": 1, "name": "toy", "definition": {}, "provenance": {}, "workdir": ".",
            "created_at": NOON.replace(tzinfo=None),
        },
        "sweep_trials": {
            "id": 1, "study_id": 1, "number": 0, "optuna_trial_id": 1, "seed": 0, "folder": "."
        },
        "sweep_attempts": {
            "id": 1, "trial_id": 1, "number": 1, "token": "9f3c21ab", "state": "completed", "job_name": "toy",
            "num_gpus": 1, "submitted_at": NOON.replace(tzinfo=None), "gpu_seconds": 0.5,
            "metrics_offset": 0, "notes": {}, "job_size": 1, "is_charged": False,
        },
    }  # fmt: skip
    with engine.begin() as connection:
        for name, values in rows.items():
            present = {each["name"] for each in inspect(connection).get_columns(name)}
            row = {column: value for column, value in values.items() if column in present}
            columns = [column(name, JSON if value == {} else None) for name, value in row.items()]
            connection.execute(table(name, *columns).insert().values(row))


def hold(engine: Engine, holder: str, seen_at: datetime) -> None:
    with Session(engine) as session:
        row = session.get_one(StudyRow, 1)
        row.launcher, row.launcher_seen_at = holder, seen_at
        session.commit()
