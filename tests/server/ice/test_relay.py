"""Against the real coturn: whom it serves, whom it relays to, and that it lives exactly as long as we do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aioice import stun

from pycall.cli.addresses import lan_address
from pycall.errors import ConfigError, ListenFailed
from pycall.server.ice.coturn import USER_QUOTA, RelaySettings
from pycall.server.ice.relay import Relay
from tests.server.seating import until
from tests.server.turnclient import (
    Allocation,
    allocation,
    coturn_port,
    credentials,
    exchanged,
    let_through,
    runs,
    turnserver,
)

__all__ = ["coturn_port"]

pytestmark = pytest.mark.integration

FORBIDDEN = 403
UNAUTHORISED = 401
QUOTA_REACHED = 486

INSIDE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.254", "100.64.0.1", "100.127.255.254", "127.0.0.2",
    "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.254", "192.0.0.8", "192.88.99.1",
    "192.168.0.1", "192.168.255.254", "198.18.0.1", "198.19.255.254", "224.0.0.251", "239.255.255.250",
    "240.0.0.1", "255.255.255.255",
]  # fmt: skip
INSIDE_6 = [
    "::", "::127.0.0.1", "::10.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:192.168.1.1",
    "::ffff:169.254.169.254", "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
    "100::1", "2001:0:a00:1::1", "2002:7f00:1::1", "2002:a00:1::1", "fc00::1", "fd12:3456::1", "fe80::1",
    "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip


def unix_time() -> float:
    return datetime.now(UTC).timestamp()


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where relays keep what is theirs; nothing is there any more at the end."""
    let_through(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert not list(tmp_path.iterdir())


@pytest.fixture
async def relay(port: int, folders: Path) -> AsyncIterator[Relay]:
    assert folders.is_dir()
    relay = Relay(RelaySettings(("127.0.0.1",), port=port))
    await relay.start()
    yield relay
    await relay.stop()


@contextlib.asynccontextmanager
async def allocated(
    relay: Relay, port: int, member_id: str = "ann", *, host: str = "127.0.0.1", transport: str = "udp"
) -> AsyncIterator[Allocation]:
    name, password = credentials(relay.turn, unix_time() + 60, member_id)
    async with allocation((host, port), name, password, transport=transport) as mine:
        yield mine


async def refusal(port: int, name: str, password: str) -> int:
    with pytest.raises(stun.TransactionFailed) as failed:
        async with allocation(("127.0.0.1", port), name, password):
            pass
    code: int = failed.value.response.attributes["ERROR-CODE"][0]
    return code


# --- whom it relays to --------------------------------------------------------------------------------------


async def test_two_relayed_ends_meet_over_udp_and_tcp(relay: Relay, port: int) -> None:
    async with allocated(relay, port) as ann, allocated(relay, port, "bob", transport="tcp") as bob:
        await exchanged(ann, bob)


async def test_strangers_are_relayed_to_and_no_inside_is(relay: Relay, port: int) -> None:
    async with allocated(relay, port) as mine:
        assert await mine.refusal_of_permission("8.8.8.8") == 0
        assert await mine.refusal_of_channel("9.9.9.9") == 0
        for peer in INSIDE:
            refused = await mine.refusal_of_permission(peer), await mine.refusal_of_channel(peer)
            assert refused == (FORBIDDEN, FORBIDDEN), peer


async def test_no_inside_is_relayed_to_by_ipv6(port: int, folders: Path) -> None:
    assert folders.is_dir()
    relay = Relay(RelaySettings(("::1",), port=port))
    try:
        await relay.start()
    except ListenFailed:
        pytest.skip("this machine has no IPv6")
    try:
        async with allocated(relay, port, host="::1") as mine:
            assert await mine.refusal_of_permission("2606:4700::1111") == 0
            for peer in INSIDE_6:
                refused = await mine.refusal_of_permission(peer), await mine.refusal_of_channel(peer)
                assert refused == (FORBIDDEN, FORBIDDEN), peer
    finally:
        await relay.stop()


@pytest.mark.skipif(lan_address() is None, reason="this machine is in no network")
async def test_of_this_machine_only_the_address_relayed_from_is_a_peer(port: int, folders: Path) -> None:
    assert folders.is_dir()
    own = lan_address() or ""
    relay = Relay(RelaySettings((own, "127.0.0.1"), port=port))
    await relay.start()
    try:
        async with allocated(relay, port) as mine:
            assert mine.relayed[0] == own
            assert await mine.refusal_of_permission(own) == 0
            for peer in ("127.0.0.1", "127.0.0.2", "0.0.0.0"):
                assert await mine.refusal_of_permission(peer) == FORBIDDEN
    finally:
        await relay.stop()


async def test_behind_a_nat_the_outside_address_is_told_and_relayed_ends_meet(
    port: int, folders: Path
) -> None:
    assert folders.is_dir()
    relay = Relay(RelaySettings(("127.0.0.1",), port=port, external_ip="203.0.113.9"))
    await relay.start()
    try:
        async with allocated(relay, port) as ann, allocated(relay, port, "bob") as bob:
            assert ann.relayed[0] == bob.relayed[0] == "203.0.113.9"
            await exchanged(ann, bob)
    finally:
        await relay.stop()


# --- whom it serves -----------------------------------------------------------------------------------------


async def test_who_has_no_credentials_of_now_gets_nothing(relay: Relay, port: int) -> None:
    name, password = credentials(relay.turn, unix_time() + 60)
    expired = credentials(relay.turn, unix_time() - 1)
    later = name.replace(name.partition(":")[0], str(int(unix_time()) + 6000))
    for wrong in (
        expired,
        (name, "guess"),
        (name, ""),
        (later, password),
        (name + "x", password),
        ("ann", password),
    ):
        assert await refusal(port, *wrong) == UNAUTHORISED, wrong


async def test_a_member_cannot_take_all_of_it(relay: Relay, port: int) -> None:
    async with contextlib.AsyncExitStack() as kept:
        for _ in range(USER_QUOTA):
            await kept.enter_async_context(allocated(relay, port))
        for lifetime in (60, 90):
            assert await refusal(port, *credentials(relay.turn, unix_time() + lifetime)) == QUOTA_REACHED
        await kept.enter_async_context(allocated(relay, port, "bob"))


async def test_its_answer_to_a_stranger_is_no_longer_than_the_question(relay: Relay, port: int) -> None:
    """As packets on the wire; the ratio of the bytes within is what the attributes asked for cost."""
    assert relay.turn.urls
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.connect(("127.0.0.1", port))
        asked = bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST))
        await loop.sock_sendall(asking, asked)
        answered = await asyncio.wait_for(loop.sock_recv(asking, 1500), 5)
    assert (28 + len(answered)) / (28 + len(asked)) <= 1.5


# --- its life -----------------------------------------------------------------------------------------------


async def test_its_secret_is_for_our_eyes_and_only_what_it_writes_is_its_own(
    relay: Relay, port: int, folders: Path
) -> None:
    (folder,) = folders.iterdir()
    configuration, its_own = folder / "turnserver.conf", folder / "run"
    for path, mode in ((folder, 0o711), (configuration, 0o600), (its_own, 0o700)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert folder.stat().st_uid == configuration.stat().st_uid == os.geteuid()
    assert relay.turn.secret in configuration.read_text(encoding="utf-8")
    assert relay.turn.secret.encode() not in Path(f"/proc/{turnserver(port)}/cmdline").read_bytes()
    assert [path.name for path in its_own.iterdir()] == ["turnserver.pid"]
    runs_as = Path(f"/proc/{turnserver(port)}").stat().st_uid
    assert (runs_as != 0, runs_as) == (True, its_own.stat().st_uid)


async def test_it_is_started_again_when_it_dies(
    relay: Relay, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with allocated(relay, port):
        pass
    os.kill(turnserver(port), signal.SIGKILL)
    async with asyncio.timeout(20):
        while "runs again" not in caplog.text:
            await asyncio.sleep(0.05)
    assert "the TURN server ended (exit code 137), starting it again in 0.5 s" in caplog.text
    async with allocated(relay, port):
        pass


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The real one, which ends at once while this file is there."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program, broken = programs / "turnserver", programs / "broken"
    program.write_text(f'#!/bin/sh\n[ ! -e {broken} ] || exit 1\nexec {shutil.which("turnserver")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    yield broken
    shutil.rmtree(programs)


async def test_while_it_does_not_start_it_is_tried_ever_less_often_and_why_is_said_once(
    port: int, folders: Path, broken: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folders.is_dir()
    caplog.set_level("DEBUG", "pycall.server.ice.relay")
    monkeypatch.setattr("pycall.server.ice.relay.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("pycall.server.ice.relay.STEADY_S", 0.0)
    relay = Relay(RelaySettings(("127.0.0.1",), port=port))
    await relay.start()
    broken.touch()
    os.kill(turnserver(port), signal.SIGKILL)
    async with asyncio.timeout(20):
        while "trying again in 0.08 s" not in caplog.text:
            await asyncio.sleep(0.02)
        broken.unlink()
        while "runs again" not in caplog.text:
            await asyncio.sleep(0.02)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == [
        "the TURN server ended (exit code 137), starting it again in 0.01 s",
        "The TURN server did not start: it said nothing (trying again in 0.02 s)",
        "the TURN server runs again",
    ]
    await relay.stop()


async def test_it_ends_though_a_bug_ended_who_watches_it(
    port: int, folders: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folders.is_dir()
    relay = Relay(RelaySettings(("127.0.0.1",), port=port))
    await relay.start()
    monkeypatch.setattr("pycall.server.ice.relay.configuration", "not callable")
    os.kill(turnserver(port), signal.SIGKILL)
    async with asyncio.timeout(20):
        while "not watched any more" not in caplog.text:
            await asyncio.sleep(0.02)
    await relay.stop()


async def test_it_ends_even_if_the_shell_before_it_was_killed(relay: Relay, port: int, folders: Path) -> None:
    process = turnserver(port)
    shell = int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    (left,) = folders.iterdir()
    os.kill(shell, signal.SIGKILL)
    async with allocated(relay, port):
        pass
    await relay.stop()
    await until(lambda: not runs(process))  # it closes its output a moment before it is gone
    shutil.rmtree(left)  # what the shell would have done


async def test_a_port_in_use_is_said_so(relay: Relay, port: int) -> None:
    assert relay.turn.urls
    with pytest.raises(ListenFailed) as failed:
        await Relay(RelaySettings(("127.0.0.1",), port=port)).start()
    assert failed.value.message == (
        f"The TURN server cannot listen on 127.0.0.1 port {port}: Address already in use."
    )
    assert "--turn-port" in failed.value.hint


async def test_a_server_that_does_not_start_is_said_so_in_its_own_words(
    port: int, tmp_path: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "turnserver").write_text(
        "#!/bin/sh\necho Starting\nprintf 'No such \\033[1mrelay\\n'\nexit 1\n"
    )
    (programs / "turnserver").chmod(0o755)
    with monkeypatch.context() as only_this:
        only_this.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        with pytest.raises(ListenFailed) as failed:
            await Relay(RelaySettings(("127.0.0.1",), port=port)).start()
    assert failed.value.message == r"The TURN server did not start: No such \x1b[1mrelay"
    shutil.rmtree(programs)
    assert not list(folders.iterdir())


async def test_a_help_that_never_ends_is_not_waited_for(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "turnserver"
    program.write_text("#!/bin/sh\nsleep 600\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("pycall.server.ice.relay.HELP_S", 0.2, raising=False)
    async with asyncio.timeout(10):
        with pytest.raises(ListenFailed, match="`turnserver -h` does not end"):
            await Relay(RelaySettings(("127.0.0.1",), port=port)).start()


async def test_without_coturn_it_says_how_to_get_it(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError) as failed:
        await Relay(RelaySettings(("127.0.0.1",), port=port)).start()
    assert "coturn, which is not installed" in failed.value.message
    assert "apt install coturn" in failed.value.hint
