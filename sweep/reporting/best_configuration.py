"""The configuration of a trial in forms that can be pasted into a study file or a command line."""

import io
import json
import shlex
from collections.abc import Mapping
from typing import Any, Literal

from ruamel.yaml import YAML

from sweep.definition.command import value_text
from sweep.definition.study import Study

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
            return _yaml({"enqueue": [dict(params)]})
        case "fixed":
            return _yaml({"fixed": received})
        case "json":
            return json.dumps(received, ensure_ascii=False)
        case "args":
            # As in a command, a hyperparameter without a value is omitted.
            given = {name: value_text(value) for name, value in received.items() if value is not None}
            return " ".join(f"{shlex.quote(f'--{name}')} {shlex.quote(text)}" for name, text in given.items())


def _yaml(document: Mapping[str, Any]) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 2**20
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue().rstrip("\n")
