"""A program that writes the options of a script's argparse parser as JSON and ends the script.

It is started by the user's interpreter as `python argparse_capture.py OUTPUT SCRIPT ARGUMENTS...`.
"""

import argparse
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any, Dict, List


def options_of(parser: argparse.ArgumentParser, words: List[str]) -> List[Dict[str, Any]]:
    """Return the options that a parser takes a value for; those of the selected subparser, if it has any."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            chosen = [word for word in words if word in action.choices]
            if chosen:
                return options_of(action.choices[chosen[0]], words)
    return [
        {
            "names": list(action.option_strings),
            "type": getattr(action.type, "__name__", None),
            "default": action.default if isinstance(action.default, (bool, int, float, str)) else None,
            "choices": [c for c in action.choices or () if isinstance(c, (int, float, str))],
            "takes_one": action.nargs is None and isinstance(action, argparse._StoreAction),
        }
        for action in parser._actions
        if action.option_strings and action.dest != "help"
    ]


def main() -> None:
    """Run the script until it parses its arguments."""
    output, script, words = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    parse = argparse.ArgumentParser.parse_known_args

    def capture(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        parse(self, *args, **kwargs)  # ends with the parser's own message if an argument is missing
        output.write_text(json.dumps(options_of(self, words)), encoding="utf-8")
        os._exit(0)

    argparse.ArgumentParser.parse_known_args = capture  # type: ignore[method-assign]
    sys.argv = [script, *words]
    sys.path[0] = str(Path(script).resolve().parent)
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
