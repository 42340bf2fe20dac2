"""Rows that hold for the product as a whole."""
