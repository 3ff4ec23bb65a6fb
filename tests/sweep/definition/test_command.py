"""Tests of the templates of commands and of the problems that are found when a study is loaded."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sweep.definition.command import Placeholder, command_words, parse_template, split_command, unused_params
from sweep.definition.study import Study, load_study
from sweep.errors import InputError

PARAMS = {"lr": 0.001, "batch-size": 32, "model.width": 64, "nesterov": True, "clip": None, "act": "a b"}
REST = ["--batch-size", "32", "--model.width", "64", "--nesterov", "true", "--act"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain", ("plain",)),
        ("{lr}", (Placeholder("lr"),)),
        ("--x={a.b-c}.csv", ("--x=", Placeholder("a.b-c"), ".csv")),
        ("{{{lr}}}", ("{", Placeholder("lr"), "}")),
        ("{{lr}}", ("{lr}",)),
    ],
)
def test_template_consists_of_literal_parts_and_placeholders(text: str, parts: tuple[object, ...]) -> None:
    assert parse_template(text) == parts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("python 'my main.py' --lr {lr}", ["python", "my main.py", "--lr", "0.001"]),
        ("run {lr} {args}", ["run", "0.001", *REST, "a b"]),
        ("run --clip {clip} {args:=}", [
            "run", "--clip", "null",
            "--lr=0.001", "--batch-size=32", "--model.width=64", "--nesterov=true", "--act=a b",
        ]),
        ("run {args:hydra}", [
            "run", "lr=0.001", "batch-size=32", "model.width=64", "nesterov=true", "clip=null", "act='a b'",
        ]),
        (["run", "a; $B", "{act}"], ["run", "a; $B", "a b"]),
        ("run \\\n  --out {folder}/{trial} '{{}}'", ["run", "--out", "{folder}/{trial}", "{{}}"]),
    ],
)  # fmt: skip
def test_hyperparameters_are_filled_in(text: str, words: list[str]) -> None:
    assert command_words(text, PARAMS) == words


def test_braces_of_a_value_are_literal_on_the_node() -> None:
    (word,) = command_words(["{x}{{{folder}}}"], {"x": "{folder}"})
    assert word.format(folder="here") == "{folder}{here}"


def test_hyperparameter_takes_precedence_over_a_value_of_the_attempt() -> None:
    assert command_words("run --seed {seed}", {"seed": 3}) == ["run", "--seed", "3"]


@pytest.mark.parametrize(
    "value", ["plain", "a b", "it's", "a\\", "a\\'b", "true", "1", "", "a,b", "{x: 1}", "-3"]
)
def test_text_for_hydra_stays_text(value: str) -> None:
    (word,) = command_words("{args:hydra}", {"x": value})
    text = word.format().partition("=")[2]
    if text.startswith("'"):  # as Hydra reads it: backslashes escape a quote, and themselves before a quote
        inner, result, at = text[1:-1] + "'", "", 0
        while at < len(inner):
            run = len(inner) - at - len(inner[at:].lstrip("\\"))
            if inner[at + run : at + run + 1] == "'":
                result += "\\" * (run // 2) + ("'" if run % 2 else "")
                at += run + 1
            else:
                result += "\\" * run + inner[at + run : at + run + 1]
                at += run + 1
        text = result
    assert text == value
    assert word.startswith("x='") == (value != "plain")


def test_string_is_split_as_a_shell_splits_it() -> None:
    text = """a 'b c' "d 'e'" f\\ g \\\n h"""
    code = "import sys; print(sys.argv[1:])"
    shell = subprocess.run(
        ["sh", "-c", f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} {text}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(split_command(text)) == shell.stdout.strip()


def test_unused_hyperparameters_are_those_that_no_placeholder_passes_on() -> None:
    assert unused_params("run {lr}", {}, ["lr", "width"]) == ["width"]
    assert unused_params("run {lr}", {"W": "{width}"}, ["lr", "width"]) == []
    assert unused_params("run {args}", {}, ["lr"]) == []
    assert unused_params("run {params_file}", {}, ["lr"]) == []


VALUES: dict[str, Any] = {
    "name": "s",
    "command": "python main.py {args}",
    "metric": "score",
    "direction": "maximize",
    "trials": 1,
    "space": {"lr": {"type": "float", "low": 0.0, "high": 1.0}},
}


def study(**values: Any) -> Study:
    return Study.model_validate({**VALUES, **values})


PATTERNS = {"epoch": r"Epoch (\d+)", "score": r"score (\S+)"}
PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"command": "run {lrr}"}, 'unknown placeholder {lrr}; did you mean "lr"? Available: lr, study, trial'),
    ({"command": "run {lr"}, "has an opening brace without a closing one"),
    ({"command": "run lr}"}, "has a closing brace without an opening one"),
    ({"command": "run {}"}, "has a placeholder without a name"),
    ({"command": "run 'a"}, "has a quote that is not closed"),
    ({"command": ""}, "must begin with the name of a program"),
    ({"command": []}, "must begin with the name of a program"),
    ({"command": ["run", 3]}, "has a word that is not a string: put numbers in quotes"),
    ({"command": 3}, "must be a command line or a list of strings"),
    ({"command": "run --all={args}"}, "must contain {args} as a word of its own"),
    ({"command": "run {args} {args:=}"}, "must contain {args} once at most"),
    ({"command": "cd there && python main.py {args}"}, 'contains "&&", which only a shell understands'),
    ({"command": "python $HOME/main.py {args}"}, 'contains "$HOME/main.py", which only a shell'),
    ({"command": "A=1 python main.py {args}"}, "set variables with `env`"),
    ({"command": "run {data_dir}"}, "contains {data_dir}, but the study has no data_dir"),
    ({"fixed": {"args": 1}}, "cannot have a hyperparameter called args"),
    ({"train": "a:b"}, "command: is not possible together with train"),
    ({"objective": "a:b"}, "command: is not possible together with objective"),
    ({"command": None}, "train: required, but missing: a study has either train, objective or command"),
    ({"command": None, "train": "a:b", "env": {"A": "1"}}, "env: is possible only together with command"),
    ({"command": None, "train": "a:b", "metrics": {"stdout": PATTERNS}}, "metrics: is possible only"),
    ({"command": None, "train": "a:b", "stop_grace_seconds": 5}, "stop_grace_seconds: is possible only"),
    ({"env": {"A": "{nam}"}}, "env.A: contains the unknown placeholder {nam}"),
    ({"env": {"A": "{args}"}}, "env.A: must not contain {args}"),
    ({"env": {"A-B": "1"}}, "env.A-B: must be letters, digits"),
    ({"env": {"SWEEP_SEED": "1"}}, "names that begin with SWEEP_ are reserved"),
    ({"env": {"A": 4}}, "env.A: must be a string, but is 4"),
    ({"metrics": {}}, "must have at least one of stdout and file"),
    ({"metrics": {"stdout": {"score": "("}}}, "metrics.stdout.score: is not a regular expression"),
    ({"metrics": {"stdout": {"score": "score"}}}, "metrics.stdout.score: has no group"),
    ({"metrics": {"stdout": {"scor": r"(\d)"}}}, 'has no pattern for the study\'s metric "score"; did'),
    ({"metrics": {"stdout": {**PATTERNS, "number": r"(\d)"}}}, "metrics.stdout.number: is not possible"),
    ({"metrics": {"file": "{foldr}/log.csv"}}, 'unknown placeholder {foldr}; did you mean "folder"?'),
    ({"stop_grace_seconds": 0}, "stop_grace_seconds: must be greater than 0"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "message"), PROBLEMS)
def test_invalid_command_is_rejected(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    document = {**VALUES, **values}
    file = tmp_path / "s.yaml"
    file.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    with pytest.raises(InputError) as caught:
        load_study(str(file))
    assert message in str(caught.value)


def test_metrics_may_come_from_a_file_only() -> None:
    assert study(metrics={"file": "{folder}/log.csv"}).metrics is not None
    assert study(metrics={"file": "{folder}/log.csv", "stdout": {"loss": r"(\d)"}}).metrics is not None


def test_study_with_a_command_is_stored_and_read() -> None:
    for command in ("run {args}", ["run", "{args}"]):
        original = study(command=command, env={"A": "{lr}"}, metrics={"stdout": PATTERNS})
        assert Study.model_validate_json(original.model_dump_json()) == original


def test_definition_of_an_earlier_version_is_read() -> None:
    old = study(command=None, train="a:b").model_dump(mode="json")
    for key in ("objective", "command", "env", "metrics", "stop_grace_seconds"):
        del old[key]
    assert Study.model_validate_json(json.dumps(old)).train == "a:b"


def test_dry_run_and_evaluation_of_a_study_with_a_command() -> None:
    original = study(
        env={"A": "{lr}"}, metrics={"stdout": PATTERNS}, evaluate="a:b", dry_run={"params": {"lr": 0.5}}
    )
    assert original.dry_run_study("d").command == original.command
    evaluation = original.evaluation_study([{"lr": 0.5}])
    assert (evaluation.train, evaluation.command, evaluation.env, evaluation.metrics) == (
        "a:b",
        None,
        {},
        None,
    )


@pytest.mark.parametrize("name", ["batch-size", "model.width", "a.b-c.d_e", "_x"])
def test_name_of_a_hyperparameter_may_contain_dashes_and_dots(name: str) -> None:
    assert study(space={}, fixed={name: 1}).fixed == {name: 1}


@pytest.mark.parametrize("name", ["-x", ".x", "x.", "a..b", "a b", "a=b", "1x", ""])
def test_other_names_of_hyperparameters_are_rejected(name: str) -> None:
    with pytest.raises(ValidationError):
        study(space={}, fixed={name: 1})


CONDITIONAL = {
    "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
    "momentum": {"type": "float", "low": 0.0, "high": 1.0, "when": {"optimizer": "sgd"}},
    "widths": {"type": "categorical", "choices": {"small": [64, 64], "map": {"a": "b c", "d": [True, None]}}},
}


def test_args_omit_absent_hyperparameters_and_contain_the_values_of_labels() -> None:
    of_study = study(space=CONDITIONAL, command="main {args}", fixed={"layers": [2, 3]})
    words = command_words(of_study.command or "", of_study.params({"optimizer": "adam", "widths": "small"}))
    assert words == ["main", "--layers", "[2, 3]", "--optimizer", "adam", "--widths", "[64, 64]"]


def test_lists_and_mappings_have_the_notation_of_hydra() -> None:
    of_study = study(space=CONDITIONAL, command="main {args:hydra}")
    words = command_words(of_study.command or "", of_study.params({"widths": "map"}))
    assert [word.format() for word in words] == ["main", "widths={a:'b c',d:[true,null]}"]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("command", {"command": "main --m {momentum} {args}"}),
        ("env", {"command": "main {args}", "env": {"M": "{momentum}"}}),
    ],
)
def test_placeholder_of_a_conditional_hyperparameter_is_rejected(key: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        study(space=CONDITIONAL, **values)
    (error,) = caught.value.errors()
    assert error["loc"][0] == key
    assert error["msg"] == (
        'contains {momentum}, which a trial has only if optimizer is "sgd"; use {args}, which omits absent '
        "hyperparameters, or the file {params_file}"
    )
