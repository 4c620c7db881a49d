"""Which burst comes next: what both masters know of pages, windows and lengths."""

import dataclasses

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from ..spec.bus import BusSpec

__all__ = ["NextBurst", "next_burst", "progress_width"]


@dataclasses.dataclass(frozen=True)
class NextBurst:
    """The next burst of a request.

    Parameters
    ----------
    address : Signal
        Of its first byte.
    length : Signal
        Beats less one, as in ``AxLEN``.
    final : Signal
        It ends the request.
    inside : Signal
        The whole request is in its window.
    progress : Signal
        What to remember for the burst after it.
    """
    address: Signal
    length: Signal
    final: Signal
    inside: Signal
    progress: Signal


def _low_width(spec):
    return spec.burst_words.bit_length() - 1


def progress_width(spec: BusSpec) -> int:
    """Bits of the number of a block of ``burst_words`` in a window."""
    return 32 - spec.size_code - _low_width(spec)


def next_burst(m: Module, spec: BusSpec, request, window, started: Value,
               progress: Value) -> NextBurst:
    """Work out a request's next burst, within the cycle.

    Bursts end with the request and at multiples of ``burst_words``; so they don't cross pages.

    Parameters
    ----------
    m : Module
    spec : BusSpec
    request
        A view of ``request_layout()``.
    window
        The request's window, a view of ``window_layout(spec)``.
    started : Value
        The request has had a burst.
    progress : Value
        ``NextBurst.progress`` of that burst; of no meaning without one.
    """
    low, page = _low_width(spec), spec.page_words.bit_length() - 1
    first = request.offset[spec.size_code:]
    end = Signal(len(first) + 1)  # the last word, not the one after it
    block = Signal(progress_width(spec))
    shapes = {"address": spec.address_width, "length": spec.length_width, "final": 1, "inside": 1,
              "progress": len(block)}
    burst = NextBurst(**{name: Signal(shape, name=f"burst_{name}")
                         for name, shape in shapes.items()})
    start = first[:low] & ~started.replicate(low)
    word = Cat(start, block)
    m.d.comb += [
        end.eq(first + (request.words - 1)[:24]),
        burst.inside.eq(end[page:] < window.size),
        block.eq(Mux(started, progress, first[low:])),
        burst.final.eq(block == end[low:-1]),
        burst.progress.eq(block + 1),
        burst.length.eq(((end[:low] | ~burst.final.replicate(low)) - start)[:low]),
        burst.address.eq(Cat(Const(0, spec.size_code), word[:page],
                             (window.base + word[page:])[:spec.page_width])),
    ]
    return burst
