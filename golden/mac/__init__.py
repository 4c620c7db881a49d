"""Sums of the MAC array."""
