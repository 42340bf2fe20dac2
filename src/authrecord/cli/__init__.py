"""Floor 7: the command line. One file is one command.

The law of this room: commands import what they use when they use it, print no secret to a terminal unless
asked by `--reveal`, take no secret from the command line's arguments, and map errors to exit codes in one place.
"""
