"""Floor 6: the gateway. Whatever speaks HTTP gets authenticated requests without knowing how.

The law of this room: it imports `keeper`, `clients.wire` and what is below them, and asks for a record by its name
only, so that it never knows whether records stand in a document or in a store. What is put on a request is decided
by the origin that is dialled, never by the client's `Host`. A caller is always asked who they are. A request that
cannot get its credential is not sent.
"""
