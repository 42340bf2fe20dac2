"""Floor 4: one file per HTTP library. What a user plugs in, and the sender of token requests.

The law of this room: a credential is attached per hop, on a copy of the request, through the authenticator's
`release` only. Nothing that the user can print holds it. No file here imports another library than its own.
"""
