from __future__ import annotations

import inspect
import re

import pytest

from pycall import errors
from pycall.errors import JoinRefused, PycallError

TREE = {
    cls.__name__: cls
    for cls in vars(errors).values()
    if inspect.isclass(cls) and issubclass(cls, PycallError)
}


def test_the_tree_in_the_modules_text_is_the_tree_of_the_classes() -> None:
    text = inspect.getdoc(errors) or ""
    tree = [line for line in text.splitlines() if re.match(r"^[│ ]*[├└]─ |^PycallError", line)]
    described: dict[str, tuple[str | None, str | None]] = {}
    parents: list[str] = []
    for line in tree:
        name = re.sub(r"^[│├└─ ]*", "", line).split()[0]
        depth = line.index(name) // 3
        parents[depth:] = [name]
        stated = re.search(r"exit (\d+)", line)
        described[name] = (parents[depth - 1] if depth else None, stated[1] if stated else None)

    assert set(described) == set(TREE)
    for name, (parent, exit_code) in described.items():
        if parent is not None:
            assert TREE[name].__bases__ == (TREE[parent],), name
        if exit_code is not None:
            assert TREE[name].exit_code == int(exit_code), name


def test_every_error_has_a_stable_code_of_its_own() -> None:
    codes = [cls.code for cls in TREE.values()]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("cls", [cls for cls in TREE.values() if cls is not JoinRefused])
def test_an_error_keeps_its_sentence_and_its_hint(cls: type[PycallError]) -> None:
    error = cls("It broke.", "Mend it.")

    assert str(error) == error.message == "It broke."
    assert error.hint == "Mend it."
    assert cls("It broke.").hint == ""


def test_a_refusal_keeps_the_servers_code() -> None:
    assert JoinRefused("The room is full.", refusal="full").refusal == "full"
