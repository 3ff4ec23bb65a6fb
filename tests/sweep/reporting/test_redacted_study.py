import dataclasses

import pytest

from sweep.reporting.redacted_study import without_passwords
from tests.sweep.reporting import synthetic_studies as studies


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "sweep launch --storage postgresql://me:hunter2@db/sweep",
            "sweep launch --storage postgresql://me:***@db/sweep",
        ),
        ("mysql+pymysql://me:a/b:c@db", "mysql+pymysql://me:***@db"),
        ("redis://:hunter2@db", "redis://:***@db"),
        ("sqlite:///sweep.db", "sqlite:///sweep.db"),
        ("http://example.org:80/ by me", "http://example.org:80/ by me"),
    ],
)
def test_passwords_are_hidden_in_every_part_of_a_study(text: str, shown: str) -> None:
    data = studies.all_failed()
    data.trials["error"] = text
    data = dataclasses.replace(data, provenance={"command": text}, baselines={"results": [{"name": text}]})
    data = studies.with_definition(
        data,
        fixed={"url": text, "servers": [{"first": text}]},
        enqueue=({"store": text},),
        space={
            "store": {"type": "categorical", "choices": [text, "none"]},
            "labelled": {"type": "categorical", "choices": {text: [1], "b": [text]}},
        },
    )
    hidden = without_passwords(data)
    assert hidden.study.fixed == {"url": shown, "servers": [{"first": shown}]}
    assert hidden.study.enqueue == ({"store": shown},)
    assert str(hidden.study.space["store"]) == f'one of "{shown}", "none"'
    assert hidden.study.space["labelled"].choices == {shown: [1], "b": [shown]}
    assert hidden.baselines == {"results": [{"name": shown}]}
    assert hidden.provenance == {"command": shown}
    assert set(hidden.trials["error"]) == {shown}
