"""Rules of this repository that would otherwise be remembered by nobody."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import pycall
from pycall.config import SECTIONS, Key, keys

REPO: Final = Path(__file__).parents[1]
PACKAGE: Final = REPO / "pycall"
MODULES: Final = sorted(path.relative_to(REPO) for path in PACKAGE.rglob("*.py"))
OWN_CODE: Final = sorted(
    path.relative_to(REPO)
    for folder in ("pycall", "tests", "benchmarks")
    for path in (REPO / folder).rglob("*.py")
)
OTHER_CODE: Final = sorted(
    path.relative_to(REPO)
    for kind in ("js", "lua", "css")
    for path in PACKAGE.rglob(f"*.{kind}")
    if path.parent.name != "vendor"
)

READ_BY_PEOPLE: Final = {".md", ".py", ".toml", ".html", ".js", ".lua", ".css", ".json", ""}

MOST_LINES: Final = 400
MOST_LINES_OF_A_FUNCTION: Final = 60

WITHOUT_A_TEST_OF_THEIR_OWN: Final = {
    "pycall/core/events.py": "only names; tests/cli/test_render.py and tests/core/test_call.py use them all",
    "pycall/core/inputs.py": "only names; tests/core/test_call.py uses them all",
    "pycall/core/outputs.py": "only names; tests/core/test_call.py uses them all",
    "pycall/core/patience.py": "only numbers; the tests of the call use them",
    "pycall/server/wire/causes.py": "only names; tests/server/wire/test_connection.py uses them",
    "pycall/media/frames.py": "only names; every test of media uses them",
}

WALL_CLOCK: Final = re.compile(r"\b(datetime\.(now|utcnow|today)|time\.(time|time_ns|localtime|gmtime))\b")
READS_THE_WALL_CLOCK: Final = {
    "pycall/server/wallclock.py": "invites and credentials for TURN expire at a time of day",
    "pycall/client/signalling/health.py": "the doctor compares clocks",
}

OUR_SPELLING: Final = re.compile(r"(?i)\bsignaling")
THEIR_SPELLING: Final = re.compile(r"(?i)signaling[-_.]?(state|server)|[-_./]signaling|wait_for_signaling")


def texts() -> Iterator[tuple[Path, str]]:
    """The tracked files of this repository that people read."""
    git = shutil.which("git")
    if git is None or not (REPO / ".git").exists():
        names = [
            str(path.relative_to(REPO))
            for path in [*REPO.glob("*.*"), *REPO.glob("docs/*"), *REPO.glob("pycall/**/*.py")]
        ]
    else:
        listed = subprocess.run([git, "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=True)
        names = listed.stdout.split("\0")
    for name in names:
        path = REPO / name
        if path.is_file() and path.suffix in READ_BY_PEOPLE:
            yield Path(name), path.read_text(encoding="utf-8")


def mirror(module: Path) -> Path:
    """Where the test of a module stands."""
    return Path("tests") / module.relative_to("pycall").with_name(f"test_{module.name}")


ALL_KEYS = [
    pytest.param(key, id=f"{key.section}.{key.name}") for section in SECTIONS for key in keys(section)
]


def test_the_example_config_has_every_key_with_its_default_and_a_comment() -> None:
    text = (REPO / "config.example.toml").read_text(encoding="utf-8")

    assert tomllib.loads(text) == {
        section.section: {key.name: [] if key.many else key.default for key in keys(section)}
        for section in SECTIONS
    }
    for paragraph in text.split("\n\n"):
        assert paragraph.startswith(("#", "[")), f"no comment above: {paragraph}"


@pytest.mark.parametrize("key", ALL_KEYS)
def test_the_documents_name_every_flag_or_variable_with_its_default(key: Key) -> None:
    lines = [
        line
        for path in (REPO / "docs").glob("*.md")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    written = rf"--(no-)?{key.flag[2:]}" if key.has_flag else key.variable
    about = [line for line in lines if re.search(rf"{written}\b", line)]

    assert about
    if not isinstance(key.default, bool) and key.default != "":
        assert any(str(key.default) in line for line in about)


def test_every_module_has_its_test() -> None:
    untested = {"__init__.py", "__main__.py"}
    missing = [
        str(mirror(module))
        for module in MODULES
        if module.name not in untested
        and str(module) not in WITHOUT_A_TEST_OF_THEIR_OWN
        and not (REPO / mirror(module)).is_file()
    ]

    assert not missing, "\n".join(["missing:", *missing])


def test_every_exemption_is_still_needed() -> None:
    for name in WITHOUT_A_TEST_OF_THEIR_OWN:
        module = Path(name)
        assert (REPO / module).is_file(), f"{name} is gone"
        assert not (
            REPO / "tests" / module.relative_to("pycall").with_name(f"test_{module.name}")
        ).exists(), name


def test_a_module_can_be_read_in_one_sitting_and_a_function_on_one_screen() -> None:
    long = []
    for module in OWN_CODE:
        text = (REPO / module).read_text(encoding="utf-8")
        long += [str(module)] if len(text.splitlines()) > MOST_LINES else []
        long += [
            f"{module}: {node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (node.end_lineno or 0) - node.lineno >= MOST_LINES_OF_A_FUNCTION
        ]

    assert long == []


@pytest.mark.parametrize("file", OTHER_CODE, ids=str)
def test_what_is_written_in_another_language_can_be_read_in_one_sitting(file: Path) -> None:
    assert len((REPO / file).read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_no_clock_that_can_be_set_decides_who_is_there() -> None:
    folders = ("pycall/core", "pycall/server", "pycall/client/signalling")
    reading = {
        str(module)
        for module in MODULES
        if str(module).startswith(folders) and WALL_CLOCK.search((REPO / module).read_text(encoding="utf-8"))
    }

    assert reading == set(READS_THE_WALL_CLOCK)


def test_nobody_is_told_to_install_somebody_elses_pycall() -> None:
    wrong = re.compile(
        r"(pip|pipx|uv|uvx)3?( tool)? (install|add|run|download)( -\S+)* ['\"]?pycall(?!-webrtc|[\w./-])"
    )

    assert [name for name, text in texts() if wrong.search(text)] == []


def test_signalling_has_two_l() -> None:
    found = [
        f"{name}:{number}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if name != Path("tests/test_repo.py") and OUR_SPELLING.search(THEIR_SPELLING.sub("", line))
    ]

    assert found == []


def test_the_changelog_tells_of_this_version_and_of_what_comes() -> None:
    text = (REPO / "CHANGELOG.md").read_text(encoding="utf-8")

    assert "## [Unreleased]" in text
    assert f"## [{pycall.__version__}]" in text


def test_links_between_our_documents_lead_somewhere() -> None:
    broken = [
        f"{name}: {target}"
        for name, text in texts()
        if name.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
        if "://" not in target and not (REPO / name.parent / target).exists()
    ]

    assert broken == []
