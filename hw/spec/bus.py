"""Specification of the bus to memory: an AXI4 or AXI3 master."""

import dataclasses
import enum

from .base import Spec, SpecError, require_integer

__all__ = ["PAGE_BYTES", "BusClock", "BusProtocol", "BusSpec"]

PAGE_BYTES = 4096  # no burst crosses a multiple of it; windows are made of such pages
_DATA_WIDTHS = (32, 64, 128, 256)
_AXI3_BURST = 16


class BusProtocol(enum.Enum):
    """What the master speaks.

    Attributes
    ----------
    AXI4
        AMBA AXI4.
    AXI3
        AMBA AXI3: ``AxLEN`` of 4 bits, ``AxLOCK`` of 2 and ``WID``, all but the first 0.
    """

    AXI4 = "axi4"
    AXI3 = "axi3"


class BusClock(enum.Enum):
    """Which clock an accelerator's buses are in.

    Attributes
    ----------
    SAME
        That of all else.
    SEPARATE
        One of their own.
    """

    SAME = "same"
    SEPARATE = "separate"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BusSpec(Spec):
    """Widths and habits of the AXI master.

    Parameters
    ----------
    protocol : BusProtocol
    data_width : int, 32, 64, 128 or 256
        Bits of a word, which is what a beat carries.
    address_width : int, 32 to 64
        Bits of a byte address.
    max_burst : int, 1 to 256
        Beats of the longest burst. Bursts end at multiples of ``burst_words``, the largest power
        of two that fits. At most 16 for AXI3.
    outstanding : int, 1 to 32
        Bursts that may await their end at a time, reads and writes apart.
    cache : int, 0 to 15
        ``AxCACHE`` of all bursts; 3 is normal, not cacheable, bufferable memory.
    prot : int, 0 to 7
        ``AxPROT`` of all bursts.

    Raises
    ------
    TypeError
        If a number is no integer.
    SpecError
        If a value is out of range.
    """

    protocol: BusProtocol = BusProtocol.AXI4
    data_width: int = 64
    address_width: int = 32
    max_burst: int = 16
    outstanding: int = 8
    cache: int = 0b0011
    prot: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_integer("data_width", self.data_width, _DATA_WIDTHS[0], _DATA_WIDTHS[-1])
        if self.data_width not in _DATA_WIDTHS:
            raise SpecError(f"data_width must be one of {', '.join(map(str, _DATA_WIDTHS))}, "
                            f"not {self.data_width!r}")
        require_integer("address_width", self.address_width, 32, 64)
        require_integer("max_burst", self.max_burst, 1, 256)
        if self.protocol is BusProtocol.AXI3 and self.max_burst > _AXI3_BURST:
            raise SpecError(f"max_burst must be at most {_AXI3_BURST} with protocol 'axi3', "
                            f"not {self.max_burst!r}")
        require_integer("outstanding", self.outstanding, 1, 32)
        require_integer("cache", self.cache, 0, 15)
        require_integer("prot", self.prot, 0, 7)

    @property
    def word_bytes(self) -> int:
        """Bytes of a word."""
        return self.data_width // 8

    @property
    def size_code(self) -> int:
        """``AxSIZE`` of all bursts: ``log2(word_bytes)``."""
        return self.word_bytes.bit_length() - 1

    @property
    def length_width(self) -> int:
        """Bits of ``AxLEN``."""
        return 4 if self.protocol is BusProtocol.AXI3 else 8

    @property
    def burst_words(self) -> int:
        """Words between the places where bursts end: a power of two, at most a page's words."""
        return min(1 << self.max_burst.bit_length() - 1, self.page_words)

    @property
    def page_words(self) -> int:
        """Words of a page of 4096 bytes."""
        return PAGE_BYTES // self.word_bytes

    @property
    def page_width(self) -> int:
        """Bits of the number of a page: ``address_width - 12``."""
        return self.address_width - 12
