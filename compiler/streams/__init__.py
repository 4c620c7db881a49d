"""Layers of integer networks as weight streams in files, apart from programs."""

from .container import MAGIC, Container, ContainerError, Part
from .encode import (
    EncodedLayer,
    EncodeError,
    StreamTarget,
    decode_container,
    decoder_cycles,
    encode_layer,
    layer_streams,
)
from .size import FLOAT_BYTES, LayerSize, Sizes, network_size

__all__ = ["FLOAT_BYTES", "MAGIC", "Container", "ContainerError", "EncodeError", "EncodedLayer",
           "LayerSize", "Part", "Sizes", "StreamTarget", "decode_container", "decoder_cycles",
           "encode_layer", "layer_streams", "network_size"]
