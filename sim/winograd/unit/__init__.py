"""The test bench of the unit for Winograd convolution."""
