"""Tests of the Envoy engine, with a real Envoy."""
