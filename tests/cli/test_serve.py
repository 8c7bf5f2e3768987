"""`pycall serve` as a real process."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import ssl
import stat
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pycall.cli.addresses import lan_address, reachable
from pycall.server.certificate import own_identity
from tests.cli.scan import scanned
from tests.cli.serving import serve
from tests.cli.terminal import Start
from tests.program import PYCALL, Programs
from tests.server.raw import RawClient, raw_clients

pytestmark = pytest.mark.integration

Data = dict[str, str]

CLIENTS = 100
STOP_S = 5.0
"""What the program promises for its end, however many are connected."""


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """The environment of a program whose user keeps its data in an empty folder."""
    return {"XDG_DATA_HOME": str(tmp_path / "data")}


def test_it_says_where_it_listens_and_answers_there(start_pycall: Programs) -> None:
    program, port = serve(start_pycall)
    assert program.stdout.splitlines() == [
        f"Signalling server listening on http://127.0.0.1:{port}",
        "Other machines do not reach it directly: see --host.",
        f"STUN is answered on UDP port {port}",
        f"In a browser: http://127.0.0.1:{port}/   A room's own link ends in /r/ROOM",
    ]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as response:
        assert b'"status": "ok"' in response.read()


def test_beyond_this_machine_it_says_that_rooms_are_open(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--port", "0")
    program.wait_for("In a browser")
    assert "reachable as http://127.0.0.1:" in program.stdout
    assert "Rooms are open" in program.stdout
    assert "only over https: see --tls" in program.stdout
    assert "Other machines" not in program.stdout


def test_behind_a_web_server_it_does_not_say_that_nobody_elsewhere_reaches_it(start_pycall: Programs) -> None:
    program, _ = serve(start_pycall, "--proxy", "127.0.0.1")
    assert "Other machines" not in program.stdout


def test_without_limits_it_says_so(start_pycall: Programs) -> None:
    program, _ = serve(start_pycall, "--no-limits")
    assert "There are no limits: any one client can take up the whole server." in program.stdout
    logged, _ = serve(start_pycall, "--no-limits", "--log-format", "json")
    logged.wait_for("no-limits")


def test_limits_that_cannot_be_together_end_it(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--port", "0", env={"PYCALL_LIMITS_PING_INTERVAL_S": "5"})
    assert program.wait() == 2
    assert program.stderr == (
        "Error: An answer to a ping may take 6 s, and the next ping leaves after 5 s.\n"
        "Hint: Make ping_timeout_s shorter than ping_interval_s.\n"
    )


def test_the_link_is_the_address_that_others_reach(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--port", "0")
    program.wait_for("In a browser")
    listening, *_, link = program.stdout.splitlines()
    address = listening.removeprefix("Signalling server listening on ")
    assert link.startswith(f"In a browser: {address}/ ")
    assert urlsplit(address).hostname == (lan_address() or reachable("0.0.0.0")[0])


@pytest.mark.parametrize("options", [("--qr", "always"), ("--qr", "always", "--tls")], ids=" ".join)
def test_the_qr_code_leads_to_the_link(start_pycall: Programs, data: Data, options: tuple[str, ...]) -> None:
    program, port = serve(start_pycall, *options, env=data)
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 0
    scheme = "https" if "--tls" in options else "http"
    assert scanned(program.stdout) == f"{scheme}://127.0.0.1:{port}/"


@pytest.mark.skipif(lan_address() is None, reason="this machine is in no network")
@pytest.mark.parametrize(
    ("columns", "env", "options", "is_shown"),
    [
        (80, {}, [], True),
        (80, {}, ["--host", "127.0.0.1"], False),
        (80, {}, ["--qr", "never"], False),
        (20, {}, [], False),
        (80, {"TERM": "dumb"}, [], False),
        (80, {"PYTHONIOENCODING": "ascii"}, [], False),
    ],
    ids=["shown", "nobody else reaches it", "not wanted", "narrow", "dumb", "no blocks"],
)
def test_a_terminal_gets_a_qr_code_where_it_helps(
    terminal: Start, columns: int, env: dict[str, str], options: list[str], is_shown: bool
) -> None:
    here = terminal([PYCALL, "serve", "--port", "0", *options], columns=columns, env=env)
    here.wait_for("In a browser")
    here.process.send_signal(signal.SIGTERM)
    assert here.wait() == 0
    link = here.written.partition("In a browser: ")[2].split()[0]
    assert scanned(here.written) == (link if is_shown else "")


def test_what_cannot_be_printed_is_not_though_wanted(start_pycall: Programs) -> None:
    program, _ = serve(start_pycall, "--qr", "always", env={"PYTHONIOENCODING": "ascii"})
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 0
    assert scanned(program.stdout) == program.stderr == ""


def test_a_file_gets_no_qr_code_unasked(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--port", "0")
    program.wait_for("In a browser")
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 0
    assert "\x1b" not in program.stdout


# --- TLS -------------------------------------------------------------------------------------------------


def test_with_tls_it_prints_the_fingerprint_of_the_certificate_it_shows(
    start_pycall: Programs, data: Data
) -> None:
    program, port = serve(start_pycall, "--tls", env=data)
    assert program.stdout.splitlines() == [
        f"Signalling server listening on https://127.0.0.1:{port}",
        "Other machines do not reach it directly: see --host.",
        f"STUN is answered on UDP port {port}",
        "The certificate is self-signed: browsers warn, `pycall call` needs --cert-sha256",
        fingerprint_at(port),
        f"In a browser: https://127.0.0.1:{port}/   A room's own link ends in /r/ROOM",
    ]


def test_the_certificate_is_the_same_after_a_second_start(start_pycall: Programs, data: Data) -> None:
    _, first_port = serve(start_pycall, "--tls", env=data)
    _, second_port = serve(start_pycall, "--tls", env=data)
    assert fingerprint_at(first_port) == fingerprint_at(second_port)


def test_the_key_is_the_users_alone_whatever_the_umask(start_pycall: Programs, data: Data) -> None:
    before = os.umask(0)
    try:
        serve(start_pycall, "--tls", env=data)
    finally:
        os.umask(before)
    folder = Path(data["XDG_DATA_HOME"], "pycall")
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "server.pem": 0o600
    }


def test_a_given_certificate_is_shown_and_its_name_is_in_the_link(
    start_pycall: Programs, data: Data, tmp_path: Path
) -> None:
    own_identity(tmp_path, ["call.example.org"], needed=[], now=datetime.now(UTC))
    both = tmp_path / "server.pem"
    program, port = serve(start_pycall, "--cert", both, "--key", both, env=data)
    assert fingerprint_at(port) in program.stdout
    assert f"In a browser: https://call.example.org:{port}/ " in program.stdout
    assert "self-signed" not in program.stdout
    assert not Path(data["XDG_DATA_HOME"]).exists()


def test_certificates_that_cannot_be_used_are_usage_errors(start_pycall: Programs, tmp_path: Path) -> None:
    empty, missing = tmp_path / "empty.pem", tmp_path / "missing.pem"
    empty.touch()
    wrong: list[tuple[list[str | Path], str]] = [
        (["--cert", empty], "Of --cert and --key only one was given."),
        (["--key", empty], "Of --cert and --key only one was given."),
        (["--cert", empty, "--key", empty], f"{empty}: there is no certificate in it."),
        (["--cert", missing, "--key", empty], f"{missing}: No such file or directory."),
    ]
    for options, why in wrong:
        program = start_pycall("serve", "--port", "0", *options)
        assert program.wait() == 2
        assert program.stderr.splitlines()[0] == f"Error: {why}"
        assert len(program.stderr.splitlines()) == 2


def test_a_data_folder_that_cannot_be_written_is_one_sentence_and_a_hint(
    start_pycall: Programs, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    program = start_pycall("serve", "--tls", "--port", "0", env={"XDG_DATA_HOME": str(tmp_path / "file")})
    assert program.wait() == 3
    assert "The certificate cannot be kept in" in program.stderr
    assert len(program.stderr.splitlines()) == 2


def test_it_ends_in_time_whatever_its_tls_clients_do(start_pycall: Programs, data: Data) -> None:
    program, port = serve(start_pycall, "--tls", env=data)

    async def linger() -> float:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CLIENTS // 2)]
        idle = [
            await asyncio.open_connection("127.0.0.1", port, ssl=unsuspecting()) for _ in range(CLIENTS // 2)
        ]
        for _, writer in silent[::2]:
            writer.write(b"GET / HTTP/1.1\r\n\r\n")  # no TLS at all
        for _, writer in idle[::2]:
            writer.write(b"GET / HTTP/1.1\r\nHost: ")  # never goes on
        began = time.monotonic()
        program.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(program.wait) == 0
        took = time.monotonic() - began
        for _, writer in silent + idle:
            writer.transport.abort()
        return took

    assert asyncio.run(linger()) < STOP_S
    assert program.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_a_hundred_connected(
    start_pycall: Programs, number: signal.Signals
) -> None:
    program, port = serve(start_pycall)

    async def be_told() -> float:
        async with raw_clients(port) as clients:
            crowd = [await clients({"pycall": 1}) for _ in range(CLIENTS)]
            for index, client in enumerate(crowd):
                await client.call("join", f"room-{index // 2}")
            await asyncio.gather(*(client.heard() for client in crowd))
            began = time.monotonic()
            program.send_signal(number)
            await asyncio.gather(*map(_told, crowd))
            assert await asyncio.to_thread(program.wait) == 0
            return time.monotonic() - began

    assert asyncio.run(be_told()) < STOP_S
    assert program.stdout.endswith("Stopping ...\n")
    assert program.stderr == ""


def test_it_ends_in_time_though_nobody_reads_what_it_tells(start_pycall: Programs) -> None:
    program, port = serve(start_pycall)

    async def be_deaf() -> float:
        async with raw_clients(port) as clients:
            for client in [await clients() for _ in range(CLIENTS)]:
                client.stop_reading()
            began = time.monotonic()
            program.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(program.wait) == 0
            return time.monotonic() - began

    assert asyncio.run(be_deaf()) < STOP_S
    assert program.stderr == ""


def test_a_second_signal_ends_it_at_once(start_pycall: Programs) -> None:
    program, _ = serve(start_pycall)
    program.send_signal(signal.SIGSTOP)  # so that both are there before it can act on the first
    os.waitid(os.P_PID, program.process.pid, os.WSTOPPED)
    program.send_signal(signal.SIGINT)
    program.send_signal(signal.SIGTERM)
    program.send_signal(signal.SIGCONT)
    assert program.wait() in {128 + signal.SIGINT, 128 + signal.SIGTERM}


def test_a_port_in_use_is_one_sentence_and_a_hint(start_pycall: Programs) -> None:
    _, port = serve(start_pycall)
    second = start_pycall("serve", "--host", "127.0.0.1", "--port", str(port))
    assert second.wait() == 3
    assert second.stdout == ""
    assert second.stderr.splitlines() == [
        f"Error: Cannot listen on 127.0.0.1 port {port}: the port is in use.",
        "Hint: Another program listens there: choose another --port, or see which with `ss -ltnp`.",
    ]


def test_an_address_of_another_machine_is_one_sentence_and_a_hint(start_pycall: Programs) -> None:
    program = start_pycall("serve", "--host", "203.0.113.1", "--port", "0")
    assert program.wait() == 3
    assert "is not of this machine" in program.stderr
    assert len(program.stderr.splitlines()) == 2


@pytest.mark.parametrize("port", ["-1", "65536", "http", ""])
def test_a_port_that_is_none_is_a_usage_error(start_pycall: Programs, port: str) -> None:
    program = start_pycall("serve", "--port", port)
    assert program.wait() == 2
    assert "Traceback" not in program.stderr
    assert len(program.stderr.splitlines()) <= 5


def test_it_reads_its_section_of_the_config(start_pycall: Programs, tmp_path: Path, free_port: int) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[server]\nhost = "127.0.0.1"\nport = {free_port}\n')
    program = start_pycall("serve", "--config", config)
    program.wait_for(f"listening on http://127.0.0.1:{free_port}")


def test_a_key_it_does_not_know_is_an_error(start_pycall: Programs, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[server]\nprot = 1\n")
    program = start_pycall("serve", "--config", config)
    assert program.wait() == 2
    assert "prot" in program.stderr


def unsuspecting() -> ssl.SSLContext:
    """A client that takes every certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fingerprint_at(port: int) -> str:
    """The SHA-256 of the certificate that is shown at a port of 127.0.0.1."""
    shown = ssl.get_server_certificate(("127.0.0.1", port))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).digest().hex(":").upper()


async def _told(client: RawClient) -> None:
    assert (await client.event())[:2] == ["error", "server-stopping"]
    assert await client.packet() == "41"
    assert await client.close_code() == 1001
