from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from pycall.checks import Raw
from pycall.config import SECTIONS, CallConfig, Key, ServerConfig, keys, read_file
from pycall.errors import ConfigError

CALL = {key.name: key for key in keys(CallConfig)}
SERVER = {key.name: key for key in keys(ServerConfig)}
ALL = [pytest.param(key, id=f"{key.section}.{key.name}") for section in SECTIONS for key in keys(section)]


def written(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_what_is_used_not_what_is_written() -> None:
    config = CallConfig()

    assert config.size == (640, 480)
    assert config.duration is None
    assert config.wait is None
    assert config.record is False
    assert config.server == "http://localhost:8080"


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CallConfig().fps = 3  # type: ignore[misc]


@pytest.mark.parametrize("key", ALL)
def test_every_key_has_help_and_accepts_its_own_default(key: Key) -> None:
    section = next(each for each in SECTIONS if each.section == key.section)

    assert key.help.endswith(".")
    used = () if key.many else key.read(key.default, key.flag)
    assert used == getattr(section(), key.name)


def test_flag_and_variable_are_made_from_the_name() -> None:
    key = CALL["record_layout"]

    assert key.flag == "--record-layout"
    assert key.variable == "PYCALL_CALL_RECORD_LAYOUT"


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("size", "1280x720", (1280, 720)),
        ("size", "16x4096", (16, 4096)),
        ("size", "640×480", (640, 480)),
        ("fps", "60", 60),
        ("fps", 1, 1),
        ("duration", "2.5", 2.5),
        ("duration", 90, 90.0),
        ("wait", "forever", None),
        ("record", True, True),
        ("record", "true", True),
        ("record", "talks/a.MP4", Path("talks/a.MP4")),
        ("record", "a.webm", Path("a.webm")),
        ("server", "https://example.org/", "https://example.org"),
        ("server", "http://[::1]:8080", "http://[::1]:8080"),
        ("cert_sha256", "0a" * 32, ":".join(["0A"] * 32)),
        ("cert_sha256", ":".join(["0A"] * 32), ":".join(["0A"] * 32)),
        ("name", "  Ann\u202e  B ", "Ann B"),
        ("camera", 2, "2"),
        ("camera", "HD Webcam", "HD Webcam"),
        ("display", "none", "none"),
        ("stay", True, True),
    ],
)
def test_good_values(name: str, raw: Raw, value: object) -> None:
    assert CALL[name].read(raw, "x") == value


@pytest.mark.parametrize(
    ("name", "raw", "why"),
    [
        ("size", "640", "not a picture size"),
        ("size", "640x480x3", "not a picture size"),
        ("size", 640, "not a picture size"),
        ("size", "641x480", "even numbers"),
        ("size", "14x480", "even numbers"),
        ("size", "640x4098", "even numbers"),
        ("fps", "0", "from 1 to 60"),
        ("fps", "61", "from 1 to 60"),
        ("fps", "29.97", "from 1 to 60"),
        ("fps", True, "from 1 to 60"),
        ("fps", "\u0663", "from 1 to 60"),
        ("duration", "0", "seconds above zero"),
        ("duration", "-1", "seconds above zero"),
        ("duration", "nan", "seconds above zero"),
        ("duration", math.inf, "seconds above zero"),
        ("duration", "soon", "seconds above zero"),
        ("wait", True, "seconds above zero"),
        ("record", "a.avi", "no kind of recording"),
        ("record", "a", "no kind of recording"),
        ("record", "", "not a text"),
        ("record_layout", "both", "not a choice"),
        ("display", 1, "not a choice"),
        ("server", "localhost:8080", "http:// or https://"),
        ("server", "ws://localhost:8080", "http:// or https://"),
        ("server", "http:localhost", "http:// or https://"),
        ("server", "http://", "name a host"),
        ("server", "http://ann:secret@host", "name a host"),
        ("server", "http://a b", "name a host"),
        ("server", "http://host:99999", "not an address"),
        ("server", "http://host:port", "not an address"),
        ("server", "http://[::1", "not an address"),
        ("server", "http://host/kitchen", "more than a host"),
        ("server", "http://host?x=1", "more than a host"),
        ("server", 8080, "not a text"),
        ("cert_sha256", "0a" * 20, "not the SHA-256"),
        ("cert_sha256", "0g" * 32, "not the SHA-256"),
        ("cert_sha256", "\u0660" * 64, "not the SHA-256"),
        ("cert_sha256", 10**63, "not a text"),
        ("name", "\u202e\u200b", "nothing in it"),
        ("camera", "", "not a text"),
        ("camera", True, "not a text"),
        ("stay", "yes", "neither true nor false"),
        ("stay", 1, "neither true nor false"),
    ],
)
def test_bad_values_are_one_sentence_that_names_where_they_stood(name: str, raw: Raw, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        CALL[name].read(raw, "--somewhere")

    message = caught.value.message
    assert message.startswith("--somewhere: ")
    assert message.endswith(".")
    assert "\n" not in message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("port", ["-1", "65536", "http", 80.5])
def test_a_port_is_a_port(port: Raw) -> None:
    assert SERVER["port"].read("0", "x") == 0
    with pytest.raises(ConfigError, match="from 0 to 65535"):
        SERVER["port"].read(port, "x")


@pytest.mark.parametrize("name", ["cert", "key"])
def test_a_file_may_be_left_out(name: str) -> None:
    assert SERVER[name].read("", "x") is None
    assert SERVER[name].read("my.pem", "x") == Path("my.pem")
    with pytest.raises(ConfigError, match="not a text"):
        SERVER[name].read(True, "x")


def test_a_file_gives_raw_values_by_section(tmp_path: Path) -> None:
    path = written(tmp_path, '[server]\nport = 9000\n[call]\nsize = "320x240"\nstay = true\n')

    assert read_file(path) == {"server": {"port": 9000}, "call": {"size": "320x240", "stay": True}}


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("[cal]\n", r"no section \[cal\]", "mean call?"),
        ("[zebra]\n", r"no section \[zebra\]", "server, limits, call"),
        ("fps = 3\n", "no section", "server, limits, call"),
        ("call = 3\n", "call is a section", "line of its own"),
        ("[call]\nfsp = 3\n", r"\[call\] has no key fsp", "mean fps?"),
        ("[call]\nfps = 300\n", r"fps in \[call\]: 300 is not", ""),
        ("[call]\nfps = [1]\n", r"fps in \[call\] is a single value", ""),
        ("[call]\nice_server = 'stun:a'\n", r"ice_server in \[call\] is a list", ""),
        ("[call]\nice_server = [[1]]\n", r"ice_server in \[call\] is a list of texts", ""),
        ("[call]\nice_server = ['x']\n", r"ice_server in \[call\]: 'x' is not", "stun:HOST"),
        ("[call]\nwait = 2026-01-01\n", r"wait in \[call\] is a single value", ""),
        ("[call]\n\nfps = \n", "not TOML: .*line 3", "config.example.toml"),
    ],
)
def test_a_wrong_file_is_told_with_file_and_key_or_line(
    tmp_path: Path, text: str, why: str, hint: str
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(ConfigError, match=why) as caught:
        read_file(path)

    assert caught.value.message.startswith(f"{path}: ")
    assert "\n" not in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="No such file"):
        read_file(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="directory"):
        read_file(tmp_path)
    with pytest.raises(ConfigError, match="UTF-8"):
        read_file(binary)
