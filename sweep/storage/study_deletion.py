"""The deletion of a study's rows, from our tables and from Optuna's."""

from collections.abc import Iterator

from sqlalchemy import Connection, Delete, Engine, delete, select

from sweep.storage import optuna_queries
from sweep.storage.lease import Lease
from sweep.storage.optuna_storage import deletions_of_optuna
from sweep.storage.tables import StudyRow, Table, TrialRow


def delete_study(engine: Engine, study: StudyRow, lease: Lease) -> bool:
    """Delete the rows of a study and, if it belongs to the study, its Optuna study, in one transaction.

    The rows of Python environments stay, because studies share them.

    Args:
        engine: The database.
        study: The study.
        lease: The study's lease, which the caller holds.

    Returns:
        Whether the Optuna study of that name was deleted or did not exist; False if it belongs to another
        program.

    Raises:
        LeaseLostError: If another launcher has taken over the study. Nothing is deleted then.
    """
    with engine.begin() as connection:
        lease.lock(connection)
        optuna_id = connection.scalar(optuna_queries.study_id(study.name))
        is_own = optuna_id is None or owns_optuna_study(connection, study)
        if optuna_id is not None and is_own:
            for statement in deletions_of_optuna(optuna_id):
                connection.execute(statement)
        for statement in _deletions(study.id):
            connection.execute(statement)
    return is_own


def owns_optuna_study(connection: Connection, study: StudyRow) -> bool:
    """Return whether the Optuna study with a study's name contains the trials that the study has recorded.

    An Optuna study of another program has other trials. One with trials that have ended belongs to another
    program if the study has recorded none.
    """
    of_study = select(TrialRow.number, TrialRow.optuna_trial_id).where(TrialRow.study_id == study.id)
    recorded = {(number, trial_id) for number, trial_id in connection.execute(of_study)}
    directions = list(connection.scalars(optuna_queries.directions(study.name)))
    if directions != study.directions:
        return False
    if not recorded:
        return not connection.scalar(optuna_queries.num_ended(study.name))
    present = connection.execute(optuna_queries.numbers_and_ids(study.name))
    return recorded <= {(number, trial_id) for number, trial_id in present}


def _deletions(study_id: int) -> Iterator[Delete]:
    """Yield the statements that delete a study from our tables, in an order that no foreign key prevents."""
    trials = select(TrialRow.id).where(TrialRow.study_id == study_id)
    for table in reversed(Table.metadata.sorted_tables):
        if "trial_id" in table.c:
            yield delete(table).where(table.c.trial_id.in_(trials))
        elif "study_id" in table.c:
            yield delete(table).where(table.c.study_id == study_id)
    yield delete(StudyRow).where(StudyRow.id == study_id)
