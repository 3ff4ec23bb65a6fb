"""Names that a shell completes: of studies and of profiles, from the files of the working directory."""

from pathlib import Path

from sweep.cli.cluster_file import cluster_file


def study_names(incomplete: str) -> list[str]:
    """Return the names of the study files in `studies/` that begin with a text."""
    names = sorted(file.stem for file in Path("studies").glob("*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def profile_names(incomplete: str) -> list[str]:
    """Return the names of the profiles of the cluster file that begin with a text.

    A file that cannot be read has none, because a message would disturb the command line.
    """
    from sweep.definition.yaml_text import NotYamlError, parse

    file = cluster_file()
    try:
        document = parse(file.read_text(encoding="utf-8")) if file is not None else None
    except (OSError, UnicodeDecodeError, NotYamlError):
        return []
    profiles = document.get("profiles") if isinstance(document, dict) else None
    names = map(str, profiles) if isinstance(profiles, dict) else ["local"]
    return [name for name in names if name.startswith(incomplete)]
