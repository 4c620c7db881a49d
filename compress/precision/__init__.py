"""Decisions about bits: formats of a draft, and how to keep their errors small."""
