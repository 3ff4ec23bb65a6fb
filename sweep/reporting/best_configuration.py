"""The configuration of a trial in forms that can be pasted into a study file or a command line."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Literal

from sweep.definition.command import value_text
from sweep.definition.study import Study
from sweep.definition.yaml_text import written

Form = Literal["yaml", "fixed", "json", "args"]


def configuration_text(study: Study, params: Mapping[str, Any], form: Form) -> str:
    """Return the configuration of a trial as text, without a line break at the end.

    Args:
        study: The study of the trial.
        params: The searched hyperparameters of the trial, with the labels of choices.
        form: `yaml` is an entry of `enqueue`, which contains the searched hyperparameters; `fixed` is the key
            `fixed` with all hyperparameters; `json` is a mapping of all hyperparameters; `args` are all
            hyperparameters as arguments, `--NAME VALUE`. Where they are all, labels are replaced by values.
    """
    received = study.params(params)
    match form:
        case "yaml":
            return written({"enqueue": [dict(params)]}, in_one_line=False).rstrip("\n")
        case "fixed":
            return written({"fixed": received}, in_one_line=False).rstrip("\n")
        case "json":
            return json.dumps(received, ensure_ascii=False)
        case "args":
            # As in a command, a hyperparameter without a value is omitted.
            given = {name: value_text(value) for name, value in received.items() if value is not None}
            return " ".join(f"{shlex.quote(f'--{name}')} {shlex.quote(text)}" for name, text in given.items())
