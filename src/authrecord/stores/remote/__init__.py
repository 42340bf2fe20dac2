"""A running `authrecord serve` as the store: its records over HTTPS, and the live tokens that it hands out.

The law of this room: it never asks a provider, never resolves a reference of a record, and holds no secret but the API
token and the credentials in use. Whatever a server answers is judged before it is used: no redirect is followed, no
text of it is markup, and a record's credential goes where the record says and nowhere else. It is given its sender and
imports no HTTP library.
"""
