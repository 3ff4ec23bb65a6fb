from sweep.reporting.table import failures_table, trials_table
from tests.sweep.reporting import synthetic_studies as studies


def test_objective_is_next_to_the_number_of_the_trial() -> None:
    headings = [column.heading for column in trials_table(studies.kmnist(), limit=1).columns]
    assert headings == [
        *("trial", "validation accuracy", "epochs"),
        *("routing iterations", "batch size", "LR decay", "decoder coefficient", "augmentation"),
        *("train accuracy", "train loss", "validation loss"),
        *("time", "state"),
    ]


def test_params_are_told_apart_by_value() -> None:
    data = studies.of_values([0.4, 0.3, 0.2, 0.1], columns={"beta": [0.99999, 0.99995, 0.9999, 0.999]})
    cells = [row.cells for row in trials_table(data, 9).rows]
    assert [row[3] for row in cells] == ["0.99999", "0.99995", "0.9999", "0.999"]


def test_only_columns_of_text_are_not_numeric() -> None:
    left = [
        column.heading for column in trials_table(studies.kmnist(), limit=1).columns if not column.numeric
    ]
    assert left == ["augmentation", "state"]


def test_best_trial_is_first_and_marked() -> None:
    rows = trials_table(studies.of_values([0.5, 0.9, 0.7]), limit=2).rows
    assert [(row.kind, row.cells[0]) for row in rows] == [("best", "1"), ("complete", "2")]


def test_trial_that_was_pruned_has_its_last_values() -> None:
    data = studies.kmnist()
    pruned = data.trials.loc[data.trials["state"] == "pruned", "number"].iloc[0]
    last = data.epochs[data.epochs["number"] == pruned].iloc[-1]
    (row,) = [row.cells for row in trials_table(data, 99).rows if row.cells[0] == str(pruned)]
    assert row[1] == f"{100 * last['val_accuracy']:.2f}\N{NO-BREAK SPACE}%"
    assert row[2] == str(last["epoch"].astype(int))


def test_state_of_a_failed_trial_includes_its_cause() -> None:
    rows = trials_table(studies.all_failed(), limit=9).rows
    assert {(row.kind, row.cells[-1]) for row in rows} == {("failed", "failed: error")}


def test_failures_are_counted_by_cause() -> None:
    data = studies.all_failed()
    data.attempts.loc[0, ["state", "cause"]] = ["failed", "preempted"]
    rows = [row.cells for row in failures_table(data).rows]
    assert rows == [
        ["error", "4", "5", "0, 1, 2, 3, 4", "3 min", "ValueError: diverged in trial 4"],
        ["preempted", "1", "0", "–", "45 s", "–"],
    ]


def test_study_without_failures_has_an_empty_table() -> None:
    assert failures_table(studies.of_values([0.5])).rows == []
    assert failures_table(studies.empty()).rows == []
