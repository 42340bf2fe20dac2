"""The store: records, tokens, keys and the audit log in one database. SQLite or PostgreSQL, the same code.

The law of this room: `backend` is the only door to a database, and `sqlite` and `postgres` are its two
implementations; everything else is written once, in SQL that both understand. No transaction stays open while
something is sent over the network. Nothing secret is written unsealed, and no row is read without its tenant.
A function that writes passes a fault point (`core.faults`) before and after it commits.
"""
