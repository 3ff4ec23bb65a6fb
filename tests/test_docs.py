"""The documentation matches the code: its code runs, its commands parse, its links resolve."""

import ast
import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand

from sweep.cli import app
from sweep.definition.cluster import load_profile
from sweep.definition.failures import DEFAULT_RETRIES
from sweep.definition.slurm_profile import SlurmProfile
from sweep.definition.study import Study, load_study
from sweep.definition.yaml_text import parse
from sweep.scheduler.factory import make_executor
from sweep.storage.study_reader import study_data
from tests.pages import DOCS, ROOT, code_blocks, profile_file, read, saved_on_page, study_files
from tests.sweep.scheduler.contract import new_job

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("**/*.md")])


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL)


def shell_commands() -> list[str]:
    """Return every command of every bash block, also the parts of a chain."""
    lines = [line for page in PAGES for block in code_blocks(page, "bash") for line in block.splitlines()]
    parts = [part.partition(" #")[0].strip() for line in lines for part in line.split("&&")]
    return sorted({part for part in parts if part})


def sweep_commands() -> list[str]:
    return [command for command in shell_commands() if command.startswith("sweep ")]


def developer_commands() -> list[str]:
    """Return every python, pytest and make command of the pages, without leading variables."""
    in_text = {code for page in PAGES for code in re.findall(r"`([^`\n]+)`", without_code(page))}
    commands = {re.sub(r"^(\w+=\S+ )+", "", command) for command in {*shell_commands(), *in_text}}
    return sorted(command for command in commands if re.match(r"(python|pytest|make) ", command))


def links(page: Path) -> list[tuple[Path, str]]:
    """Return the target file and the anchor of each relative link of a page."""
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code(page))
    relative = [target.partition("#") for target in targets if not target.startswith("http")]
    return [
        ((page.parent / path).resolve() if path else page.resolve(), anchor) for path, _, anchor in relative
    ]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def sections(page: Path) -> dict[str, str]:
    """Return the text below each heading of the second level."""
    _, *rest = re.split(r"^## (.+)$", read(page), flags=re.MULTILINE)
    return dict(zip(rest[::2], rest[1::2], strict=True))


def subcommands() -> dict[str, TyperCommand]:
    group = typer.main.get_command(app)
    return {f"sweep {name}": command for name, command in group.commands.items()}


def options(command: TyperCommand) -> set[str]:
    """Return the long options of a command and of its subcommands, except --help."""
    nested = getattr(command, "commands", {}).values()
    own = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    return own.union(*map(options, nested)) - {"--help"}


@pytest.mark.parametrize("command", sweep_commands())
def test_every_sweep_command_parses(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    node, words = typer.main.get_command(app), shlex.split(command)[1:]
    while hasattr(node, "commands"):
        node = node.commands[words.pop(0)]
    parsed = node.make_context(command, words)
    monkeypatch.chdir(ROOT)
    study = parsed.params.get("study")
    for reference in [study] if isinstance(study, str) else study or []:
        if not reference.startswith("my_"):
            load_study(reference, parsed.params.get("overrides") or ())


@pytest.mark.parametrize("command", developer_commands())
def test_every_developer_command_names_what_exists(command: str) -> None:
    program, first, *rest = shlex.split(command)
    if program == "make":
        assert re.search(rf"^{first}:", read(ROOT / "Makefile"), re.MULTILINE)
    elif first == "-m":
        assert importlib.util.find_spec(rest[0]) is not None
    else:
        assert (ROOT / first).exists()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_relative_link_resolves(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), target
        if anchor:
            assert anchor in anchors(target), f"{target}#{anchor}"


def test_every_page_is_reachable_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [(DOCS / "README.md").resolve()]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            waiting += [
                target for target, _ in links(page) if target.suffix == ".md" and DOCS in target.parents
            ]
    assert {page_name(page) for page in DOCS.glob("**/*.md")} == {page_name(page) for page in reached}


def test_every_picture_is_small_and_shown() -> None:
    pictures = set(DOCS.glob("**/*.png"))
    assert {picture.name for picture in pictures if picture.stat().st_size > 200_000} == set()
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+\.png)\)", read(page))
    }
    assert pictures == shown


def test_first_two_commands_of_the_readme_are_chains_on_one_line() -> None:
    first, second, *_ = code_blocks(ROOT / "README.md", "bash")
    assert first.count("\n") == second.count("\n") == 1
    assert "sweep launch --study quickstart" in first
    assert second.rstrip().endswith("pytest")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "study"),
    [
        ("main", "my_script"),
        ("my_model", "my_svm"),
        ("my_sgd", "my_sgd"),
        ("my_keras", "my_keras"),
        ("my_lightning", "my_lightning"),
        ("tune", "my_objective"),
        ("distributed", "my_torchrun"),
    ],
)
def test_own_project_runs_as_described(tmp_path: Path, module: str, study: str) -> None:
    """Save the page's code and study file as a reader would, and run the page's commands."""
    page = DOCS / "own_project.md"
    code, study_file = saved_on_page(page)[module], study_files(page)[study]
    for library in re.findall(r"^(?:import|from) (lightning|torch)", code, re.MULTILINE):
        pytest.importorskip(library)
    (tmp_path / f"{module}.py").write_text(code)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / f"{study}.yaml").write_text(study_file)
    for command in ("launch", "report"):
        done = subprocess.run(
            [sys.executable, "-m", "sweep", command, "--study", study],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "report" / study / "report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["my_tradeoff", "my_small_forest"])
def test_studies_with_objectives_and_constraints_run_as_described(tmp_path: Path, name: str) -> None:
    page = DOCS / "studies.md"
    (model,) = (block for block in code_blocks(page, "python") if '"""my_tradeoff.py' in block)
    (study,) = (block for block in code_blocks(page, "yaml") if block.startswith(f"name: {name}\n"))
    (tmp_path / "my_tradeoff.py").write_text(model)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / f"{name}.yaml").write_text(study)
    commands = [["launch"], ["report"]]
    if name == "my_tradeoff":
        commands.insert(1, ["evaluate", "--front", "--seeds=2"])
    for command, *options in commands:
        done = subprocess.run(
            [sys.executable, "-m", "sweep", command, "--study", name, *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "report" / name / "report.json").read_text())
    assert content["front"]


def test_own_project_shows_what_is_tested() -> None:
    page = DOCS / "own_project.md"
    (tested,) = (mark for mark in test_own_project_runs_as_described.pytestmark if mark.name == "parametrize")
    assert dict(tested.args[1]).keys() == saved_on_page(page).keys()
    assert set(dict(tested.args[1]).values()) == study_files(page).keys()
    assert code_blocks(page, "bash") == ["sweep launch --study my_script\nsweep report --study my_script\n"]


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_imports_of_every_python_example_work(page: Path) -> None:
    for block in code_blocks(page, "python"):
        for library in re.findall(r"^(?:import|from) (lightning|torch)\b", block, re.MULTILINE):
            pytest.importorskip(library)
        imports = [node for node in ast.parse(block).body if isinstance(node, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), str(page), "exec"), {})


@pytest.mark.parametrize("file", sorted(ROOT.glob("studies/*.yaml")), ids=lambda file: file.stem)
def test_every_study_loads(file: Path) -> None:
    assert load_study(str(file)).name == file.stem


def test_documented_commands_are_the_existing_ones() -> None:
    documented = {heading for heading in sections(DOCS / "commands.md") if heading.startswith("sweep ")}
    assert documented == set(subcommands())


@pytest.mark.parametrize("name", subcommands())
def test_documented_options_are_the_existing_ones(name: str) -> None:
    section = sections(DOCS / "commands.md")[name]
    rows = re.findall(r"^\| (`--.+?) \|", section.replace("\\|", "/"), re.MULTILINE)
    documented = {option for row in rows for option in re.findall(r"--[\w-]+", row)}
    assert documented == options(subcommands()[name])


def test_every_key_of_a_study_file_is_documented() -> None:
    text = read(DOCS / "studies.md")
    assert [key for key in Study.model_fields if f"`{key}`" not in text] == []


def examples_of_single_keys() -> list[str]:
    keys = "sampler|pruner|objective_of|repeats|start_from|stop_when"
    lines = [line for block in code_blocks(DOCS / "studies.md", "yaml") for line in block.splitlines()]
    return [line for line in lines if re.match(f"({keys}): ", line)]


def test_every_example_of_a_single_key_is_valid() -> None:
    lines = examples_of_single_keys()
    keys = {"sampler", "pruner", "objective_of", "repeats", "start_from", "stop_when"}
    assert {line.partition(":")[0] for line in lines} == keys
    study = {"name": "toy", "train": "toy:train", "metric": "score", "direction": "maximize", "trials": 9}
    space = {"width": {"type": "int", "low": 1, "high": 9}}
    for line in lines:
        Study.model_validate(study | {"space": space} | parse(line))


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [line for line in examples_of_single_keys() if "optunahub" not in line and "custom" not in line]
)
def test_study_with_the_example_of_a_single_key_runs(tmp_path: Path, line: str) -> None:
    """The samplers of other packages have tests of their own."""
    (tmp_path / "cluster.yaml").write_text("default: inline\nprofiles: {inline: {executor: inline}}\n")
    (tmp_path / "toy.py").write_text(
        "def train(params, trial):\n"
        "    for epoch in (1, 2, 3):\n"
        "        trial.report(epoch, {'score': params['width'] * epoch, 'val_loss': 1 / epoch})\n"
        "    return {'score': params['width'] * 3}\n"
    )
    study = (
        "train: toy:train\nmetric: score\ndirection: maximize\ntrials: 4\n"
        "space: {width: {type: int, low: 1, high: 9}}\n"
    )
    names = ["kmnist_8k", "toy"] if line.startswith("start_from") else ["toy"]
    for name in names:
        key = f"{line}\n" if name == "toy" else ""
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n{study}{key}")
        subprocess.run(
            [sys.executable, "-m", "sweep", "launch", "--study", f"{name}.yaml"],
            cwd=tmp_path,
            check=True,
            timeout=100,
        )


def test_grid_of_the_example_has_the_documented_number_of_points() -> None:
    text = read(DOCS / "studies.md").partition("### Grid\n")[2]
    (grid,) = re.findall(r"```yaml\n(.+?)```\n\nThis study", text, re.DOTALL)
    study = {"name": "toy", "train": "toy:train", "metric": "score", "direction": "maximize"}
    assert f"This study has {Study.model_validate(study | parse(grid)).trials} trials" in text


def test_every_cause_of_failure_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", read(DOCS / "studies.md"), re.MULTILINE)
    assert {cause: int(default) for cause, default in rows} == DEFAULT_RETRIES


def test_every_key_of_a_slurm_profile_is_documented() -> None:
    text = read(DOCS / "clusters.md")
    assert [key for key in SlurmProfile.model_fields if key != "executor" and f"`{key}`" not in text] == []


def test_every_test_named_in_the_table_of_failures_exists() -> None:
    rows = re.findall(r"^\|.+\|$", read(DOCS / "failures_and_recovery.md"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.rsplit("|", 2)[1])}
    sources = "\n".join(read(file) for file in ROOT.glob("tests/**/*.py"))
    assert named
    assert {name for name in named if f"def {name}(" not in sources} == set()


def test_profile_of_an_sbatch_file_requests_the_same(tmp_path: Path) -> None:
    page = DOCS / "own_project.md"
    (sbatch,) = code_blocks(page, "sbatch")
    file = tmp_path / "cluster.yaml"
    file.write_text(profile_file(page, "An sbatch file"))
    profile = load_profile(file, "gpu").profile
    script = make_executor(profile).preview(new_job(tmp_path))
    requested = set(re.findall(r"^#SBATCH (--\S+)", sbatch, re.MULTILINE))
    assert requested - set(re.findall(r"^#SBATCH (\S+)", str(script), re.MULTILINE)) == {
        "--signal=B:USR2@90",  # submitit sets its own
        "--mem=32G",
        "--time=1-12:00:00",
    }
    for line in ("#SBATCH --mem=32768M", "#SBATCH --time=2160", "module load cuda/12.4", "OMP_NUM_THREADS=8"):
        assert line in str(script)
    assert "activate_conda torch" in str(script)


def test_search_space_of_the_study_page_runs_as_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = DOCS / "studies.md"
    (study,) = (block for block in code_blocks(page, "yaml") if block.startswith("name: my_optimizers"))
    (train,) = (block for block in code_blocks(page, "python") if "sgd.lookahead" in block)
    (tmp_path / "my_optimizers.py").write_text(train)
    (tmp_path / "my_optimizers.yaml").write_text(study)
    (tmp_path / "cluster.yaml").write_text("default: inline\nprofiles: {inline: {executor: inline}}\n")
    for command in (
        ["launch", "--dry-run"],
        ["launch", "--set", "fixed.schedule.warmup=3"],
        ["reproduce", "--trial", "0"],
    ):
        subprocess.run(
            [sys.executable, "-m", "sweep", *command, "--study", "my_optimizers.yaml"],
            cwd=tmp_path,
            check=True,
            timeout=100,
        )
    monkeypatch.chdir(tmp_path)
    trials = study_data("my_optimizers").trials
    assert set(trials["state"]) == {"complete"}
    is_sgd = trials["param_optimizer"] == "sgd"
    assert (trials["param_sgd.momentum"].notna() == is_sgd).all()
    assert (trials["param_decay"].notna() == ~is_sgd).all()
    assert (trials["param_sgd.lookahead"].notna() == trials["param_sgd.nesterov"].eq(True)).all()
    assert trials["param_hidden_layers"].iloc[0] == "small"
    assert list(study_data("my_optimizers-dryrun").trials["param_decay"].notna()) == [True]
