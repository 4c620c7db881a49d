"""A proof that a decompressor never hangs, whatever its words are.

By induction: for any words, for any length of time. A `rank` is made of what is inside; it falls
in every cycle in which nothing goes on although everything could, so there are no more such
cycles in succession than its largest number.
"""

import os
import re
import subprocess

import numpy as np
import pytest

from sparrow.flow.verilog import verilog
from sparrow.golden.codec import encode_blocks
from sparrow.hw.decode import Decompressor
from sparrow.hw.decode.config import header_layout
from sparrow.hw.spec import DecompressorSpec
from sparrow.sim.runner import verilator_environment

pytestmark = pytest.mark.formal

_SMALL = {"lanes": 4, "columns": 2, "data_width": 32, "fifo_bytes": 64, "int4": False,
          "codebook": 0, "mantissa_width": 4}
_GRANULES = 3  # that a lane holds, but in lean streams
_CHECK = 5  # what a check of both lanes is worth: it may bring two granules to be dealt
_HEADER = 9  # the most parts of a header
_WORDS = range(16)
_INSIDE = {
    "base": ("core_window_$signal", 5), "written": ("core_window_written", 4),
    "held": ("core_window_held", 4),
    **{f"{name}_{bank}": (f"core_window_{name}_{bank}", 2)
       for name in ("target", "row") for bank in range(4)},
    **{f"word_{bank}": (f"core_window_bank_{bank}.read_data", 34) for bank in range(4)},
    **{f"kept_{word}": (f"core_window_bank_{word % 4}.rows[{word // 4}]", 34)
       for word in _WORDS},
    "intake": ("core_intake_part", 3), "ahead": ("core_intake_ahead", 2),
    "refused": ("core_intake_refused", 2), "useful": ("core_intake_useful", 2),
    "wrong": ("core_intake_fault$19", 4),
    "waiting_lanes": ("core_dealer_waiting", 2), "later_lanes": ("core_dealer_later", 2),
    "ended": ("core_control_ended", 1), "final_block": ("core_final", 1),
    "loaded": ("core_control_blocks$84_$signal", 1),
    "counted": ("core_control_blocks$84_counted", 1),
    "checked": ("core_checked", 1), "part": ("core_control_part", 3),
    "reader_part": ("core_control_reader_part", 4),
    "primes": ("core_control_primes", 2), "begun": ("core_begun", 1),
    "served": ("core_control_served", 1), "flags": ("core_control_flags", 6),
    **{f"{name}_{lane}": (f"core_lane_{lane}.{net}", width)
       for name, net, width in (
           ("first", "granules_there0", 1), ("second", "granules_there1", 1),
           ("third", "granules_there2", 1), ("here", "here", 1), ("waits", "waits", 1))
       for lane in range(2)},
}
# Numbers of parts of the control and of the intake.
_PARTS = """\
  localparam HEADER = 0, PARAMETERS = 1, MAP = 2, PRIME = 3, BLOCKS = 4, FINISH = 5, FAILED = 6;
  localparam FIRST = 0, CHECKSUM = 3, JUDGE = 4, REFUSE = 5;
"""
# What is in the memories: words from `base` on, and which of them are the last of their streams.
_QUEUE = "".join([
    "  wire [3:0] number = written - base[4:1];\n  wire [15:0] present, closing, lower;\n",
    *(f"  wire [3:0] distance_{word} = {word} - base[4:1];\n"
      f"  assign present[{word}] = distance_{word} < number;\n"
      f"  assign closing[{word}] = present[{word}] && !kept_{word}[33];\n"
      f"  assign lower[{word}] = kept_{word}[32];\n" for word in _WORDS),
    f"  wire [4:0] closed = {' + '.join(f'closing[{word}]' for word in _WORDS)};\n",
    *(f"  wire [3:0] place_{bank} = {{target_{bank}, 2'd{bank}}};\n" for bank in range(4)),
    "  wire [3:0] newest = written - 4'd1;\n"
    "  wire [3:0] absent = {" + ", ".join(
        f"target_{bank} != row_{bank} && !held[{bank}]" for bank in range(4)) + "};\n",
])
# What has to be done before a transfer: what the intake judges, words that the memories show in
# the next cycle, granules that lanes have asked for or that aren't in their places, checks of lean
# streams, steps of the header and of what follows it. Each is worth more than what it may bring
# about of the others.
_RANK = f"""\
  wire lean = flags[5];
  wire [1:0] granules = {_GRANULES};
  wire [1:0] gaps = (second_0 && !first_0) + (second_1 && !first_1);
  wire [2:0] judged = intake == JUDGE ? 3 : intake != REFUSE ? 0
                      : !refused[0] ? 2 : !refused[1] ? 1 : 0;
  wire [2:0] queued = waiting_lanes[0] + waiting_lanes[1] + later_lanes[0] + later_lanes[1];
  wire [6:0] stage = part == BLOCKS && lean ? (begun ? 0 : {{lean_steps}}) * {_CHECK + 1}
                                              + (checked ? 0 : {_CHECK})
                     : part == BLOCKS ? (begun ? 0 : {{steps}})
                     : part == PRIME ? {{first_steps}} + 5 * (granules - primes)
                     : part == HEADER ? {{first_steps}} + {5 * _GRANULES}
                                        + 2 * ({_HEADER} - reader_part + {{codes}}) : 0;
  wire [6:0] rank = stage + 2 * queued + gaps + judged + (absent != 0) + (part != FAILED);
  wire [1:0] asked = part == PRIME ? primes : begun || part == BLOCKS ? granules : 0;
"""
_PROGRESS = """\
  reg [7:0] quiet;
  wire takes = words_valid && words_ready && intake != REFUSE;
  wire could = words_valid || ahead != 0 || intake == JUDGE || intake == REFUSE;
  always @(posedge clk)
    if (rst || clear || takes || !could || weights_valid || parameters_valid || maps_valid
        || !weights_ready || !parameters_ready || !maps_ready || done || error != 0)
      quiet <= 0;
    else
      quiet <= quiet + 1;
"""
_RULES = "".join([
    # the queue
    "      assert (number + base[2:1] <= 12);\n",
    *(f"      assert (!held[{bank}] || target_{bank} != row_{bank});\n" for bank in range(4)),
    *(f"      assert (!held[{bank}] || place_{bank} != {word} "
      f"|| word_{bank}[33:32] == kept_{word}[33:32]);\n"
      for bank in range(4) for word in _WORDS if word % 4 == bank),
    *(f"      assert (!present[{word}] || !kept_{word}[33] || lower[{word}]);\n"
      for word in _WORDS),
    *(f"      assert (!held[(base[2:1] + {step}) % 4] || held[(base[2:1] + {step - 1}) % 4]);\n"
      for step in (1, 2, 3)),
    # the intake
    "      assert (!useful[1] || useful[0]);\n"
    "      assert (intake <= REFUSE && ahead <= 2);\n"
    "      assert (intake == FIRST || ahead <= 1);\n"
    "      assert (intake != REFUSE || wrong != 0);\n"
    "      assert (intake == REFUSE ? closed == ahead || closed == ahead + 1\n"
    "              : closed == ahead + (intake == CHECKSUM || intake == JUDGE));\n"
    "      assert (intake != CHECKSUM && intake != JUDGE || closing[newest]);\n",
    # the control
    f"      assert (part <= FAILED && reader_part <= {_HEADER - 1});\n"
    "      assert (!error == (part != FAILED));\n"
    "      assert (part == HEADER || part == FAILED || reader_part == 0);\n"
    "      assert (!later_lanes || waiting_lanes);\n"
    "      assert (part != HEADER || !waiting_lanes);\n"
    "      assert (primes < granules && !lean || part != PRIME);\n"
    "      if (part == HEADER && reader_part != 0 || !begun && part != FAILED && part != HEADER)\n"
    "        assert (!begun && !served && AT_FIRST);\n"
    "      assert (part != FINISH || begun);\n"
    "      assert (part != PRIME || !begun);\n"
    "      assert (!served || part != MAP && part != PRIME && part != BLOCKS);\n"
    "      if (part == HEADER && reader_part != 0\n"
    "          || !begun && (part == MAP || part == PARAMETERS))\n"
    "        assert (primes == 0);\n",
    "      assert (!loaded || reader_part == 0 || reader_part == 3);\n"
    "      assert (!loaded && !counted || part == HEADER || part == FAILED);\n",
    # lanes: each has all granules that it asked for or waits for them, if it needs any; in a lean
    # stream it waits for those that are dealt to it
    *(f"      if (part != FAILED && (part != HEADER || reader_part != 0))\n"
      f"        assert (third_{lane} <= (second_{lane} && first_{lane})\n"
      f"                && (lean ? !waits_{lane} || waiting_lanes[{lane}]\n"
      f"                           || later_lanes[{lane}] || ended\n"
      f"                : sum_{lane} <= 3 && (sum_{lane} == asked || ended && part != HEADER\n"
      f"                || served || part == FINISH\n"
      f"                || part == BLOCKS && final_block && !here_{lane} || rests_{lane})));\n"
      for lane in range(2)),
])
_SUMS = "".join(
    f"  wire [2:0] sum_{lane} = first_{lane} + second_{lane} + third_{lane}\n"
    f"                    + waiting_lanes[{lane}] + later_lanes[{lane}];\n" for lane in range(2))
_LAST = "      assert (rank <= LONGEST && quiet + rank <= LONGEST);\n"


_MASK = {"csr": 7, "bitmask": 4}  # bits of a mask or a count
_KNOWN = "part != FAILED && (part != HEADER || reader_part != 0)"  # the header's first word
_HEADERS = {
    "rle": f"      assert (!({_KNOWN}) || header[8:2] >= 1 && header[8:2] <= 6);\n",
    # there are at least two codes, so an escape isn't of no zeros; lanes have read nothing before
    # the first of two steps
    "huffman": f"      assert (!({_KNOWN}) || header[0]);\n"
               "      assert (part == FAILED || (code_ends ? 0 : code_room) + code_total >= 2\n"
               "              && code_total + (code_ends ? 0 : code_room)\n"
               "                 <= (code_ends ? 256 : 2 << code_index));\n"
               "      assert (part == FAILED || part == HEADER && reader_part <= 6\n"
               "              || header[14:9] != 0);\n"
               "      if (part == HEADER && reader_part != 0\n"
               "          || !begun && part != FAILED && part != HEADER && part != BLOCKS)\n"
               "        assert (none_0 && none_1);\n"
               "      assert (part != BLOCKS || begun || none_0 == none_1 || rests_1);\n"}
_CODES = "(reader_part < 6 ? 9 : reader_part > 6 || code_ends ? 0 : 8 - code_index)"


def _longest(codec):
    return 66 if codec == "huffman" else 43


def _nets(codec, spec):
    """The nets that are seen, and what lanes are like before they take a symbol."""
    inside, at_first = dict(_INSIDE), []
    huffman = codec == "huffman"
    if codec in _HEADERS:
        inside["header"] = "core_control_header", header_layout(spec).size
    if huffman:
        inside["code_index"] = "core_control_reader_codes_index", 3
        inside["code_ends"] = "core_control_reader_codes_$signal", 1
        inside["code_total"] = "core_control_reader_codes_total", 9
        inside["code_room"] = "core_control_reader_codes_room", 9
    for lane in range(2):
        name = f"core_lane_{lane}"
        inside[f"position_{lane}"] = f"{name}.position", 7 if codec in _HEADERS else 4
        at_first.append(f"position_{lane} == 3")
        if codec in _MASK:
            inside[f"mask_{lane}"] = f"{name}.symbols_left", _MASK[codec]
            at_first.append(f"!mask_{lane}")
        if huffman:
            inside[f"read_{lane}"] = f"{name}.$signal", 16
            inside[f"there_{lane}"] = f"{name}.there", 1
        if codec in _HEADERS:
            inside[f"rests_{lane}"] = f"{name}.rest", 1
    return inside, " && ".join(at_first)


def _proof(stream_rule, codec):
    """A decompressor's Verilog, its wrapper, and the nets that this sees."""
    spec = DecompressorSpec(**_SMALL, codecs=[codec])
    component = Decompressor(spec=spec)
    inside, at_first = _nets(codec, spec)
    huffman = codec == "huffman"
    parts = "      assert (reader_part < 5 || reader_part == 8" + (
        " || reader_part == 6);\n" if huffman else ");\n")
    rules = (_RULES.replace("AT_FIRST", at_first) + _HEADERS.get(codec, "") + parts
             + _LAST.replace("LONGEST", str(_longest(codec))))
    wrapper = stream_rule(component, "decompressor", "weights", "1'b1", inside, rules)
    body = _PARTS + _QUEUE + _SUMS
    if codec not in _HEADERS:
        body += "".join(f"  wire rests_{lane} = 0;\n" for lane in range(2))
    if huffman:
        body += "".join(f"  wire none_{lane} = there_{lane} && !read_{lane}[0] "
                        f"&& !read_{lane}[15:10];\n" for lane in range(2))
    steps = (10, "(none_0 ? 2 : 1)", _CODES) if huffman else (5, "1", "0")
    body += _RANK.format(first_steps=steps[0], steps=f"5 * {steps[1]}", lean_steps=steps[1],
                         codes=steps[2]) + _PROGRESS
    wrapper = wrapper.replace("  reg started = 0", body + "  reg started = 0")
    return (verilog(component, spec, "decompressor"), wrapper,
            [net for net, _ in inside.values()])


@pytest.mark.heavy
@pytest.mark.parametrize("codec", ["rle", "dense", "bitmask", "csr", "huffman"])
def test_never_hangs(prove, stream_rule, codec):
    design, wrapper, exposed = _proof(stream_rule, codec)
    assert prove(design, "decompressor", wrapper, exposed=exposed, memories=True,
                 depth=2) == "PASS"


# The sound design must not be found to hang, and each of the others must, by an actual stream, sent
# again and again: a lane that the dealer forgets, one that asks for nothing, a control that lets no
# lane have its third granule.
_FAULTS = {
    "none": (r"$^", ""),
    "dealer": (r"(assign core_dealer_active = core_dealer_waiting) & \w+;", r"\1 & 2'h1;"),
    "ask": (r"(assign core_ask = .*?\? \{)[^,]*,", r"\1 1'h0,"),
    "prime": (r"(assign core_control_prime = \w+ \?) \w+ :", r"\1 core_control_primes != 2'h2 :"),
}
_BENCH = """\
module bench(input clk, input rst, output reg [31:0] most,
             output reg failed);
  reg [31:0] words [0:COUNT-1];
  reg [31:0] place = 0, quiet = 0;
  wire ready, weights, parameters, maps, done;
  wire [3:0] error;
  decompressor dut(.clk(clk), .rst(rst), .clear(1'b0), .words_valid(1'b1), .words_ready(ready),
    .words_data(words[place]), .words_last(place == COUNT-1), .weights_valid(weights),
    .weights_ready(1'b1), .parameters_valid(parameters), .parameters_ready(1'b1),
    .maps_valid(maps), .maps_ready(1'b1), .done(done), .error(error));
  always @(posedge clk) if (!rst) begin
    if (ready) place <= (place + 1) % COUNT;
    quiet <= ready || weights || parameters || maps || done || error != 0 ? 0 : quiet + 1;
    if (quiet > most) most <= quiet;
    if (error != 0) failed <= 1;
  end
  initial begin
    most = 0;
    failed = 0;
WORDS  end
endmodule
"""
_MAIN = """\
#include "Vbench.h"
#include <cstdio>
int main() {
  Vbench bench;
  for (int edge = 0; edge < 2000; edge++) {
    bench.rst = edge < 4;
    bench.clk = edge & 1;
    bench.eval();
  }
  std::printf("%u %u\\n", bench.most, bench.failed);
}
"""


def _quiet(design, folder):
    """How many successive cycles at most pass without progress, of a stream of rle."""
    blocks = np.random.default_rng(1).integers(-9, 9, (2, 20, 1, 4, 2)).astype(np.int8)
    words = np.frombuffer(encode_blocks(blocks, "rle", word_bytes=4).data, "<u4")
    lines = "".join(f"    words[{place}] = {word};\n" for place, word in enumerate(words))
    bench = _BENCH.replace("COUNT", str(len(words))).replace("WORDS", lines)
    (folder / "bench.v").write_text(design + bench)
    (folder / "main.cpp").write_text(_MAIN)
    subprocess.run(["verilator", "--cc", "--exe", "--build", "-Wno-lint", "-Wno-fatal",
                    "--top", "bench", "bench.v", "main.cpp"], cwd=folder, check=True,
                   capture_output=True, env={**os.environ, **verilator_environment()})
    output = subprocess.run(["obj_dir/Vbench"], cwd=folder, check=True, capture_output=True,
                            text=True).stdout
    most, failed = (int(number) for number in output.split())
    assert not failed
    return most


@pytest.mark.heavy
@pytest.mark.parametrize("fault", _FAULTS)
def test_hangs_are_found(prove, stream_rule, tmp_path, fault):
    design, wrapper, exposed = _proof(stream_rule, "rle")
    broken, count = re.subn(*_FAULTS[fault], design)
    assert count == (fault != "none")
    assert (_quiet(broken, tmp_path) > _longest("rle")) == (fault != "none")
    if fault != "none":
        assert prove(broken, "decompressor", wrapper, exposed=exposed, memories=True,
                     depth=2) == "UNKNOWN"
