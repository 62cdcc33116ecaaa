"""One-time codes as people read and type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anopticon_protocol.codes import ALPHABET, CODE_BITS, MAX_TYPED_CHARS, make_code, parse_code
from anopticon_protocol.errors import CodeError, InvalidParameterError
from tests.protocol.strategies import codes

entropy = st.binary(min_size=16, max_size=16)
CODE = "FG3T-06C1-A82G-G3R5"


def number_of(code: str) -> int:
    """The 75 bits of a code."""
    return sum(ALPHABET.index(letter) << 5 * place for place, letter in enumerate(parse_code(code)[:-1]))


@given(entropy)
def test_a_code_carries_75_bits_of_its_entropy(fresh: bytes) -> None:
    """SPEC: CO-1. The letters give back the lowest 75 bits, least significant first."""
    assert number_of(make_code(fresh)) == int.from_bytes(fresh, "big") % 2**CODE_BITS


def test_codes_have_at_least_64_bits() -> None:
    """SPEC: CO-1. DP-3T asks for 64 bits where guesses are not limited."""
    assert CODE_BITS >= 64


def test_worked_examples() -> None:
    """SPEC: CO-1, CO-2. The codes that SPEC.md prints."""
    assert make_code(bytes(range(16))) == CODE
    assert make_code(bytes(16)) == "0000-0000-0000-000G"


@pytest.mark.parametrize("length", [0, 15, 17])
def test_entropy_of_another_length_is_refused(length: int) -> None:
    """A code takes 16 fresh bytes."""
    with pytest.raises(InvalidParameterError, match="ENTROPY_BYTES"):
        make_code(bytes(length))


@given(codes, st.data())
def test_how_it_is_typed_does_not_matter(code: str, data: st.DataObject) -> None:
    """SPEC: CO-3. Case, spaces, tabs, hyphens and look-alike letters change nothing."""
    variants = {"1": "1iIlL", "0": "0oO", "V": "vVuU"}
    typed = "".join(
        data.draw(st.sampled_from(variants.get(letter, letter + letter.lower())))
        + data.draw(st.sampled_from(["", " ", "-", "\t"]))
        for letter in code.replace("-", "")
    )
    assert parse_code(typed) == code.replace("-", "")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "0 letters, 16 needed"),
        (CODE[:-1], "15 letters, 16 needed"),
        (CODE + "0", "17 letters, 16 needed"),
        (CODE.replace("G", "*"), "a letter that no code has"),
        (CODE.replace("T", "\N{GREEK CAPITAL LETTER TAU}"), "a letter that no code has"),
        (CODE.replace("S", "\N{LATIN SMALL LETTER LONG S}").replace("3", "ß"), "letters, 16 needed"),
        (CODE.replace("1", "\N{LATIN SMALL LETTER DOTLESS I}"), "a letter that no code has"),
        (CODE.replace("A", "B"), "does not check"),
        (CODE + "-" * 50, "MAX_TYPED_CHARS"),
    ],
    ids=["empty", "short", "long", "sign", "greek", "eszett", "dotless", "slip", "bound"],
)
def test_what_is_no_code_is_refused(typed: str, sentence: str) -> None:
    """SPEC: CO-3, CO-4. The sentence says what is wrong and does not repeat the code."""
    with pytest.raises(CodeError, match=sentence) as caught:
        parse_code(typed)
    assert "FG3T" not in str(caught.value)


def test_the_longest_typed_text_is_read() -> None:
    """SPEC: CO-3. Separators up to MAX_TYPED_CHARS do no harm."""
    assert parse_code(CODE + "-" * (MAX_TYPED_CHARS - len(CODE))) == CODE.replace("-", "")


def test_one_wrong_letter_is_caught_31_times_of_32() -> None:
    """SPEC: CO-2, CO-3. Of all 465 single slips of a code the check letter misses about one in 32."""
    letters = CODE.replace("-", "")
    missed = 0
    for place in range(15):
        for letter in ALPHABET:
            if letter != letters[place]:
                try:
                    parse_code(letters[:place] + letter + letters[place + 1 :])
                except CodeError:
                    continue
                missed += 1
    assert 2 <= missed <= 30  # 14.5 expected, standard deviation 3.7
