"""The activation buffer's users against two lists of rows."""

import random

import pytest
from amaranth.sim import Simulator

from sparrow.hw.memory.activations import ActivationBuffer


def _traffic(source, parts, vector, written, read):
    """What the users ask for in a cycle."""
    step = source.getrandbits(2) & source.getrandbits(2)
    result = source.random() < 0.5
    load = source.random() < 0.6
    return {
        "result_valid": result, "result_bank": source.getrandbits(1),
        "result_row": written[0], "result_data": source.getrandbits(vector),
        "load_valid": load, "load_enable": source.getrandbits(parts),
        "load_bank": source.getrandbits(1), "load_row": written[1],
        "load_data": source.getrandbits(vector),
        "step_enable": step, "step_row": read[0],
        "fetch_valid": source.random() < 0.6, "fetch_urgent": source.random() < 0.3,
        "fetch_bank": source.getrandbits(1), "fetch_row": read[1],
        "operand_valid": source.random() < 0.2, "operand_bank": source.getrandbits(1),
        "operand_row": read[2]}


@pytest.mark.parametrize("seed, parts, operand, latency", [
    (0, 2, False, 1), (1, 4, True, 1), (2, 1, True, 1), (3, 2, True, 2)])
def test_users_share_the_banks(seed, parts, operand, latency):
    source = random.Random(seed)
    rows, width = 8, 8
    vector = width * parts
    buffer = ActivationBuffer(rows=rows, part_width=width, parts=parts, operand=operand,
                              read_latency=latency)
    content = [[source.getrandbits(vector) for _ in range(rows)] for _ in range(2)]
    counts = {"results": 0, "loads": 0, "waiting loads": 0, "fetches": 0, "waiting fetches": 0,
              "waiting steps": 0, **({"operands": 0} if operand else {})}

    def write(bank, row, enable, data):
        mask = sum(((1 << width) - 1) << width * part for part in range(parts)
                   if enable >> part & 1)
        content[bank][row] = content[bank][row] & ~mask | data & mask

    async def fill(ctx):
        for bank in range(2):
            for row in range(rows):
                ctx.set(buffer.result_valid, 1)
                ctx.set(buffer.result_bank, bank)
                ctx.set(buffer.result_row, row)
                ctx.set(buffer.result_data, content[bank][row])
                await ctx.tick()
        ctx.set(buffer.result_valid, 0)

    async def bench(ctx):
        await fill(ctx)
        shown, fetched, added = [None, None], None, None
        coming = [(list(shown), None, None)] * (latency - 1)
        for cycle in range(4000):
            # who reads never meets who writes: the lower rows change, the upper ones are read,
            # and every now and then it is the other way round
            low = 0 if cycle // 50 % 2 else rows // 2
            written = [low + source.randrange(rows // 2) for _ in range(2)]
            read = [(low + rows // 2) % rows + source.randrange(rows // 2) for _ in range(3)]
            values = _traffic(source, parts, vector, written, read)
            if not operand:
                values = {name: value for name, value in values.items()
                          if not name.startswith("operand")}
            operands = values.get("operand_valid", 0) << values.get("operand_bank", 0)
            result, load = values["result_valid"], values["load_valid"]
            for name, value in values.items():
                ctx.set(getattr(buffer, name), value)
            coming.append((list(shown), fetched, added))
            shown_now, fetched_now, added_now = coming.pop(0)
            for bank in range(2):
                if shown_now[bank] is not None:
                    data = ctx.get(buffer.step_data) >> bank * vector & ((1 << vector) - 1)
                    assert data == shown_now[bank]
            if fetched_now is not None:
                assert ctx.get(buffer.fetch_data) == fetched_now
            load_ready, fetch_ready = ctx.get(buffer.load_ready), ctx.get(buffer.fetch_ready)
            assert load_ready == (not result or values["result_bank"] != values["load_bank"])
            if added_now is not None:
                assert ctx.get(buffer.operand_data) == added_now
            free = not operands >> values["fetch_bank"] & 1
            fetches = values["fetch_valid"] and free and (
                values["fetch_urgent"] or not values["step_enable"] >> values["fetch_bank"] & 1)
            assert fetch_ready == fetches
            others = operands | fetches << values["fetch_bank"]
            assert ctx.get(buffer.others) == others
            step_ready = ctx.get(buffer.step_ready)
            assert step_ready == (not others & values["step_enable"])
            counts["waiting steps"] += not step_ready
            fetched = None
            if values["fetch_valid"] and fetch_ready:
                fetched = content[values["fetch_bank"]][values["fetch_row"]]
                shown[values["fetch_bank"]] = None
                counts["fetches"] += 1
            added = None
            if operands:
                added = content[values["operand_bank"]][values["operand_row"]]
                shown[values["operand_bank"]] = None
                counts["operands"] += 1
            counts["waiting fetches"] += values["fetch_valid"] and not fetch_ready
            for bank in range(2):
                if step_ready and values["step_enable"] >> bank & 1:
                    shown[bank] = content[bank][values["step_row"]]
            if result:
                write(values["result_bank"], values["result_row"], (1 << parts) - 1,
                      values["result_data"])
                counts["results"] += 1
            if load and load_ready:
                write(values["load_bank"], values["load_row"], values["load_enable"],
                      values["load_data"])
                counts["loads"] += 1
            counts["waiting loads"] += load and not load_ready
            await ctx.tick()

    simulator = Simulator(buffer)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert min(counts.values()) > 100
