"""Weight streams that aren't compressed: parameter sets and weight blocks, as bytes."""

import numpy as np

from ..passes import Pass, Span

__all__ = ["block_values", "diagonal", "parameter_set", "weight_stream"]


def parameter_set(bias: np.ndarray, mantissa: np.ndarray, shift: np.ndarray) -> bytes:
    """Biases of 32 bits, each followed by mantissa (24 bits) and shift (6 bits)."""
    records = np.stack([bias.astype("<i4").view("<u4"),
                        (mantissa | shift << 24).astype("<u4")], axis=1)
    return records.astype("<u4").tobytes()


def weight_stream(work: Pass, span: Span, key: int) -> bytes:
    """The stream of a span's output blocks, for the region of ``key``: all values as they are."""
    return b"".join(parameter_set(*work.parameters(block, key))
                    + (b"" if work.reuse and block != span.first else work.blocks(block).tobytes())
                    for block in range(span.first, span.first + span.count))


def block_values(blocks: np.ndarray, int4: bool) -> np.ndarray:
    """Weights of some blocks, int8, shape (blocks, halves, lanes, columns), from their bytes."""
    signed = blocks.view(np.int8)[:, None]
    if not int4:
        return signed
    return np.concatenate([(signed << 4).astype(np.int8) >> 4, signed >> 4], axis=1)


def diagonal(values: np.ndarray) -> np.ndarray:
    """A weight block with ``values`` (int8) on its diagonal, as bytes, shape (1, lanes, lanes)."""
    return np.diag(values.astype(np.int8)).view(np.uint8)[None]
