"""A program that writes the options of a script's argparse parser as JSON and ends the script.

It is started by the user's interpreter as `python argparse_capture.py OUTPUT SCRIPT ARGUMENTS...` or as
`python argparse_capture.py OUTPUT -m MODULE ARGUMENTS...`.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any


def options_of(parser: argparse.ArgumentParser, words: list[str]) -> list[dict[str, Any]]:
    """Return the options of a parser, and those of the subparser that the arguments select."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word in words:
                if word in action.choices:
                    found += options_of(action.choices[word], words[words.index(word) + 1 :])
                    break
        elif action.option_strings and action.dest != "help":
            found.append(_described(action))
    return found


def _described(action: argparse.Action) -> dict[str, Any]:
    return {
        "names": list(action.option_strings),
        "default": action.default if isinstance(action.default, (bool, int, float, str)) else None,
        "choices": [choice for choice in action.choices or () if isinstance(choice, (int, float, str))],
        "takes_one": action.nargs is None and isinstance(action, argparse._StoreAction),
    }


def main() -> None:
    """Run the script or the module until it parses its arguments."""
    output, target, words = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    parse = argparse.ArgumentParser.parse_known_args

    def capture(self: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> Any:
        parse(self, *args, **kwargs)  # ends with the parser's own message if an argument is missing
        output.write_text(json.dumps(options_of(self, words)), encoding="utf-8")
        os._exit(0)

    argparse.ArgumentParser.parse_known_args = capture  # type: ignore[method-assign]
    if target == "-m":
        target = words.pop(0)
        sys.argv, sys.path[0] = [target, *words], str(Path.cwd())
        runpy.run_module(target, run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = [target, *words], str(Path(target).resolve().parent)
        runpy.run_path(target, run_name="__main__")


if __name__ == "__main__":
    main()
