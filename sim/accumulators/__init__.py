"""The test bench of the accumulators."""
