"""Synthesizable hardware, described in Amaranth. Imports none of the other subpackages."""
