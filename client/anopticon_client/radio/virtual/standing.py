"""Where an antenna stands: what a place on either medium needs to be moved."""

from __future__ import annotations

from abc import ABC, abstractmethod

from anopticon_client.radio.datagram import Position

Spot = tuple[float, float, float]
"""x, y and height in metres."""


class Standing(ABC):
    """A position and a height that can be set; the medium is told at once."""

    def __init__(self, position: Position, height: float) -> None:
        """Stand here from the beginning."""
        self._position = position
        self._height = height

    @property
    def position(self) -> Position:
        """Where the antenna is; setting it moves the antenna at once."""
        return self._position

    @position.setter
    def position(self, position: Position) -> None:
        self._position = position
        self._moved(self._spot)

    @property
    def height(self) -> float:
        """Metres above the floor."""
        return self._height

    @height.setter
    def height(self, metres: float) -> None:
        self._height = metres
        self._moved(self._spot)

    @property
    def _spot(self) -> Spot:
        return self._position.x, self._position.y, self._height

    @abstractmethod
    def _moved(self, spot: Spot) -> None:
        """Tell the medium."""
