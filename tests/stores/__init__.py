"""Tests of `authrecord.stores`."""
