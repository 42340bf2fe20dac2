"""Floor 0: values and rules that everything else stands on.

The law of this room: standard library only, and of it nothing that can wait, look or remember. No clock, no
socket, no thread, no environment, no log, no randomness: what a rule needs of these is handed in as an
argument. Everything here is a frozen value or a pure function, so that it can be tested with values alone.
"""
