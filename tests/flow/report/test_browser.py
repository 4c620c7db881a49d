"""The page in a real browser: nothing to complain about, nothing of no size, nothing too wide."""

import html
import json
import re
import shutil
import subprocess

import pytest

from sparrow.flow.report import page, read_report

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZES = (1280, 400)
FRAMES = """<!DOCTYPE html><body>{frames}<pre id="found"></pre><script>
addEventListener("load", () => {{
  const found = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument, sizes = {{}};
    for (const name of {parts}) {{
      const boxes = [...page.querySelectorAll(name)].map(x => x.getBoundingClientRect());
      sizes[name] = boxes.map(x => x.width * x.height).sort((a, b) => b - a)[0] || 0;
    }}
    return {{sizes, wide: page.documentElement.scrollWidth, mode: page.compatMode}};
  }});
  document.getElementById("found").textContent = JSON.stringify(found);
}});
</script></body>"""
PARTS = ["header", "h1", "#network", "svg.graph", ".graph rect", ".graph .skip", ".bars .bar i",
         ".bar .weights", "#layers table", "#weights table", ".pair .bar i", "#roofline .plot",
         ".dot", ".map", ".tile", ".accuracies", "footer"]


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is there to load the page")
    return found


def test_page_in_a_browser(browser, run_folder, tmp_path):
    text = page(read_report(run_folder))
    frames = "".join(f'<iframe srcdoc="{html.escape(text)}" width="{size}" height="800" '
                     'style="border:0"></iframe>' for size in SIZES)
    (tmp_path / "frames.html").write_text(FRAMES.format(frames=frames, parts=json.dumps(PARTS)),
                                          encoding="utf-8")
    process = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
         f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000", "--dump-dom",
         (tmp_path / "frames.html").as_uri()], capture_output=True, text=True, timeout=120)
    answer = re.search(r'<pre id="found">(.+?)</pre>', process.stdout)
    assert answer, process.stderr
    assert "CONSOLE" not in process.stderr
    found = json.loads(html.unescape(answer[1]))
    for size, frame in zip(SIZES, found, strict=True):
        assert frame["mode"] == "CSS1Compat"
        assert frame["wide"] <= size
        assert {name for name, area in frame["sizes"].items() if not area} == set()
