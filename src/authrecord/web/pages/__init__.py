"""The pages: what people see and press.

The law of this room: a page takes a session and never an API token; it changes nothing on GET, but for the provider's
answer at the callback, which its state and the session guard. It never imports `api`.
"""
