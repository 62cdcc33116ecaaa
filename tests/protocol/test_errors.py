"""The tree of errors: what stands in the docstring is what there is, and every error carries its facts."""

from __future__ import annotations

import inspect
import re

import pytest

from anopticon_protocol import errors
from anopticon_protocol.errors import BatchError, ProtocolError, UploadError


def tree_in_docstring() -> dict[str, str]:
    """Class name to name of its parent, from the drawing in the module's docstring."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.match(r"^( {4,})(\w+Error)\b", line)
        if drawn is None:
            continue
        depth = len(drawn[1])
        above = [(other, name) for other, name in above if other < depth]
        if above:
            parents[drawn[2]] = above[-1][1]
        above.append((depth, drawn[2]))
    return parents


def test_docstring_draws_the_tree_of_errors() -> None:
    """Every error stands in the drawing under its parent, and nothing else does."""
    real = {
        name: value.__mro__[1].__name__
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, ProtocolError) and value is not ProtocolError
    }
    assert tree_in_docstring() == real


@pytest.mark.parametrize(
    "name",
    [name for name, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, ProtocolError)],
)
def test_every_error_explains_itself(name: str) -> None:
    """Each class has a docstring of its own that reads as a sentence."""
    docstring = vars(errors)[name].__doc__
    assert docstring
    assert docstring.split("\n")[0].endswith(".")


def test_batch_error_carries_its_reason() -> None:
    """A BatchError says its sentence and keeps the word for programs."""
    error = BatchError("order", "entry 3 is smaller than the one before it")
    assert (str(error), error.reason) == ("entry 3 is smaller than the one before it", "order")


def test_upload_error_names_its_field() -> None:
    """An UploadError puts the field in front of its sentence."""
    error = UploadError("keys[3].secret", "must be base64")
    assert (str(error), error.field) == ("keys[3].secret: must be base64", "keys[3].secret")
