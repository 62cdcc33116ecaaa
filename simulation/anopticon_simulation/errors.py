"""What can go wrong in a simulation, as errors whose text is a sentence for the person at the terminal."""


class SimulationError(Exception):
    """Anything this package refuses; the message names the field, the line or the bound."""


class StreamError(SimulationError):
    """A random stream was asked for twice, or with a name or number it cannot take."""


class EngineError(SimulationError):
    """An event was put in the past, or one of the engine's bounds was crossed."""


class ContactFileError(SimulationError):
    """A contacts file cannot be read; the message names file, line, column and rule."""


class ScenarioError(SimulationError):
    """A scenario cannot be used; the message names each field, its value and what it may be."""


class KeyServerError(SimulationError):
    """The key server of a world cannot be reached, or belongs to another deployment."""
