"""Proofs that decoders of one codec keep the stream rule, and never hang, whatever the words are.

By induction: for any words, numbers of blocks and stalls, and for any length of time. After
``_BOUND`` cycles in each of which there is a word and a step would be taken, there is a step, an
error, or the end. With huffman for any numbers in the tables of codes, also such as no header has,
but for an escape of no zeros.
"""

import re

import pytest

from sparrow.flow.verilog import verilog
from sparrow.hw.decode import BitmaskDecoder, CsrDecoder, HuffmanDecoder, RleDecoder
from sparrow.hw.export import flat_ports
from sparrow.hw.spec import LaneDecoderSpec

pytestmark = pytest.mark.formal

_BOUND = 6
_DECODERS = {"rle": RleDecoder, "csr": CsrDecoder, "bitmask": BitmaskDecoder,
             "huffman": HuffmanDecoder}
# what `config` may be
_CONFIG = {
    "rle": "!fixed && argument >= 1 && argument <= 6",
    "csr": "argument >= 1 && argument <= (fixed ? 4 : 7)",
    "bitmask": "!fixed && argument == 0",
    "huffman": "escape_run != 0",
}
_FIELDS = "fixed", "argument", "escape_run"
_INSIDE = {
    "room": ("core_$signal", 2), "primed": ("core_$signal$24", 1), "left": ("core_left", 16),
    "checked": ("core_checked", 1), "here": ("core_lane.here", 1),
    "place": ("core_lane.position", 2),  # in the block
    "dry": ("core_dry", 1), "number": ("core_regroup_number", 1),
    **{name: (f"core_lane.granules_{net}", 1)
       for name, net in (("first", "there0"), ("second", "there1"), ("third", "there2"))},
}
_MASK = {"csr": 7, "bitmask": 4}  # bits of a mask or a count
# The lane holds its granules one after the other, and has room for all others of three until it
# needs no more. Before the first block, its taken symbol is at the end of the one before.
_RULES = """\
      assume (!busy || settings == configured);
      if (busy) begin
        assert (third <= (second && first) && !number && dry == ended);
        assert (ended || room + first + second + third == 3
                || room + first + second + third < 3
                   && (checked || primed && left == 1 && !here));
        assert (primed || here && place == 3);
"""
_PROGRESS = """\
  wire [WIDTH-1:0] settings = \\config ;
FIELDS  reg [WIDTH-1:0] configured;
  reg ended;
  reg [3:0] quiet;
  always @(posedge clk) begin
    configured <= settings;
    ended <= !start && (ended || i_valid && i_ready && i_last);
    if (rst || start || !busy || o_valid || !o_ready || !i_valid && !ended)
      quiet <= 0;
    else
      quiet <= quiet + 1;
  end
endmodule
"""


def _proof(codec, stream_rule):
    """A decoder's Verilog, its wrapper, and the nets that this sees."""
    spec = LaneDecoderSpec(lanes=4, int4=False)
    decoder = _DECODERS[codec](spec=spec)
    inside, rules = dict(_INSIDE), _RULES
    if codec in _MASK:
        inside["mask"] = ("core_lane.symbols_left", _MASK[codec])
        rules += "        assert (primed || !mask);\n"
    if codec in _CONFIG:
        rules += (f"        assume ({_CONFIG[codec]});\n"
                  f"        assert (quiet <= {_BOUND});\n")
    config = next(port for port in flat_ports(decoder) if port.name == "config")
    fields = {name: field for name, field in config.layout if name in _FIELDS}
    progress = _PROGRESS.replace("WIDTH", str(config.width)).replace("FIELDS", "".join(
        f"  wire [{field.width - 1}:0] {name} = \\config [{field.offset} +: {field.width}];\n"
        for name, field in fields.items()))
    wrapper = stream_rule(decoder, "decoder", "o", "start", inside, rules + "      end\n")
    return (verilog(decoder, spec, "decoder"), wrapper.replace("endmodule\n", progress),
            [net for net, _ in inside.values()])


@pytest.mark.parametrize("codec", [
    "rle", *(pytest.param(codec, marks=pytest.mark.heavy) for codec in list(_DECODERS)[1:])])
def test_steps_wait_and_come(prove, stream_rule, codec):
    design, wrapper, exposed = _proof(codec, stream_rule)
    assert prove(design, "decoder", wrapper, exposed=exposed, depth=_BOUND + 2) == "PASS"


@pytest.mark.heavy
@pytest.mark.parametrize("codec, found, fault", [
    ("csr", r"= core_take & core_ask;", "= 1'h0;"),  # no room for another granule
    ("csr", r"\? o_ready : 1'h1;", "? 1'h1 : 1'h1;"),  # a step that doesn't wait
    ("huffman", r"= core_take & core_ask;", "= 1'h0;"),
    ("huffman", "", ""),  # an escape of no zeros
])
def test_proof_can_fail(prove, stream_rule, codec, found, fault):
    design, wrapper, exposed = _proof(codec, stream_rule)
    broken, count = re.subn(found, fault, design) if found else (design, 1)
    assert count
    if not found:
        wrapper = wrapper.replace(f"assume ({_CONFIG[codec]});", "")
    assert prove(broken, "decoder", wrapper, exposed=exposed, mode="bmc", depth=12) == "FAIL"
