"""Tests of `authrecord.stores.sql`."""
