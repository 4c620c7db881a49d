"""Weight streams taken apart: whole ones for an array, one column's by decoders of one codec."""

from .decompressor import Decompressor
from .single import BitmaskDecoder, CsrDecoder, HuffmanDecoder, RleDecoder

__all__ = ["BitmaskDecoder", "CsrDecoder", "Decompressor", "HuffmanDecoder", "RleDecoder"]
