"""The REST API: records, logins, tokens, audit, for programs.

The law of this room: it takes API tokens and never a session, reads JSON and nothing else, and answers faults as
problem details (RFC 9457). A stored secret leaves by `tokens:use` as part of a credential only. It never imports
`pages`.
"""
