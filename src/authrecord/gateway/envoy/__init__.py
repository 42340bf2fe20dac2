"""The Envoy engine: a real Envoy carries the requests, and asks Python only when a token was refused.

The law of this room: it writes Envoy's configuration, hands it credentials, and decides about refused ones; no
request passes through it. It imports the gateway's rules and what stands below the gateway, and it knows records by
their authenticators only. What Envoy is told on disk holds no credential: these travel over a private socket.
"""
