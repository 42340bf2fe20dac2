"""Tests of the parts of the sealed store."""
