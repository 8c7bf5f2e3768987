"""`pycall serve --redis` as a real process: what it needs, and that it keeps the password to itself."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.cli.serving import serve
from tests.program import Programs
from tests.server.redis import free_port, redis_server

pytestmark = [pytest.mark.integration, pytest.mark.parallel]

PASSWORD = "tellnobody"


def test_a_password_comes_from_anywhere_but_the_command_line(start_pycall: Programs, tmp_path: Path) -> None:
    port = free_port()
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    file = tmp_path / "redis"
    file.write_text(url)
    file.chmod(0o600)
    with redis_server(tmp_path / "server", port, "--requirepass", PASSWORD):
        flag = start_pycall("serve", "--redis", url)
        assert flag.wait() == 2
        assert "can be read by everybody" in flag.stderr
        assert "PYCALL_SERVER_REDIS" in flag.stderr
        programs = [
            flag,
            serve(start_pycall, "--redis-file", file, "-v")[0],
            serve(start_pycall, "-v", env={"PYCALL_SERVER_REDIS": url})[0],
        ]
        wrong = start_pycall("serve", env={"PYCALL_SERVER_REDIS": url.replace("nobody", "somebody")})
        assert wrong.wait() == 3
        assert f"Redis at 127.0.0.1:{port} does not accept the name and password." in wrong.stderr
    for program in [*programs, wrong]:
        assert PASSWORD not in program.stdout + program.stderr
        assert "Traceback" not in program.stderr


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("localhost:6379", "begins with redis://"),
        ("http://localhost", "begins with redis://"),
        ("redis://", "does not name a host"),
        ("redis://host:0", "does not name a host"),
        ("redis://host:port", "not the URL of a Redis"),
        ("redis://host/name", "does not name a host"),
        ("unix:", "names no path"),
    ],
)
def test_what_is_no_redis_is_said_without_quoting_it(start_pycall: Programs, url: str, why: str) -> None:
    program = start_pycall("serve", env={"PYCALL_SERVER_REDIS": url})
    assert program.wait() == 2
    assert why in program.stderr
    assert f"{url} " not in program.stderr


def test_two_places_for_the_url_contradict_each_other(start_pycall: Programs, tmp_path: Path) -> None:
    file = tmp_path / "redis"
    file.write_text("redis://127.0.0.1")
    file.chmod(0o600)
    program = start_pycall("serve", "--redis", "redis://127.0.0.1", "--redis-file", file)
    assert program.wait() == 2
    assert "only one can be meant" in program.stderr
    file.write_text("nowhere")
    program = start_pycall("serve", "--redis-file", file)
    assert program.wait() == 2
    assert f"{file}: The URL of a Redis begins with" in program.stderr


def test_a_redis_that_is_not_there_is_said_with_an_exit_code_of_its_kind(start_pycall: Programs) -> None:
    port = free_port()
    program = start_pycall("serve", "--port", "0", "--redis", f"redis://127.0.0.1:{port}")
    assert program.wait() == 3
    assert f"No Redis answers at 127.0.0.1:{port}." in program.stderr
    assert "Traceback" not in program.stderr


def test_without_the_extra_it_says_what_to_install(start_pycall: Programs, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "redis.py").write_text('raise ModuleNotFoundError("No module named redis", name="redis")\n')
    program = start_pycall("serve", "--redis", "redis://127.0.0.1", env={"PYTHONPATH": str(hidden)})
    assert program.wait() == 2
    assert "pip install 'pycall-webrtc[redis]'" in program.stderr
    assert "Traceback" not in program.stderr


@pytest.mark.parametrize("state", ["there", "frozen", "gone"])
def test_it_ends_in_time_whatever_its_redis_does(start_pycall: Programs, tmp_path: Path, state: str) -> None:
    with redis_server(tmp_path / "server", free_port()) as redis:
        program, _ = serve(start_pycall, "--redis", redis.url)
        if state == "gone":
            redis.kill()
            program.wait_for("cannot be changed")
        elif state == "frozen":
            redis.freeze()
        program.send_signal(signal.SIGTERM)
        assert program.wait() == 0
        assert "Traceback" not in program.stderr


def test_the_log_says_when_redis_goes_and_when_it_is_back(start_pycall: Programs, tmp_path: Path) -> None:
    with redis_server(tmp_path / "server", free_port()) as redis:
        program, _ = serve(start_pycall, "--redis", redis.url, "--log-format", "json")
        redis.kill()
        program.wait_for('"store-away"')
        redis.start()
        program.wait_for('"store-there"')
        lines = [json.loads(line) for line in program.stderr.splitlines()]
        assert [line["event"] for line in lines if "store" in line["event"]].count("store-away") == 1
