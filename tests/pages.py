"""The pages of the documentation, and the blocks of code on them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_blocks(page: Path, language: str) -> list[str]:
    return _blocks(read(page), language)


def saved_on_page(page: Path) -> dict[str, str]:
    """Return the modules that the page asks the reader to save, by their names without the suffix."""
    return dict(re.findall(r"Save this as\s`(\w+)\.py`.*?```python\n(.*?)```", read(page), re.DOTALL))


def study_files(page: Path) -> dict[str, str]:
    """Return the study files on the page by the names of the studies."""
    return {block.split()[1]: block for block in code_blocks(page, "yaml") if block.startswith("name:")}


def profile_file(page: Path, section: str) -> str:
    """Return the cluster file that a section of the page shows."""
    return _yaml_block(page, section, "default:")


def command_key(page: Path, section: str) -> str:
    """Return the key `command` that a section of the page shows by itself."""
    return _yaml_block(page, section, "command:")


def _yaml_block(page: Path, section: str, start: str) -> str:
    """Return the one YAML block of a section that begins with a key."""
    text = read(page).partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    (block,) = (block for block in _blocks(text, "yaml") if block.startswith(start))
    return block


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
