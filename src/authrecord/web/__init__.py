"""Floor 6: the page and the REST API, served by `authrecord serve`.

The law of this room: it may import every room below it, and never `cli` or `gateway`. It holds no list of fields
(`documents.form` has it), no rule about records, tokens or requests, and no secret longer than one answer takes.
Every route says in `rights.py`'s words who may use it. A page never holds a stored secret, never runs a script or a
style that is not a file of `static/`, and loads nothing from elsewhere.

`pages/` draws for people, who have a session; `api/` answers programs, which have a token. Neither takes the
other's credential, so that no web page can drive the API with somebody's cookie.
"""
