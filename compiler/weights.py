"""Weight streams: parameter sets and weight blocks, as bytes."""

from collections.abc import Callable, Sequence

import numpy as np

from .passes import Pass, Span

__all__ = ["Codec", "dense", "diagonal", "parameter_set", "weight_stream"]

# A codec makes a stream of parameter sets and, for each, its weight blocks (there are none where
# those of the first set are used again).
Codec = Callable[[Sequence[bytes], Sequence[np.ndarray]], bytes]


def parameter_set(bias: np.ndarray, mantissa: np.ndarray, shift: np.ndarray) -> bytes:
    """Biases of 32 bits, each followed by mantissa (24 bits) and shift (6 bits)."""
    records = np.stack([bias.astype("<i4").view("<u4"),
                        (mantissa | shift << 24).astype("<u4")], axis=1)
    return records.astype("<u4").tobytes()


def dense(parameters: Sequence[bytes], blocks: Sequence[np.ndarray]) -> bytes:
    """The codec that leaves every weight as it is."""
    return b"".join(part for pair in zip(parameters, blocks, strict=True)
                    for part in (pair[0], pair[1].tobytes()))


def weight_stream(work: Pass, span: Span, key: int, codec: Codec = dense) -> bytes:
    """The stream of a span's output blocks, for the region of ``key``."""
    numbers = range(span.first, span.first + span.count)
    return codec([parameter_set(*work.parameters(block, key)) for block in numbers],
                 [work.blocks(block)[:0] if work.reuse and block != span.first
                  else work.blocks(block) for block in numbers])


def diagonal(values: np.ndarray) -> np.ndarray:
    """A weight block with ``values`` (int8) on its diagonal, as bytes, shape (1, lanes, lanes)."""
    return np.diag(values.astype(np.int8)).view(np.uint8)[None]
