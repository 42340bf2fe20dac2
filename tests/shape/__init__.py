"""Tests of the shape of the tree: what a reviewer would otherwise have to look for in every change."""
