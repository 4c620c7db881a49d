"""Streams of whole layers."""

import dataclasses

import torch

from .arrange import Arrangement
from .decode import decode_blocks
from .encode import check_array, encode_blocks
from .parameters import Parameters
from .stream import Stream

__all__ = ["decode", "encode"]


def encode(weights: torch.Tensor, codec: str, *, bits: int = 8, codebook: bool = False,
           parameters: Parameters | None = None, lanes: int = 16, columns: int = 16,
           block_map: bool | None = None, fixed: bool | None = None, goal: str = "bits",
           word_bytes: int = 8, lean: bool | None = None) -> Stream:
    """A layer's stream.

    Parameters
    ----------
    weights : torch.Tensor, int8, shape (output channels, input channels, kernel height, width)
        Input channels are those of a group. A linear layer is a convolution whose kernel is the
        whole input.
    codec : str
        ``dense``, ``bitmask``, ``rle``, ``csr`` or ``huffman``.
    bits : 8 or 4
        Of a weight.
    codebook : bool
        See :func:`encode_blocks`; ``dense`` with 4 bits never has one.
    parameters : Parameters or None
        Of all output channels, to be sent with the weights.
    lanes : int, a power of two from 4 to 64
    columns : int, 1 to 64
        Of the array.
    block_map, fixed, lean : bool or None
    goal : str
    word_bytes : int
        See :func:`encode_blocks`.

    Returns
    -------
    Stream

    Raises
    ------
    TypeError, ValueError
        If an argument isn't as told above.
    """
    if not isinstance(weights, torch.Tensor) or weights.dtype != torch.int8:
        found = weights.dtype if isinstance(weights, torch.Tensor) else type(weights).__name__
        raise TypeError(f"weights must be a tensor of torch.int8, not {found}")
    if weights.dim() != 4 or not weights.numel():
        raise ValueError("weights must have 4 dimensions of at least 1, "
                         f"not shape {tuple(weights.shape)}")
    if bits not in (8, 4) or isinstance(bits, bool):
        raise ValueError(f"bits must be 8 or 4, not {bits!r}")
    check_array(lanes, columns)
    outputs, channels, height, width = map(int, weights.shape)
    arrangement = Arrangement((outputs, channels, height, width), bits == 4, lanes, columns)
    if parameters is not None:
        parameters.check(outputs)
    stream = encode_blocks(
        arrangement.lay(weights.detach().numpy()), codec, four_bit=bits == 4,
        codebook=codebook and not (bits == 4 and codec == "dense"), parameters=parameters,
        block_map=block_map, fixed=fixed, goal=goal, word_bytes=word_bytes,
        channels=outputs, lean=lean)
    return dataclasses.replace(stream, shape=arrangement.shape)


def decode(stream: Stream) -> torch.Tensor:
    """The weights of a layer's stream, int8, of the stream's shape.

    Raises
    ------
    StreamError
        If the stream isn't well formed.
    ValueError
        If it isn't a layer's, or has weights outside of its shape.
    """
    if stream.shape is None:
        raise ValueError("stream must be a layer's, with its shape, not of some blocks")
    contents = decode_blocks(stream.data, lanes=stream.lanes, columns=stream.columns,
                             word_bytes=stream.word_bytes)
    arrangement = Arrangement(stream.shape, contents.header.four_bit, stream.lanes, stream.columns)
    return torch.from_numpy(arrangement.gather(contents.blocks))
