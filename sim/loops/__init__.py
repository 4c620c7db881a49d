"""Benches of what generates addresses: the loops of commands, and the sequencer."""
