"""Vectors give what Verilator's text gives, instance by instance."""

import subprocess
from pathlib import Path

import pytest

from sparrow.sim import native
from sparrow.sim.native.statements import vector_function

NAME, MODULE = "Vmodel_cell___nba_sequent__TOP__a__0", "Vmodel_cell"
MEMBERS = {"live": "CData/*7", "slide": "CData/*0", "odd": "CData/*0", "word": "SData/*15",
           "sum": "IData/*31", "product": "QData/*39"}
BODY = """\
    Vmodel__Syms* const __restrict vlSymsp VL_ATTR_UNUSED = vlSelf->vlSymsp;
    auto& vlSelfRef = std::ref(*vlSelf).get();
    // Locals
    CData/*7:0*/ local;
    local = 0;
    // Body
    local = (0xffU & ((IData)(vlSelfRef.live) << 3U));
    vlSelfRef.live = ((IData)(vlSelfRef.live) - (IData)(local));
    vlSelfRef.sum = (vlSelfRef.sum + (IData)(vlSelfRef.live));
    if (vlSelfRef.slide) {
        vlSelfRef.slide = (1U & (~ (IData)(vlSelfRef.slide)));
        if (vlSymsp->TOP.int4) {
            vlSelfRef.word = (- (IData)((0x10U == (0x30U & (IData)(vlSelfRef.word)))));
        } else {
            vlSelfRef.word = ((IData)(vlSelfRef.word) + vlSelfRef.sum);
        }
        if (vlSelfRef.odd) {
            vlSelfRef.product = (((QData)((IData)(vlSelfRef.sum)) << 8U) | (QData)((IData)(local)));
        } else {
            vlSelfRef.product = (vlSelfRef.product >> 1U);
        }
    } else {
        vlSelfRef.sum = (vlSelfRef.sum ^ VL_REDXOR_32((0xffff0fU & vlSelfRef.sum)));
    }
    vlSelfRef.odd = (1U & (IData)((vlSelfRef.product >> 3U)));
"""
PROGRAM = """\
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
typedef uint8_t CData; typedef uint16_t SData; typedef uint32_t IData; typedef uint64_t QData;
#define VL_ATTR_UNUSED
IData VL_REDXOR_32(IData x) {{ return __builtin_parity(x); }}
struct Vmodel__Syms {{ struct {{ CData int4; }} TOP; }};
struct {module} {{ CData live, slide, odd; SData word; IData sum; QData product;
                   Vmodel__Syms* vlSymsp; }};
void {name}({module}* vlSelf) {{
{body}}}
#include "lanes.h"
{vectors}
int main() {{
    std::mt19937_64 random(1);
    for (int round = 0; round < 2000; ++round) {{
        Vmodel__Syms symbols{{{{CData(round & 1)}}}};
        {module} one[{lanes}], other[{lanes}], *lanes[{lanes}];
        for (int lane = 0; lane < {lanes}; ++lane) {{
            one[lane] = {{CData(random()), CData(random() & 1), CData(random() & 1),
                          SData(random()), IData(random()), random() & 0xffffffffff, &symbols}};
            other[lane] = one[lane];
            lanes[lane] = &other[lane];
            {name}(&one[lane]);
        }}
        {name}__lanes(lanes);
        for (int lane = 0; lane < {lanes}; ++lane)
            if (one[lane].live != other[lane].live || one[lane].slide != other[lane].slide
                || one[lane].odd != other[lane].odd || one[lane].word != other[lane].word
                || one[lane].sum != other[lane].sum || one[lane].product != other[lane].product)
                return std::printf("round %d, lane %d\\n", round, lane), 1;
    }}
}}
"""


@pytest.mark.parametrize("lanes", [4, 16])
def test_same_numbers(tmp_path, lanes):
    vectors = vector_function(NAME, MODULE, lanes, BODY, MEMBERS)
    assert vectors
    source = tmp_path / "program.cpp"
    source.write_text(PROGRAM.format(module=MODULE, name=NAME, body=BODY, vectors=vectors,
                                     lanes=lanes))
    subprocess.run(["c++", "-std=c++17", "-w", f"-I{Path(native.__file__).parent}", source,
                    "-o", tmp_path / "program"], check=True)
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout


@pytest.mark.parametrize("condition", ["vlSelfRef.other", "vlSelfRef.slide & 1"])
def test_unknown_conditions(condition):
    assert not vector_function(NAME, MODULE, 4, BODY.replace("vlSelfRef.odd)", condition + ")"),
                               MEMBERS)
