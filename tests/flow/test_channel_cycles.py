"""The table of cycles of networks with fewer channels."""

import pytest
import torch

from sparrow.compress.capture import capture
from sparrow.compress.data import noise
from sparrow.compress.draft import Draft
from sparrow.compress.train import initialized
from sparrow.flow.channel_cycles import main, table


class Convolutions(torch.nn.Module):
    """Two convolutions, of 32 channels each."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(16, 32, 3, padding=1)
        self.second = torch.nn.Conv2d(32, 32, 3, padding=1)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


@pytest.fixture
def draft():
    return Draft(graph=capture(initialized(Convolutions).eval(), (16, 24, 24)))


def test_table(draft):
    """Half the channels between two layers are half of both layers' work, and time."""
    rows = table(draft, noise((16, 24, 24), test=1, train=2), [{"keep": 16}], measure=False)
    assert [row[0] for row in rows] == ["all", "keep 16"]
    assert rows[0][1] == f"{24 * 24 * 9 * (16 * 32 + 32 * 32):,}"
    assert rows[0][3:] == ("", "100.0%", "100.0%", "1.00×", "1.00×")
    assert rows[1][4] == "50.0%" and rows[1][6] == "2.00×"
    assert 0.45 < float(rows[1][5].rstrip("%")) / 100 < 0.55


@pytest.mark.heavy
def test_measured(draft):
    """The Verilog takes the cycles that were predicted, and fewer of them in proportion."""
    rows = table(draft, noise((16, 24, 24), test=1, train=2), [{"keep": 16}], measure=True)
    for row in rows:
        predicted, measured = (int(each.replace(",", "")) for each in row[2:4])
        assert abs(measured - predicted) <= 0.02 * predicted
    assert 0.45 < float(rows[1][5].rstrip("%")) / 100 < 0.55


def test_command(capsys, tmp_path):
    model = tmp_path / "model.py"
    model.write_text("import torch\n"
                     "def small():\n"
                     "    return torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(),\n"
                     "                               torch.nn.Conv2d(8, 4, 3))\n")
    main([f"{model}:small", "--input", "1x8x8", "--options", "density=0.5;multiple=4"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == ("| channels | MACs | predicted | measured | MACs left | cycles left | "
                        "fewer MACs | fewer cycles |")
    assert lines[1] == "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert lines[2].startswith("| all | ") and "| 100.0% | 100.0% |" in lines[2]
    assert lines[3].startswith("| density 0.5, multiple 4 | ") and len(lines) == 4
