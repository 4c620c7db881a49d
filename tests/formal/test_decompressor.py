"""Proofs that a decompressor's outputs keep the stream rule, whatever its words are.

By induction: for any words and stalls, and for any length of time, until ``clear``.
"""

import re

import pytest

from sparrow.flow.verilog import verilog
from sparrow.hw.decode import Decompressor
from sparrow.hw.spec import DecompressorSpec

pytestmark = pytest.mark.formal

_SMALL = {"lanes": 4, "columns": 2, "data_width": 32, "fifo_bytes": 64, "int4": False,
          "codebook": 0, "codecs": ["rle"], "mantissa_width": 4}
_STREAMS = ["weights", "parameters", "maps"]
# Of a window of four words of two granules, and of lanes.
_INSIDE = {
    "base": ("core_window_$signal", 5), "written": ("core_window_written", 4),
    "held": ("core_window_held", 4), "useful": ("core_intake_useful", 2),
    **{f"{name}_{bank}": (f"core_window_{name}_{bank}", 2)
       for name in ("target", "row") for bank in range(4)},
    **{f"word_{bank}": (f"core_window_read_data{suffix}", 34)
       for bank, suffix in enumerate(("", "$31", "$41", "$51"))},
    **{f"{name}_{lane}": (f"core_lane_{lane}.granules_{net}", 1)
       for name, net in (("first", "there0"), ("second", "there1"), ("third", "there2"))
       for lane in range(2)},
    **{f"waits_{lane}": (f"core_lane_{lane}.waits", 1) for lane in range(2)},
    "flags": ("core_control_flags", 6),
    "cleared": ("core_lane_0.clear", 1), "waiting_lanes": ("core_dealer_waiting", 2),
    "later_lanes": ("core_dealer_later", 2), "part": ("core_control_part", 3),
    "reader_part": ("core_control_reader_part", 4),
    "loaded": ("core_control_blocks$84_$signal", 1),
    "counted": ("core_control_blocks$84_counted", 1),
}
# Words that are held have come, and those before them are held; the memories' last row is free;
# granules of a word are there from the lowest on, which of words that are read is assumed, as it
# is so for those that are written; lanes hold theirs one after the other; those of a lean stream
# wait for what is dealt to them; lanes of an older step wait, if those of a later one do; nothing
# goes on after an error; blocks are counted when their numbers have settled.
_RULES = "".join([
    *(f"      assert (!held[{bank}] || target_{bank} != row_{bank});\n"
      f"      assume (!word_{bank}[33] || word_{bank}[32]);\n" for bank in range(4)),
    *(f"      assert (!held[(base[2:1] + {number}) % 4] || held[(base[2:1] + {number - 1}) % 4]);\n"
      for number in (1, 2, 3)),
    "      assert (written[3:2] != base[4:3] || written[1:0] >= base[2:1]);\n",
    *(f"      assert (cleared || third_{lane} <= (second_{lane} && first_{lane}));\n"
      for lane in range(2)),
    *(f"      assert (part == 0 || !flags[5] || waits_{lane} || !waiting_lanes[{lane}]);\n"
      for lane in range(2)),
    "      assert (part == 0 || !flags[5] || part != 3 && !later_lanes);\n"
    "      assert (part != 0 || !waiting_lanes);\n"
    "      assert (!useful[1] || useful[0]);\n"
    "      assert (!later_lanes || waiting_lanes);\n      assert (!error || part == 6);\n"
    "      assert (!loaded || reader_part == 0 || reader_part == 3);\n"
    "      assert (!loaded && !counted || part == 0 || part == 6);\n",
])


def _design(**changes):
    spec = DecompressorSpec(**_SMALL | changes)
    component = Decompressor(spec=spec)
    return component, verilog(component, spec, "decompressor")


def _verdict(prove, stream_rule, stream, component, design):
    wrapper = stream_rule(component, "decompressor", stream, "clear", _INSIDE, _RULES)
    exposed = [net for net, _ in _INSIDE.values()]
    return prove(design, "decompressor", wrapper, exposed=exposed, depth=2)


@pytest.mark.parametrize("stream", [
    "weights", *(pytest.param(stream, marks=pytest.mark.heavy) for stream in _STREAMS[1:])])
def test_what_is_on_offer_stays(prove, stream_rule, stream):
    assert _verdict(prove, stream_rule, stream, *_design()) == "PASS"


@pytest.mark.heavy
@pytest.mark.parametrize("codec", ["dense", "bitmask", "csr", "huffman"])
def test_weights_of_other_codecs_stay(prove, stream_rule, codec):
    assert _verdict(prove, stream_rule, "weights", *_design(codecs=[codec])) == "PASS"


@pytest.mark.heavy
@pytest.mark.parametrize("stream", _STREAMS)
def test_proof_can_fail(prove, stream_rule, stream):
    """A fault that doesn't wait for what is on offer."""
    component, design = _design()
    broken, count = re.subn(r"(assign core_control_hold =).*;", r"\1 1'h0;", design)
    assert count == 1
    assert _verdict(prove, stream_rule, stream, component, broken) == "UNKNOWN"
