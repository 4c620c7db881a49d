from sparrow.flow.synthesis.adders import align_adders
from sparrow.flow.synthesis.design import design
from sparrow.flow.synthesis.mapping import GENERIC, map_design
from sparrow.flow.synthesis.netlist import Netlist
from sparrow.flow.synthesis.recipes import recipe


def adder(a, b, c, carry, total):
    pins = {"A": a, "B": b, "C": c, "X": carry, "Y": total}
    return {"type": "$fa", "connections": {pin: [bit] for pin, bit in pins.items()}}


def inverter(source, sink):
    return {"type": "$_NOT_", "connections": {"A": [source], "Y": [sink]}}


def between_adders(netlist: Netlist) -> int:
    """Nets from adder to adder with an odd number of inverters."""
    inverted = {cell["connections"]["Y"][0]: cell["connections"]["A"][0]
                for cell in netlist.cells.values() if cell["type"] == "$_NOT_"}
    outputs = {cell["connections"][pin][0] for cell in netlist.cells.values()
               if cell["type"] == "$fa" for pin in "XY"}
    odd = 0
    for cell in netlist.cells.values():
        for pin in "ABC" if cell["type"] == "$fa" else "":
            bit, parity = cell["connections"][pin][0], 0
            while bit in inverted:
                bit, parity = inverted[bit], 1 - parity
            odd += parity and bit in outputs
    return odd


def test_chain_is_aligned():
    netlist = Netlist("top", {
        "first": adder(2, 3, 4, 5, 6), "n1": inverter(5, 7), "second": adder(7, 8, 9, 10, 11),
        "n2": inverter(10, 12), "n3": inverter(11, 13), "third": adder(12, 13, "0", 14, 15)},
        {}, {})
    assert between_adders(netlist) == 3
    align_adders(netlist)
    assert between_adders(netlist) == 0
    # The second adder alone was inverted: three inverters in front, two behind.
    assert sum(cell["type"] == "$_NOT_" for cell in netlist.cells.values()) == 3 + 5


def test_contradiction_keeps_the_lesser_part():
    netlist = Netlist("top", {
        "first": adder(2, 3, 4, 5, 6), "n1": inverter(5, 7), "second": adder(7, 6, 9, 10, 11)},
        {}, {})
    align_adders(netlist)
    assert between_adders(netlist) == 1


def test_no_inverters_remain_between_mapped_adders():
    text = """module sum (input clk, input [8*7-1:0] x, output reg [10:0] y);
        wire [7:0] a = ~x[7:0], b = x[15:8], c = x[23:16], d = ~x[31:24];
        wire [8:0] s = a ^ b ^ c, m = {a & b | c & (a ^ b), 1'b0};
        wire [8:0] t = s ^ m ^ d, n = {s & m | d & (s ^ m), 1'b0};
        always @(posedge clk) y <= t + n; endmodule"""
    mapped = map_design(design(text, "sum"), GENERIC, recipe("area"))
    adders = {bits[0] for cell in mapped.flat.cells.values() if cell["type"] == "FA"
              for pin, bits in cell["connections"].items() if pin in ("S", "CO")}
    inverters = {cell["connections"]["Y"][0] for cell in mapped.flat.cells.values()
                 if cell["type"] == "INV" and cell["connections"]["A"][0] in adders}
    fed = {bits[0] for cell in mapped.flat.cells.values() if cell["type"] == "FA"
           for pin, bits in cell["connections"].items() if pin in ("A", "B", "CI")}
    assert mapped.counts["FA"] >= 16 and not inverters & fed
