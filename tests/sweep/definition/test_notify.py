"""Who is notified: what a study file may contain."""

import pytest

from sweep.definition.notify import Notify
from sweep.definition.study import load_study
from sweep.errors import InputError
from sweep.storage.study_definition import definition_of

pytestmark = pytest.mark.usefixtures("workplace")

SLACK = "https://hooks.slack.com/services/T0/B0/S3CRET"


@pytest.mark.parametrize(
    "override",
    [
        f"notify={SLACK}",
        f"notify.webhook_env={SLACK}",
        f"notify.webhook={SLACK}",
        f"notify.command=curl -d @- {SLACK}",
        f"notify.command=[curl, '{SLACK}']",
        "notify.command=curl https://mattermost.example.org/hooks/S3CRET",
        "notify.command=curl https://me:S3CRET@example.org",
        "notify.command=send --token S3CRET",
    ],
)
def test_secret_in_the_file_is_rejected_and_not_shown(override: str) -> None:
    with pytest.raises(InputError, match="environment") as error:
        load_study("toy", [override])
    assert "S3CRET" not in str(error.value)
    assert "notify" in str(error.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("notify.webhook_env=two words", "letters, digits"),
        ("notify.command=", "not"),
        ("notify.command=[]", "must not be empty"),
        ("notify.command=mail me | cat", "only a shell understands"),
        ("notify.stalled_hours=0", "greater than 0"),
        ("notify.hours=3", "no such key"),
    ],
)
def test_invalid_value_is_reported(override: str, message: str) -> None:
    if override == "notify.command=":
        assert load_study("toy", [override]).notify.command is None
        return
    with pytest.raises(InputError, match=message):
        load_study("toy", [override])


def test_notify_is_not_recorded_and_not_part_of_a_dry_run() -> None:
    study = load_study("toy", ["notify.webhook_env=HOOK"])
    assert study.notify == Notify(webhook_env="HOOK")
    assert "notify" not in definition_of(study)
    assert not study.dry_run_study("rehearsal").notify.is_set
