"""The key server: gives out one-time codes, takes uploads, publishes batches, forgets.

It stands on anopticon_protocol alone and knows no phone. `service.KeyServer` is the whole server in plain
Python; `app` puts HTTP around it and `cli` a command line.
"""
