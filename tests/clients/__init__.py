"""Tests of the HTTP clients' adapters and of the sender."""
