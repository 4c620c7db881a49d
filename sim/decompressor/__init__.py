"""Benches of decompressors: streams that golden encodes, against what golden decodes."""
