"""What runs inside the guest: daemons, emulated controllers, and the checks."""
