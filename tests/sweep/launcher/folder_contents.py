"""What a train function, a crash or another program may leave in the folder of an attempt, for hypothesis."""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from sweep.states import Cause, JobState, Outcome
from sweep.worker.attempt_folder import AttemptFolder

EXTREME_NUMBERS = [
    0, -1, 1, 2**31 - 1, 2**31, 2**63, -(2**63), 10**400, 1.5, -0.0, 5e-324, 1.7976931348623157e308, 1e20,
    1e300, float("nan"), float("inf"), float("-inf"), True,
]  # fmt: skip
TEXTS = [
    "",
    "score",
    "Score",
    "score ",
    "epoch",
    "number",
    "a" * 128,
    "a" * 129,
    "\0",
    "\ud800",
    "é",
    "e\u0301",
]


class LongBytes(bytes):
    """Bytes that are not shown in full."""

    def __repr__(self) -> str:
        return f"{bytes(self[:20])!r}… ({len(self)} bytes)"


DEEP = [
    LongBytes(content)
    for content in (b"[" * 100_000, b'{"metrics":' * 20_000, b"1" * 5000, b'{"epoch": ' + b"9" * 5000 + b"}")
]
TOKEN = "@TOKEN@"
"""Stands for the token of the attempt, which is not known when the content is drawn."""

numbers = st.one_of(st.sampled_from(EXTREME_NUMBERS), st.integers(), st.floats())
texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=20))
values = st.recursive(
    st.one_of(st.none(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
metrics = st.dictionaries(texts, numbers, max_size=4)
plausible_metrics = st.fixed_dictionaries({"score": st.floats(0, 1)}, optional={"Score": st.floats(0, 1)})


def _document(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Return documents, some with missing, wrong or unexpected fields, and other content now and then."""
    proper = st.fixed_dictionaries(dict(fields))
    damaged = st.builds(
        lambda document, key, value, extra: {**document, key: value, **extra},
        proper,
        st.sampled_from(sorted(fields)),
        values,
        st.dictionaries(texts, values, max_size=2),
    )
    missing = st.builds(
        lambda document, key: {name: value for name, value in document.items() if name != key},
        proper,
        st.sampled_from(sorted(fields)),
    )
    text = st.one_of(proper, proper, damaged, missing, values).map(
        lambda document: json.dumps(document).encode()
    )
    cut = st.builds(lambda content, size: content[:size], text, st.integers(0, 60))
    return st.one_of(text, text, text, cut, st.binary(max_size=80), st.sampled_from(DEEP))


times = st.one_of(st.floats(1e9, 2e9), numbers)
lines = _document(
    epoch=st.one_of(st.integers(1, 4), st.integers(1, 4), numbers),
    reported_at=times,
    metrics=st.one_of(plausible_metrics, plausible_metrics, metrics),
)
starts = _document(
    token=st.just(TOKEN),
    started_at=times,
    host=st.one_of(st.just("node1"), texts, st.just("h" * 300)),
    pid=st.one_of(st.just(1), numbers),
    gpu=st.one_of(st.none(), texts),
    python=st.one_of(st.just("3.11"), texts),
    packages=st.dictionaries(texts, texts, max_size=3),
)
results = _document(
    token=st.one_of(st.just(TOKEN), st.just(TOKEN), st.just(TOKEN), texts),
    outcome=st.sampled_from([outcome.value for outcome in Outcome]),
    ended_at=times,
    metrics=st.one_of(plausible_metrics, metrics),
    cause=st.one_of(st.none(), st.sampled_from([cause.value for cause in Cause])),
    error=st.one_of(st.none(), texts, st.just("x" * 20_000 + "\0\ud800")),
    notes=st.dictionaries(texts, values, max_size=3),
)


def _nothing(path: Path) -> None:
    pass


def _folder(path: Path) -> None:
    (path / "inner").mkdir(parents=True)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:  # the path itself may be longer than the address of a socket may be
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{folder}/s")
    finally:
        os.close(folder)
    (path.parent / "s").rename(path)


def _link_outside(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(70_000_000)  # a file with holes occupies no space


class Thing(NamedTuple):
    """Something other than a file of the usual kind, by its name, and the function that creates it."""

    name: str
    create: Callable[[Path], None]

    def __repr__(self) -> str:
        return self.name


THINGS = [
    Thing(create.__name__.lstrip("_"), create)
    for create in (_folder, _pipe, _socket, _link_outside, _link_to_device, _link_to_itself, _large)
]
Content = bytes | Thing | None
things = st.sampled_from(THINGS)
ARTIFACTS = [
    "a.png",
    "b\n\x1b[31m.png",
    "c\udcff.png",
    "d" * 200 + ".png",
    "log.txt",
    "learning_curves.svg.png",
]


class FolderContent(NamedTuple):
    """What a folder contains when the launcher reads it for the first and for the second time.

    Attributes:
        start: The content of `started.json`; None for no file.
        first_lines: The lines of `metrics.jsonl` at first.
        more_lines: The lines that are appended later; None if the file becomes empty instead.
        metrics: Something else in place of `metrics.jsonl`.
        result: The content of `result.json`.
        stop: The content of `stop`.
        log: The content of `log.txt`.
        artifacts: Files of the folder of artifacts, or something in its place.
        whole: Something in place of the whole folder.
    """

    start: Content
    first_lines: list[bytes]
    more_lines: list[bytes] | None
    metrics: Thing | None
    result: Content
    stop: Content
    log: Content
    artifacts: dict[str, Content] | Thing
    whole: Thing | None

    def write_first(self, folder: AttemptFolder, token: str) -> None:
        """Write what the launcher reads first."""
        _write(folder.started, self.start, token)
        _write(folder.log, self.log, token)
        _write(folder.stop, self.stop, token)
        if self.metrics is not None:
            self.metrics.create(folder.metrics)
        else:
            _append(folder.metrics, self.first_lines)
        if isinstance(self.artifacts, Thing):
            shutil.rmtree(folder.artifacts)
            self.artifacts.create(folder.artifacts)
        else:
            for name, content in self.artifacts.items():
                _write(folder.artifacts / name, content, token)

    def write_more(self, folder: AttemptFolder, token: str) -> None:
        """Write what the launcher reads next."""
        _write(folder.result, self.result, token)
        if self.metrics is None and self.more_lines is None:
            folder.metrics.write_bytes(b"")
        elif self.metrics is None:
            _append(folder.metrics, self.more_lines or [])
        if self.whole is not None:
            shutil.rmtree(folder.path)
            self.whole.create(folder.path)


def _append(path: Path, lines: list[bytes]) -> None:
    with path.open("ab") as file:
        file.writelines(line + b"\n" for line in lines)


def _write(path: Path, content: Content, token: str) -> None:
    if isinstance(content, Thing):
        content.create(path)
    elif content is not None:
        path.write_bytes(content.replace(TOKEN.encode(), token.encode()))


def _mostly(usual: st.SearchStrategy[Any], *others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, *others)


folder_contents = st.builds(
    FolderContent,
    start=_mostly(starts, st.none(), things),
    first_lines=st.lists(lines, max_size=6),
    more_lines=_mostly(st.lists(lines, max_size=6), st.none()),
    metrics=_mostly(st.none(), st.none(), things),
    result=_mostly(results, st.none(), things),
    stop=_mostly(st.none(), st.binary(max_size=20), things),
    log=_mostly(st.binary(max_size=200), st.none(), things),
    artifacts=_mostly(
        st.dictionaries(st.sampled_from(ARTIFACTS), st.one_of(st.binary(max_size=20), things), max_size=3),
        things,
    ),
    whole=_mostly(st.none(), st.none(), st.none(), st.sampled_from([Thing("nothing", _nothing), *THINGS])),
)
job_ends = st.sampled_from([state for state in JobState if state.has_ended])
