"""Floor 4: stores. Where tokens live between calls, processes and runs; and where referenced secrets are found.

The law of this room: it implements `keeper.ports` and imports nothing above the keeper's floor and no sibling.
A store never renews, never decides, and never writes a secret that is not sealed.
"""
