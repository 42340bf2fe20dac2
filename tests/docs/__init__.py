"""Tests of what is written for people: examples that run, links that lead somewhere, decisions that are complete."""
