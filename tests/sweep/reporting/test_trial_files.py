import base64
import dataclasses
from pathlib import Path

import pytest

from sweep.reporting.trial_files import MAX_PICTURE_BYTES, NUM_LINES, log_tails, pictures, read_tail
from sweep.storage.study_data import StudyData
from sweep.worker.attempt_folder import AttemptFolder
from tests.sweep.reporting import synthetic_studies as studies

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="
)


def in_folder(data: StudyData, folder: Path) -> StudyData:
    """Return the study with its trials in this folder, and create the folders of all attempts."""
    trials = data.trials.assign(folder=[str(folder / f"{number:05d}") for number in data.trials["number"]])
    for attempt in data.attempts.itertuples():
        artifacts(folder, attempt.number, attempt.attempt, attempt.token).mkdir(parents=True)
    return dataclasses.replace(data, trials=trials)


def artifacts(folder: Path, number: int, attempt: int, token: str) -> Path:
    return folder / f"{number:05d}" / f"attempt-{attempt}-{token}" / "artifacts"


class TestLogs:
    def test_newest_log_of_each_cause_is_returned(self, tmp_path: Path) -> None:
        data = in_folder(studies.all_failed(), tmp_path)
        for number in range(4):  # the fifth attempt has no log
            log = artifacts(tmp_path, number, 1, "9f3c21ab").parent / "log.txt"
            log.write_text(f"epoch 1\ndiverged in {number}\n")
        (tail,) = log_tails(data)
        assert (tail.cause, tail.number, tail.attempt) == ("error", 3, 1)
        assert tail.lines == "epoch 1\ndiverged in 3"

    def test_missing_folders_yield_no_logs(self) -> None:
        assert log_tails(studies.all_failed()) == []
        assert log_tails(studies.empty()) == []

    def test_long_log_is_read_from_its_end(self, tmp_path: Path) -> None:
        log = tmp_path / "log.txt"
        log.write_text("".join(f"line {number}\n" for number in range(100_000)))
        lines = read_tail(AttemptFolder(tmp_path)).splitlines()
        assert len(lines) == NUM_LINES
        assert lines[-1] == "line 99999"

    def test_control_sequences_are_removed(self, tmp_path: Path) -> None:
        log = tmp_path / "log.txt"
        log.write_bytes(b"\x1b[31mred\x1b[0m\r\n 10%\r 50%\r100%\n\n\xff gr\xc3\xb6\xc3\x9fe \x00\n")
        assert read_tail(AttemptFolder(tmp_path)) == "red\n100%\n\N{REPLACEMENT CHARACTER} größe"

    def test_characters_that_a_terminal_obeys_are_removed_or_escaped(self, tmp_path: Path) -> None:
        log = tmp_path / "log.txt"
        log.write_text("\x1b]0;title\x07a\x9b31mb\tc\u202ed \x1b[0m\n", encoding="utf-8")
        assert read_tail(AttemptFolder(tmp_path)) == "ab\tc\\u202ed"

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("cannot reach postgresql://me:hunter2@db/sweep", "cannot reach postgresql://me:***@db/sweep"),
            ("\x1b[1mpass\x1b[0mword=hunter2", "password=***"),
        ],
    )
    def test_password_in_a_log_is_hidden(self, tmp_path: Path, text: str, shown: str) -> None:
        (tmp_path / "log.txt").write_text(text)
        assert read_tail(AttemptFolder(tmp_path)) == shown


class TestPictures:
    def make(self, tmp_path: Path) -> tuple[StudyData, Path]:
        data = in_folder(studies.kmnist(), tmp_path)
        best = data.trials.loc[data.trials["value"].idxmax()]
        last = data.attempts[data.attempts["number"] == best["number"]].iloc[-1]
        return data, artifacts(tmp_path, best["number"], last["attempt"], last["token"])

    def test_pictures_of_the_best_trial_are_embedded(self, tmp_path: Path) -> None:
        data, folder = self.make(tmp_path)
        (folder / "reconstructions.png").write_bytes(PNG)
        (folder / "weights.bin").write_bytes(PNG)
        (picture,) = pictures(data)
        assert picture.caption == "reconstructions"
        kind, _, content = picture.address.partition(",")
        assert (kind, base64.b64decode(content)) == ("data:image/png;base64", PNG)

    def test_large_picture_is_omitted(self, tmp_path: Path) -> None:
        data, folder = self.make(tmp_path)
        (folder / "huge.png").write_bytes(bytes(MAX_PICTURE_BYTES + 1))
        assert pictures(data) == []

    @pytest.mark.parametrize("make", [studies.empty, studies.all_failed, studies.kmnist])
    def test_study_without_pictures_has_none(self, make: object) -> None:
        assert pictures(make()) == []  # type: ignore[operator]
