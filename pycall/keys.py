"""What a key of the configuration is: a field of a section, with its default, its check and its help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Protocol

from pycall import checks
from pycall.checks import Raw
from pycall.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be configured."""

    section: str
    name: str
    default: Raw
    """As it would stand in a file."""
    check: Callable[[Raw], Any]
    help: str
    metavar: str
    many: bool = False
    """Whether it takes a list: a flag given several times, texts with spaces between, a TOML array."""
    has_flag: bool = True
    """Otherwise it comes from the environment and the file only."""

    @property
    def flag(self) -> str:
        """The option of the command line, such as ``--record-layout``."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, such as ``PYCALL_CALL_RECORD_LAYOUT``."""
        return f"PYCALL_{self.section}_{self.name}".upper()

    @property
    def is_switch(self) -> bool:
        """Whether the key is only true or false."""
        return self.check is checks.switch

    def read(self, raw: Raw, origin: str) -> Any:
        """The usable value, or one of a list; raises :class:`ConfigError` beginning with ``origin``."""
        try:
            return self.check(raw)
        except checks.Unusable as error:
            raise ConfigError(f"{origin}: {error.why}", error.hint) from error


class KeyedSection(Protocol):
    """A frozen dataclass whose fields are keys."""

    section: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def keys(section: type[KeyedSection]) -> tuple[Key, ...]:
    """Every key of a section, in the order in which help shows them."""
    return tuple(Key(section=section.section, name=each.name, **each.metadata) for each in fields(section))


def described(
    default: Raw,
    check: Callable[[Raw], Any],
    help_text: str,
    metavar: str = "TEXT",
    *,
    is_shown: bool = True,
    has_flag: bool = True,
) -> Any:
    """A field that is a key; its default is what ``check`` makes of ``default``."""
    metadata = {
        "default": default, "check": check, "help": help_text, "metavar": metavar, "has_flag": has_flag,
    }  # fmt: skip
    return field(default=check(default), repr=is_shown, metadata=metadata)


def described_list(check: Callable[[Raw], Any], help_text: str, metavar: str) -> Any:
    """A key that takes a list, empty by default."""
    metadata = {"default": "", "check": check, "help": help_text, "metavar": metavar, "many": True}
    return field(default=(), metadata=metadata)


def described_secret(help_text: str) -> Any:
    """A text that has no flag, empty by default."""
    return described("", checks.secret_text, help_text, is_shown=False, has_flag=False)
