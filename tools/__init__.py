"""What ``run.py`` does: make the environment and run the project's verbs; standard library only."""
