"""The phone: a pure core (`Phone`) and the thin shells that give it a radio, a store, a key server and a screen."""
