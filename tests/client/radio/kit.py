"""What tests of opened radios share: the half that must be there, and a sink that can be waited for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeVar

from anopticon_client.radio_records import HeardFrame
from tests.client.radio.listening import Ear

H = TypeVar("H")


def there(half: H | None) -> H:
    """The half of a radio that must be there."""
    assert half is not None
    return half


@dataclass
class Awaited(Ear):
    """A sink whose first frame can be awaited."""

    something: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, frame: HeardFrame) -> None:
        """A frame arrived."""
        super().heard(frame)
        self.something.set()
