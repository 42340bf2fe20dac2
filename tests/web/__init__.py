"""Tests of the page and the REST API."""
