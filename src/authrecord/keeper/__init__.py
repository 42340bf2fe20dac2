"""Floor 3: the keeper. Obtains, caches and renews tokens: one live token per record for everybody who asks.

The law of this room: it is the only owner of locks, threads and time. It imports what lies below it and talks
to stores, HTTP libraries and the environment only through `ports`. It never sends the user's own request.
"""
