"""Floor 1: how a token is obtained. One file is one grant of the RFCs.

The law of this room: it imports `core` and the standard library's pure parts. A grant is a generator that
yields requests and receives responses; it sends nothing, holds no lock, reads no clock, and never sees the
user's own request. What waits for a person is data (`PendingLogin`), never a paused generator.
"""
