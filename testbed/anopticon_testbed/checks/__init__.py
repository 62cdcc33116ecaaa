"""Is this machine fit to be a node, and how it becomes one: facts, rules about them, and a systemd unit."""
