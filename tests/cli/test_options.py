from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest

from pycall.cli.options import ROOM, config_options, key_option, limits_of
from pycall.config import CallConfig, Limits, ServerConfig, keys
from pycall.errors import ConfigError

CALL = {key.name: key for key in keys(CallConfig)}


@click.command()
@click.argument("room", type=ROOM)
@config_options(CallConfig)
def call(room: str, config: CallConfig) -> tuple[str, CallConfig]:
    return room, config


def config_of(*args: str) -> CallConfig:
    room, config = call.main(["kitchen", *args], standalone_mode=False)
    assert room == "kitchen"
    assert isinstance(config, CallConfig)
    return config


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.toml"
    path.write_text('[call]\nfps = 20\nsize = "320x240"\nstay = true\nrecord = true\n[server]\nport = 1\n')
    return path


def test_without_options_everything_has_its_default() -> None:
    assert config_of() == CallConfig()


def test_a_flag_wins_over_the_environment_which_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    assert config_of("--config", str(file)).fps == 20

    monkeypatch.setenv("PYCALL_CALL_FPS", "25")
    assert config_of("--config", str(file)).fps == 25
    assert config_of("--config", str(file)).size == (320, 240)
    assert config_of("--config", str(file), "--fps", "10").fps == 10


def test_what_a_file_switches_on_a_flag_switches_off(file: Path) -> None:
    assert config_of("--config", str(file)).stay is True
    assert config_of("--config", str(file), "--no-stay").stay is False


def test_the_file_may_be_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("PYCALL_CONFIG", str(file))

    assert config_of().fps == 20


def test_no_file_is_read_unasked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[call]\nfps = 1\n")
    monkeypatch.chdir(tmp_path)

    assert config_of().fps == 30


@pytest.mark.parametrize(
    ("args", "record"),
    [
        ([], False),
        (["--record"], True),
        (["--record", "--fps", "10"], True),
        (["--record", "a.mkv"], Path("a.mkv")),
        (["--record=b.mp4"], Path("b.mp4")),
    ],
)
def test_record_takes_a_file_or_none(args: list[str], record: Path | bool) -> None:
    assert config_of(*args).record == record


def test_record_takes_its_value_from_the_environment_and_the_file_too(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    assert config_of("--config", str(file)).record is True

    monkeypatch.setenv("PYCALL_CALL_RECORD", "false")
    assert config_of("--config", str(file)).record is False
    monkeypatch.setenv("PYCALL_CALL_RECORD", "c.webm")
    assert config_of("--config", str(file)).record == Path("c.webm")


def test_a_room_in_the_place_of_records_file_is_explained() -> None:
    with pytest.raises(ConfigError, match="'kitchen' is no kind of recording") as caught:
        call.main(["--record", "kitchen"], standalone_mode=False)

    assert "before --record" in caught.value.hint


def test_a_bad_value_names_the_flag_or_the_variable_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"^--record-layout: "):
        config_of("--record-layout", "both")

    monkeypatch.setenv("PYCALL_CALL_SIZE", "1x1")
    with pytest.raises(ConfigError, match=r"^PYCALL_CALL_SIZE: "):
        config_of()


def test_a_switch_from_the_environment_is_true_or_false(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYCALL_CALL_AUDIO_PROCESSING", "off")
    assert config_of().audio_processing is False

    monkeypatch.setenv("PYCALL_CALL_AUDIO_PROCESSING", "perhaps")
    with pytest.raises(click.UsageError) as caught:
        config_of()
    assert "PYCALL_CALL_AUDIO_PROCESSING" in caught.value.format_message()


def test_a_bad_file_is_told_even_where_its_values_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text('[server]\nport = "high"\n')

    with pytest.raises(ConfigError, match=r"port in \[server\]"):
        config_of("--config", str(path))


@pytest.mark.parametrize("room", ["", ".hidden", "a/b", "a b", "x" * 65, "a\n"])
def test_a_bad_room_is_told_before_anything_is_opened(room: str) -> None:
    with pytest.raises(ConfigError, match="room name"):
        call.main([room], standalone_mode=False)


@pytest.mark.parametrize("section", [CallConfig, ServerConfig])
def test_help_shows_every_flag_and_variable_but_those_of_secrets(
    section: type[CallConfig | ServerConfig],
) -> None:
    @click.command()
    @config_options(section)
    def command(config: Any) -> None: ...

    with click.Context(command, terminal_width=500, max_content_width=500) as ctx:
        text = command.get_help(ctx)

    for key in keys(section):
        shown = [re.search(rf"{name}(?![\w-])", text) is not None for name in (key.flag, key.variable)]
        assert [*shown, key.help in text] == [key.has_flag] * 3
    assert "--config FILE" in text
    assert "PYCALL_CONFIG" in text


def test_one_option_can_have_another_default() -> None:
    @click.command()
    @key_option(CALL["camera"], default="test")
    def command(camera: str) -> str:
        return camera

    assert command.main([], standalone_mode=False) == "test"
    assert command.main(["--camera", "2"], standalone_mode=False) == "2"


def test_a_secret_comes_from_the_environment_or_the_file_and_never_from_a_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "my.toml"
    file.write_text('[call]\nturn_credential = "of the file"\nice_server = ["stun:a", "stun:b"]\n')
    seen: list[CallConfig] = []

    @click.command()
    @config_options(CallConfig)
    def command(config: CallConfig) -> None:
        seen.append(config)

    command.main(["--config", str(file)], standalone_mode=False)
    monkeypatch.setenv("PYCALL_CALL_TURN_CREDENTIAL", "of the environment")
    command.main(["--config", str(file), "--ice-server", "turn:c"], standalone_mode=False)
    with pytest.raises(click.UsageError):
        command.main(["--turn-credential", "of the command line"], standalone_mode=False)

    assert [config.turn_credential for config in seen] == ["of the file", "of the environment"]
    assert [config.ice_server for config in seen] == [("stun:a", "stun:b"), ("turn:c",)]
    assert "of the" not in repr(seen)


@click.command()
@config_options(ServerConfig)
def serve(config: ServerConfig) -> Limits:
    return limits_of(config)


def test_a_limit_comes_from_the_environment_or_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "my.toml"
    file.write_text('[limits]\nstall_s = "off"\nqueue_bytes = 200000\nstrikes = 5\n')
    assert serve.main([], standalone_mode=False) == Limits()
    monkeypatch.setenv("PYCALL_LIMITS_STRIKES", "off")
    given = serve.main(["--config", str(file)], standalone_mode=False)
    assert given == Limits(stall_s=None, queue_bytes=200_000, strikes=None)
    assert serve.main(["--config", str(file), "--no-limits"], standalone_mode=False) == given.off()
    monkeypatch.setenv("PYCALL_LIMITS_STRIKES", "many")
    with pytest.raises(ConfigError, match=r"^PYCALL_LIMITS_STRIKES: 'many' is not"):
        serve.main([], standalone_mode=False)


@click.command()
@config_options(CallConfig, only={"fps", "turn_username"})
def few(config: CallConfig) -> CallConfig:
    return config


def test_a_command_may_take_some_of_a_section_only(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("PYCALL_CALL_TURN_USERNAME", "ann")
    config = few.main(["--config", str(file)], standalone_mode=False)

    assert (config.fps, config.turn_username) == (20, "ann")
    assert config.stay is False, "it is in the file, but nothing to this command"
    with pytest.raises(click.NoSuchOption):
        few.main(["--stay"], standalone_mode=False)
