"""The command of a trial: its template, its environment, and the sources of its metrics.

A command line is split into words without a shell. Each word is a template in which `{name}` is a
hyperparameter or a value of the attempt, and `{{` and `}}` are literal braces. `{args}` as a whole word is
replaced by all hyperparameters that the command does not name elsewhere.

The launcher fills in the hyperparameters. The worker fills in the rest, because some values are known on the
node only.
"""

import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sweep.definition.problem import Problem, format_choices, format_value, raise_problems
from sweep.definition.settings import Settings

ATTEMPT_VALUES = (
    "study",
    "trial",
    "attempt",
    "seed",
    "folder",
    "checkpoint_dir",
    "data_dir",
    "params_file",
)
"""The placeholders that the worker fills in. A hyperparameter of the same name takes precedence."""
ARGS_FORMS = ("args", "args:=", "args:hydra")
"""The placeholders for all hyperparameters that the command does not name elsewhere."""
EPOCH = "epoch"
"""The name of the pattern or column that contains the number of an epoch."""

_SHELL_OPERATORS = {"|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1", "&>"}
_VARIABLE = re.compile(r"\$[A-Za-z_]\w*(/.*)?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PLAIN_FOR_HYDRA = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*")
_HYDRA_CONSTANTS = {"true", "false", "null", "nan", "inf"}


@dataclass(frozen=True)
class Placeholder:
    """The name between a pair of braces."""

    name: str


Template = tuple[str | Placeholder, ...]


def parse_template(text: str) -> Template:
    """Split a text into literal parts and placeholders.

    Raises:
        ValueError: If a brace has no counterpart, or a placeholder has no name.
    """
    parts: list[str | Placeholder] = []
    literal, at = "", 0
    while at < len(text):
        if text[at : at + 2] in {"{{", "}}"}:
            literal, at = literal + text[at], at + 2
        elif text[at] == "}":
            raise ValueError(f"has a closing brace without an opening one in {format_value(text)}; {_DOUBLE}")
        elif text[at] == "{":
            end = text.find("}", at)
            name = text[at + 1 : end]
            if end < 0 or "{" in name:
                raise ValueError(
                    f"has an opening brace without a closing one in {format_value(text)}; {_DOUBLE}"
                )
            if not name:
                raise ValueError(f"has a placeholder without a name in {format_value(text)}; {_DOUBLE}")
            parts += [literal, Placeholder(name)] if literal else [Placeholder(name)]
            literal, at = "", end + 1
        else:
            literal, at = literal + text[at], at + 1
    return (*parts, literal) if literal else tuple(parts)


_DOUBLE = "write {{ and }} for literal braces"


def placeholders(text: str) -> list[str]:
    """Return the names of the placeholders of a template in their order.

    Raises:
        ValueError: If it is not a template.
    """
    return [part.name for part in parse_template(text) if isinstance(part, Placeholder)]


def split_command(command: str | Sequence[str]) -> list[str]:
    """Return the words of a command. A string is split as a shell splits words, a list is taken as it is.

    Raises:
        ValueError: If a quote is not closed, or the string contains what only a shell understands.
    """
    if not isinstance(command, str):
        return list(command)
    try:
        words = shlex.split(command.replace("\\\n", ""))
    except ValueError as error:
        reason = {"No closing quotation": "has a quote that is not closed"}.get(str(error))
        raise ValueError(reason or f"cannot be split into words: {error}") from None
    for word in words:
        if word in _SHELL_OPERATORS or _VARIABLE.fullmatch(word):
            raise ValueError(
                f"contains {format_value(word)}, which only a shell understands; no shell is used, unless "
                "the command starts one as in: bash -c '...'"
            )
    if words and _ASSIGNMENT.match(words[0]):
        raise ValueError(f"begins with the variable {format_value(words[0])}; set variables with `env`")
    return words


def _check_command_type(value: object) -> object:
    if isinstance(value, list | tuple):
        if not all(isinstance(word, str) for word in value):
            raise ValueError("has a word that is not a string: put numbers in quotes")
        return tuple(value)
    if not isinstance(value, str):
        raise ValueError("must be a command line or a list of strings")  # noqa: TRY004 - for pydantic
    return value


def _check_command(command: str | tuple[str, ...]) -> str | tuple[str, ...]:
    words = split_command(command)
    if not words or not words[0].strip():
        raise ValueError("must begin with the name of a program")
    names = [(word, name) for word in words for name in placeholders(word)]
    args = [name for _, name in names if name in ARGS_FORMS]
    for word, name in names:
        if name in ARGS_FORMS and word != f"{{{name}}}":
            raise ValueError(f"must contain {{{name}}} as a word of its own, but has {format_value(word)}")
    if len(args) > 1:
        raise ValueError("must contain {args} once at most")
    return command


def _check_template(text: str) -> str:
    for name in placeholders(text):
        if name in ARGS_FORMS:
            raise ValueError(f"must not contain {{{name}}}, which is possible in `command` only")
    return text


def _check_pattern(pattern: str) -> str:
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    if compiled.groups == 0:
        raise ValueError(r"has no group: put parentheses around the number, as in 'val_acc: (\S+)'")
    return pattern


def _check_no_null(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain null characters")
    return text


Command = Annotated[
    str | tuple[str, ...],
    BeforeValidator(_check_command_type),
    AfterValidator(_check_command),
]
"""A command line, or a list of words."""
TemplateText = Annotated[str, AfterValidator(_check_no_null), AfterValidator(_check_template)]
"""A text with placeholders."""
MetricPattern = Annotated[str, AfterValidator(_check_pattern)]
"""A regular expression with a group."""
MetricName = Annotated[str, Field(min_length=1, max_length=128)]


class MetricSources(Settings):
    """Where the metrics of a command are read from, besides the file that `SWEEP_METRICS` names."""

    stdout: dict[MetricName, MetricPattern] = Field(default={})
    """For each metric, a regular expression with a group that matches its value in a line of the output. The
    one called `epoch` matches the number of the epoch."""
    file: TemplateText | None = None
    """A CSV file with a header or a file of JSON lines that the command writes. The column or key `epoch`
    contains the number of the epoch."""

    @model_validator(mode="after")
    def _check(self) -> "MetricSources":
        if not self.stdout and self.file is None:
            raise ValueError("must have at least one of stdout and file")
        if "number" in self.stdout:
            message = "is not possible as the name of a metric, because reports have a column of this name"
            raise_problems([Problem(("stdout", "number"), message)])
        return self


def command_problems(
    command: str | Sequence[str],
    env: Mapping[str, str],
    metrics: MetricSources | None,
    *,
    params: Collection[str],
    objectives: Sequence[str],
    has_data_dir: bool,
    conditional: Mapping[str, str],
) -> Iterator[Problem]:
    """Find the problems of a command that concern several keys of a study.

    Args:
        command: The command.
        env: Its environment variables.
        metrics: The sources of its metrics.
        params: The names of the hyperparameters.
        objectives: The metrics of the study's objectives that the command has to report.
        has_data_dir: Whether the study has a `data_dir`.
        conditional: The hyperparameters that not every trial has, each with its condition as text.
    """
    if "args" in params:
        yield Problem(
            ("command",), "cannot have a hyperparameter called args, because {args} has a meaning of its own"
        )
    texts = [
        *((("command",), word) for word in split_command(command)),
        *((("env", name), value) for name, value in env.items()),
        *([(("metrics", "file"), metrics.file)] if metrics is not None and metrics.file else []),
    ]
    for keys, text in texts:
        for name in placeholders(text):
            if name == "data_dir" and name not in params and not has_data_dir:
                yield Problem(keys, "contains {data_dir}, but the study has no data_dir")
            elif name in conditional:
                yield Problem(
                    keys,
                    f"contains {{{name}}}, which a trial has only if {conditional[name]}; use {{args}}, "
                    "which omits absent hyperparameters, or the file {params_file}",
                )
            elif name not in params and name not in ATTEMPT_VALUES and name not in ARGS_FORMS:
                valid = [*params, *ATTEMPT_VALUES, *(ARGS_FORMS if keys == ("command",) else ())]
                yield Problem(
                    keys, f"contains the unknown placeholder {{{name}}}; {format_choices(name, valid)}"
                )
    for name in env:
        if name.startswith("SWEEP_"):
            yield Problem(("env", name), "is not possible: names that begin with SWEEP_ are reserved")
    for objective in objectives:
        if metrics is not None and metrics.file is None and objective not in metrics.stdout:
            yield Problem(
                ("metrics", "stdout"),
                f"has no pattern for the study's metric {format_value(objective)}; "
                + format_choices(objective, [name for name in metrics.stdout if name != EPOCH]),
            )


def unused_params(command: str | Sequence[str], env: Mapping[str, str], params: Collection[str]) -> list[str]:
    """Return the hyperparameters that a command can read from nothing but the file of `SWEEP_PARAMS_FILE`.

    Args:
        command: The command.
        env: Its environment variables.
        params: The names of the hyperparameters.
    """
    named = {name for text in (*split_command(command), *env.values()) for name in placeholders(text)}
    return [] if named & {*ARGS_FORMS, "params_file"} else [name for name in params if name not in named]


def command_words(command: str | Sequence[str], params: Mapping[str, Any]) -> list[str]:
    """Return the words of a command with its hyperparameters filled in.

    Args:
        command: The command.
        params: The hyperparameters of the trial.

    Returns:
        Each word as a format string for `str.format`, with the placeholders of the worker.
    """
    words = split_command(command)
    named = {name for word in words for name in placeholders(word)}
    rest = {name: value for name, value in params.items() if name not in named}
    filled: list[str] = []
    for word in words:
        form = next((form for form in ARGS_FORMS if word == f"{{{form}}}"), None)
        filled += [with_params(word, params)] if form is None else map(escaped, _arguments(rest, form))
    return filled


def with_params(text: str, params: Mapping[str, Any]) -> str:
    """Return a template with its hyperparameters filled in, as a format string for `str.format`."""
    return "".join(
        escaped(part)
        if isinstance(part, str)
        else escaped(value_text(params[part.name]))
        if part.name in params
        else f"{{{part.name}}}"
        for part in parse_template(text)
    )


def escaped(text: str) -> str:
    """Return a text as `str.format` needs it in order to return the text."""
    return text.replace("{", "{{").replace("}", "}}")


def value_text(value: Any) -> str:
    """Return a value as JSON: `0.001`, `true`, `null`, `[64, 64]`; a text as it is, without quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _arguments(params: Mapping[str, Any], form: str) -> Iterator[str]:
    """Yield the arguments for hyperparameters. Null is omitted, unless they are for Hydra, which has it."""
    for name, value in params.items():
        if form == "args:hydra":
            yield f"{name}={_hydra_value(value)}"
        elif value is None:
            continue
        elif form == "args:=":
            yield f"--{name}={value_text(value)}"
        else:
            yield f"--{name}"
            yield value_text(value)


def _hydra_value(value: Any) -> str:
    """Return a value in Hydra's notation, in which a text may have to be quoted to stay one."""
    if isinstance(value, list):
        return f"[{','.join(map(_hydra_value, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_hydra_value(item)}' for key, item in value.items())}}}"
    if not isinstance(value, str):
        return value_text(value)
    if _PLAIN_FOR_HYDRA.fullmatch(value) and value.lower() not in _HYDRA_CONSTANTS:
        return value
    quoted = re.sub(r"(\\*)'", r"\1\1\\'", value)
    trailing = len(quoted) - len(quoted.rstrip("\\"))
    return f"'{quoted}{chr(92) * trailing}'"
