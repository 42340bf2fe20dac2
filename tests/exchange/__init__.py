"""Tests of the importers: values in, values out."""
