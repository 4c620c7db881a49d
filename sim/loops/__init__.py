"""Benches of the loops of commands, which generate addresses, of tokens, and of the sequencer."""
