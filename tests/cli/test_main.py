from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import NoReturn

import click
import pytest

import pycall
from pycall.cli import main as module
from pycall.cli.main import COMMANDS, main, root
from pycall.errors import NobodyCame, PycallError
from tests.program import PYCALL, Programs

pytestmark = [pytest.mark.integration, pytest.mark.parallel]

HEAVY = (
    "aiohttp",
    "aioice",
    "aiortc",
    "av",
    "cryptography",
    "cv2",
    "miniaudio",
    "numpy",
    "pywebrtc_audio",
    "rich",
    "segno",
    "socketio",
)

Run = Callable[[Callable[[], object]], tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `pycall boom` whose body is given; returns exit code, stdout and stderr."""

    def run(body: Callable[[], object]) -> tuple[int, str, str]:
        command = click.command("boom")(body)
        monkeypatch.setitem(COMMANDS, "boom", "Break.")
        monkeypatch.setitem(sys.modules, "pycall.cli.boom", SimpleNamespace(boom=command))
        return run_main("boom", capsys=capsys)

    return run


def run_main(*args: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


def fail(error: BaseException) -> Callable[[], NoReturn]:
    def body() -> NoReturn:
        raise error

    return body


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["-h"], []])
def test_version_and_help_import_nothing_heavy(args: list[str]) -> None:
    program = (
        "import sys\n"
        "from pycall.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        f"finally: sys.exit(' '.join(set({HEAVY!r}) & set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-c", program, *args], capture_output=True, text=True, check=False)

    assert done.stderr.strip() == ""
    assert done.stdout.startswith("pycall 0." if args == ["--version"] else "Usage: pycall")


def test_the_command_and_the_module_are_the_same(start_pycall: Programs) -> None:
    command = start_pycall("--version")
    as_module = start_pycall("--version", command=(sys.executable, "-m", "pycall"))

    assert command.wait() == as_module.wait() == 0
    assert command.stdout == as_module.stdout == f"pycall {pycall.__version__}\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run_main("--help", capsys=capsys)

    assert code == 0
    for name, summary in COMMANDS.items():
        assert f"{name} " in out
        assert summary in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(name: str) -> None:
    command = root.get_command(click.Context(root), name)

    assert command is not None
    assert command.name == name
    assert command.help


def test_an_error_is_a_sentence_a_hint_and_its_exit_code(run: Run) -> None:
    assert run(fail(NobodyCame("Nobody came.", "Ask them."))) == (
        4,
        "",
        "Error: Nobody came.\nHint: Ask them.\n",
    )
    assert run(fail(PycallError("It broke."))) == (1, "", "Error: It broke.\n")


def test_an_error_never_has_more_than_five_lines_nor_acts_on_the_terminal(run: Run) -> None:
    _, _, err = run(fail(PycallError("a\n\x1b[2Jb" * 9, "\n".join("abcdefgh"))))

    assert len(err.splitlines()) == 5
    assert "\x1b" not in err


def test_a_command_may_return_its_exit_code(run: Run) -> None:
    assert run(lambda: 143) == (143, "", "")
    assert run(lambda: None) == (0, "", "")


def test_an_interrupt_is_130(run: Run) -> None:
    code, out, err = run(fail(KeyboardInterrupt()))

    assert (code, out, err.strip()) == (130, "", "")


def test_what_nobody_foresaw_is_shown_as_a_bug(run: Run) -> None:
    code, out, err = run(fail(RuntimeError("surprise")))

    assert (code, out) == (1, "")
    assert "Traceback" in err
    assert "RuntimeError: surprise" in err
    assert f"Error: This is a bug in pycall {pycall.__version__}." in err


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["cal"], "Error: No such command 'cal'"),
        (["--verison"], "Error: No such option '--verison'"),
        (["serve", "--prot", "1"], "Error: No such option '--prot'"),
        (["serve", "extra"], "Error: Got unexpected extra argument (extra)."),
        (["serve", "--port", "many"], "Error: --port: 'many' is not a whole number from 0 to 65535."),
        (["serve", "--config", "missing.toml"], "Error: missing.toml: No such file or directory."),
        (["call"], "Error: Missing argument 'ROOM'."),
        (["call", "a/b"], "Error: A room name has"),
        (["call", "kitchen", "--size", "big"], "Error: --size: 'big' is not a picture size."),
        (["call", "kitchen", "--server", "ftp://x"], "Error: --server: 'ftp://x' does not begin with"),
    ],
)
def test_wrong_usage_is_a_sentence_a_hint_and_exit_code_2(
    args: list[str], sentence: str, start_pycall: Programs
) -> None:
    program = start_pycall(*args)

    assert program.wait() == 2
    assert program.stdout == ""
    assert program.stderr.startswith(sentence)
    assert len(program.stderr.splitlines()) <= 5
    assert "Traceback" not in program.stderr
    assert "?." not in program.stderr
    assert "?)." not in program.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [PYCALL, "--help"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(write)

    assert done.stderr == ""


def test_unknown_commands_are_not_imported() -> None:
    assert root.get_command(click.Context(root), "main") is None
    assert "main" not in module.COMMANDS
