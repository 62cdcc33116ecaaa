"""What recordings tell: dead time, reception, strengths, rotations, clocks and contacts (SPEC.md 20.5)."""
