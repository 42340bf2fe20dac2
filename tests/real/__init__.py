"""Grants, logins and APIs against parts that are not ours: other servers, and a real browser."""
