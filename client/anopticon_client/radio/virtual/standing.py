"""Where antennas stand and how they are called: what the places of either medium need."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from anopticon_client.errors import RadioError
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


PlaceT = TypeVar("PlaceT")


class Register(Generic[PlaceT]):
    """The places of one air by their names."""

    def __init__(self, air: str) -> None:
        """Nobody is on it; `air` is how errors call it."""
        self._air = air
        self._places: dict[str, PlaceT] = {}

    def check_free(self, name: str) -> None:
        """Raise RadioError if somebody has the name."""
        if name in self._places:
            raise RadioError(f"{self._air}: {name!r} is on it already: give each node a name of its own")

    def put(self, name: str, place: PlaceT) -> PlaceT:
        """Enter a place; gives it back."""
        self._places[name] = place
        return place

    def drop(self, name: str) -> None:
        """The name is free again."""
        self._places.pop(name, None)

    def free_name(self) -> str:
        """A name that nobody has."""
        return next(name for name in map("node-{}".format, itertools.count(1)) if name not in self._places)
