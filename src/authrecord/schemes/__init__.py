"""Floor 1: how a request is signed. One file is one scheme: its fields and its stamp.

The law of this room: it imports `core` and the standard library's pure parts. A scheme returns a stamp and
touches no request; it reads no clock, opens nothing, and knows neither grants nor HTTP libraries.
"""
