"""Tests of the store in SQL."""
