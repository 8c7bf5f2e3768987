"""The word list is the one that other programs have."""

from __future__ import annotations

import hashlib

from pycall.core.wordlist import EVEN, ODD, spell


def test_every_byte_has_one_word_at_even_and_another_at_odd_places() -> None:
    assert len(EVEN) == len(ODD) == len(set(EVEN)) == len(set(ODD)) == 256
    assert set(EVEN).isdisjoint(ODD)
    assert all(word.isascii() and word.isalpha() and word.islower() for word in (*EVEN, *ODD))
    assert list(EVEN) == sorted(EVEN)


def test_a_known_fingerprint_is_spelled_as_its_authors_spell_it() -> None:
    spelled = spell(bytes.fromhex("E582 94F2 E9A2 2748 6E8B 061B 31CC 528F D7FA 3F19"))
    assert " ".join(spelled) == (
        "topmost istanbul pluto vagabond treadmill pacific brackish dictator goldfish medusa "
        "afflict bravado chatter revolver dupont midsummer stopwatch whimsical cowbell bottomless"
    )


def test_no_word_was_mistyped() -> None:
    whole = hashlib.sha256("\n".join((*EVEN, *ODD)).encode()).hexdigest()
    assert whole == "41db18a831d9c40dc35b374ef36f0bf616d4f563768fcc1a5aa11c7b6530cf5e"
