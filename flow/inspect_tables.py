"""What is in weight streams, as tables for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sparrow.flow.numbers import grouped

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["inspect_tables", "summary"]

_BAR, _ROWS = 40, 24  # letters of the longest bar, bars of a histogram


def summary(name: str, found: Mapping[str, Any]) -> str:
    """The file in a line; see :func:`sparrow.flow.inspect.inspect_file`."""
    what = "one stream" if found["container"] is None else f"container {found['container']}"
    shape = found["shape"]
    weights = (f"{' × '.join(map(str, shape))} weights" if shape
               else f"{grouped(found['weights'])} positions")
    return (f"{name}: {what} for {found['lanes']} × {found['columns']}, words of "
            f"{found['word_bytes']} bytes; {weights}, {grouped(found['bytes'])} bytes; "
            "checksums right")


def inspect_tables(streams: Sequence[Mapping[str, Any]]) -> Iterator["Table"]:
    """Tables of some streams; headers and codes only of a single one."""
    if len(streams) == 1:
        [stream] = streams
        yield _header(stream)
        yield _parts(streams)
        if stream["values"] is not None:
            yield _codes("values", "value", stream["values"])
        if stream["runs"] is not None:
            yield _codes("runs", "run", stream["runs"])
    else:
        yield _streams(streams)
        yield _parts(streams)
    yield _histogram(streams)


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> "Table":
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for heading in left:
        table.add_column(heading, no_wrap=True)
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _streams(streams: Sequence[Mapping[str, Any]]) -> "Table":
    table = _table("streams", ("output blocks", "codec"), (
        "bits", "table", "bytes", "kept", "blocks", "skipped", "steps", "mean", "max", "cycles",
        "checksum"))
    for stream in streams:
        header, steps = stream["header"], stream["steps"]
        table.add_row(
            _blocks(stream), _codec(header), str(header["weight_bits"]), str(header["table"] or ""),
            grouped(stream["bytes"]), _kept(stream), grouped(stream["blocks"]),
            grouped(stream["skipped"]) if header["map"] else "", grouped(steps["total"]),
            f"{steps['mean']:.2f}", grouped(steps["max"]), grouped(stream["cycles"]),
            stream["checksum"])
    return table


def _header(stream: Mapping[str, Any]) -> "Table":
    """A single stream in words."""
    from rich.table import Table

    header, steps = stream["header"], stream["steps"]
    entries = "as they are" if header["table"] is None else f"from a table of {header['table']}"
    skipped = f", {grouped(stream['skipped'])} skipped by the map" if header["map"] else ""
    table = Table(show_header=False)
    for row in (
            ("version, checksum", f"{header['version']}, {stream['checksum']}"),
            ("codec", _codec(header)),
            ("values", f"{header['weight_bits']} bits, {entries}"),
            ("parameters", _parameters(header)),
            ("output blocks", f"{_blocks(stream)}, each of {grouped(header['blocks_of_each'])}"),
            ("blocks", f"{grouped(stream['blocks'])} in the stream{skipped}"),
            ("kept", f"{_kept(stream)} of {grouped(stream['weights'])} weights"),
            ("bytes", f"{grouped(stream['bytes'])}, {grouped(header['granules'])} granules"
                      f"{', lean' * header['lean']}"),
            ("steps", f"{grouped(steps['total'])}; of a block {steps['mean']:.2f}, at most "
                      f"{grouped(steps['max'])}"),
            ("cycles", grouped(stream["cycles"]))):
        table.add_row(*row)
    return table


def _blocks(stream: Mapping[str, Any]) -> str:
    last = stream["first"] + stream["header"]["output_blocks"] - 1
    return f"{stream['first']} to {last}"


def _kept(stream: Mapping[str, Any]) -> str:
    return f"{stream['nonzeros'] / stream['weights']:.2%}"


def _codec(header: Mapping[str, Any]) -> str:
    extra = ""
    if header.get("fixed"):
        extra = f", {header['fixed']} of each block"
    elif "count_bits" in header:
        extra = f", counts of {header['count_bits']} bits"
    elif "longest_run" in header:
        extra = f", runs to {header['longest_run']}"
    return header["codec"] + extra + (", reused" if header["reuse"] else "")


def _parameters(header: Mapping[str, Any]) -> str:
    if header["bias_bits"] is None:
        return "none"
    return (f"{header['bias_bits']}-bit biases, "
            f"{'a shared scale' if header['scales'] == 'shared' else 'scales'}")


def _parts(streams: Sequence[Mapping[str, Any]]) -> "Table":
    table = _table("bits by part", ("part",), ("bits", "per weight"))
    weights = sum(stream["weights"] for stream in streams)
    total = 0
    for part in streams[0]["bits"]:
        bits = sum(stream["bits"][part] for stream in streams)
        total += bits
        table.add_row(part, grouped(bits), f"{bits / weights:.3f}")
    table.add_section()
    table.add_row("all", grouped(total), f"{total / weights:.3f}")
    return table


def _codes(title: str, what: str, rows: Sequence[Mapping[str, Any]]) -> "Table":
    """A table of a stream, bits of codes in the order of sending; unused codes are left out."""
    table = _table(title, (), (what, "code", "sent"))
    used = [row for row in rows if row["count"]]
    for row in used:
        table.add_row("escape" if row[what] is None else str(row[what]), row["code"],
                      grouped(row["count"]))
    if len(used) < len(rows):
        table.add_section()
        table.add_row("others", str(len(rows) - len(used)), "0")
    return table


def _histogram(streams: Sequence[Mapping[str, Any]]) -> "Table":
    runs = streams[0]["runs"] is not None
    pairs = [pair for stream in streams for pair in stream["histogram"]]
    largest = max((value for value, _ in pairs), default=0)
    wide = -(-(largest + 1) // _ROWS)
    bins = [0] * (largest // wide + 1)
    for value, count in pairs:
        bins[value // wide] += count
    table = _table("runs of zeros" if runs else "nonzeros of a column in a block",
                   (), ("zeros" if runs else "nonzeros", "runs" if runs else "columns"))
    table.add_column("", no_wrap=True)
    for number, count in enumerate(bins):
        first, last = number * wide, min((number + 1) * wide - 1, largest)
        table.add_row(f"{first}" if first == last else f"{first} to {last}", grouped(count),
                      "█" * round(_BAR * count / max(1, *bins)))
    return table
