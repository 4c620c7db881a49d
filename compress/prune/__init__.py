"""Pruning: which weights and channels go, when, and what that does to a graph."""
