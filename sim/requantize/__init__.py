"""The test bench of the requantizer."""
