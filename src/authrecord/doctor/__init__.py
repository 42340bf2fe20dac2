"""Floor 6: how a record is doing, and why it does not work.

The law of this room: it walks through what a record does anyway, one step after another, and tells what it tried
and what was answered, as values. It prints nothing, changes no document, and sends nothing that the record would
not send, but for two things: a request without a credential to the API's URL, to compare, and a made-up
authorization code, which no server accepts. No value of it holds a secret: names, counts, statuses, and the
provider's own words, masked. It may import every room below it, and never `cli`, `web` or `gateway`.
"""
