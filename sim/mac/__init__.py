"""The test bench of the MAC array."""
