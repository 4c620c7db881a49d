"""The test bench of the transforms of Winograd convolution."""
