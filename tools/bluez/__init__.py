"""Real BlueZ without Bluetooth hardware: a small Debian under QEMU, whose controllers are Bumble's.

Kernel, bluetoothd and bleak in the guest are what a Raspberry Pi or a laptop runs; only the chip is emulated, by the
virtual air of this project, through the kernel's own vhci device. `run.py bluez` builds the guest, boots it and prints
a table of checks.
"""
