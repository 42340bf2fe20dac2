"""Floor 4: exchange. What people already have (a curl command, an API description, a collection) to drafts of records.

The law of this room: values in, values out. It imports `documents`, `record` and `core`; it opens no file and no
socket, reads no clock and no environment, runs nothing and fetches no reference. One file is one foreign format. A
secret of the text becomes a `Secret` where its block is read, and is never in a note, an error or a `repr`. A
placeholder such as `{{client_secret}}` is not a value, and what documents would read as a reference is a placeholder
too. What a draft must not hold is decided by the rules of documents, not here.
"""
