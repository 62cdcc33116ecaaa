"""Other people's files and ours: what they hold becomes rows of a recording, and the other way round (SPEC.md 19.4)."""
