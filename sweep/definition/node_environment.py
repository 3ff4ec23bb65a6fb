"""The environment that trials run in: how a job's Python is prepared and started."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from sweep.definition.problem import Problem, format_value
from sweep.definition.settings import Settings


def _check_variable(name: str) -> str:
    """Check the name of an environment variable.

    Raises:
        ValueError: If a shell does not accept it.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"must be the name of an environment variable, but is {format_value(name)}")
    return name


ACTIVATE_CONDA = """\
activate_conda() {
    if command -v conda > /dev/null; then
        eval "$(conda shell.bash hook)" && conda activate "$1"
    elif command -v mamba > /dev/null; then
        eval "$(mamba shell hook --shell bash)" && mamba activate "$1"
    elif command -v micromamba > /dev/null; then
        eval "$(micromamba shell hook --shell bash)" && micromamba activate "$1"
    else
        echo "conda, mamba and micromamba are not in PATH" >&2
        return 1
    fi
}"""
"""A function that activates a conda environment, in shells in which conda is not set up."""

Variable = Annotated[str, AfterValidator(_check_variable)]


class Container(Settings):
    """A container image that trials run in, started by Apptainer."""

    image: str = Field(min_length=1)
    """Image file, or an address such as docker://pytorch/pytorch."""
    binds: tuple[str, ...] = Field(default=(), strict=False)
    """Folders that the container sees, as PATH or PATH:PATH_INSIDE. The study's folder is added."""
    gpu: bool = False
    """Whether the container uses the node's NVIDIA GPUs (--nv)."""
    program: str = "apptainer"
    """Program that starts the container; singularity has the same options."""

    def command(self, folder: Path) -> str:
        """Return the shell command that runs a program in the container, to which the program is appended.

        Args:
            folder: The study's folder, which the container must see.
        """
        options = ["--nv"] if self.gpu else []
        for bind in [*self.binds, str(folder)]:
            options += ["--bind", bind]
        return shlex.join([self.program, "exec", *options, self.image])


class NodeEnvironment(Settings):
    """The part of a profile that says how a job's Python is prepared and started."""

    env: dict[Variable, str | int | float] = Field(default={})
    """Environment variables of the trials. The values are taken literally."""
    modules: tuple[str, ...] = Field(default=(), strict=False)
    """Environment modules that are loaded, such as cuda/12.4."""
    conda: str | None = None
    """Conda environment that is activated, by its name or folder. conda, mamba or micromamba must be
    available in a shell on the node, possibly after `modules` and `setup`."""
    container: Container | None = None
    """Container that the trials run in."""
    setup: tuple[str, ...] = Field(default=(), strict=False)
    """Shell commands that run before the trial, after `modules` and before `conda`."""
    python: str | None = None
    """Command that starts Python on the node. The default is the launcher's Python, or `python` with `conda`
    and `python3` with `container`."""

    def setup_lines(self) -> list[str]:
        """Return the shell commands that prepare the environment, each of which must succeed."""
        lines = [f"module load {shlex.quote(module)}" for module in self.modules]
        lines += self.setup
        if self.conda is not None:
            lines += [*ACTIVATE_CONDA.splitlines(), f"activate_conda {shlex.quote(self.conda)}"]
            if self.python is None:
                lines.append('[ -x "$CONDA_PREFIX/bin/python" ]  # the conda environment must contain Python')
        return lines

    def exports(self) -> list[str]:
        """Return the shell commands that set the environment variables."""
        return [f"export {name}={shlex.quote(str(value))}" for name, value in self.env.items()]

    def python_command(self, folder: Path) -> str | None:
        """Return the shell command that starts Python; None for the launcher's Python.

        Args:
            folder: The study's folder.
        """
        if self.container is not None:
            return f"{self.container.command(folder)} {self.python or 'python3'}"
        return self.python or ("python" if self.conda is not None else None)

    @property
    def is_of_launcher(self) -> bool:
        """Whether trials run with the launcher's Python and environment."""
        return not (self.setup or self.python or self.modules or self.conda or self.container)

    def _environment_problems(self) -> Iterator[Problem]:
        if self.container is not None and self.conda is not None:
            yield Problem(("conda",), "conda and container exclude each other; remove one")
