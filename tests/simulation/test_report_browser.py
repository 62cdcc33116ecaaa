"""The report in a real browser: it renders, fits a phone and a desktop, and asks nobody for anything."""

from __future__ import annotations

import html
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from anopticon_simulation.report import headline, report_html
from anopticon_simulation.result import Judged, result_of
from tests.simulation.worlds import run, village

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PROBE = """<pre id="probe"></pre><script>
addEventListener("load", () => {
  const texts = [...document.querySelectorAll("svg text")].map(one => one.getBoundingClientRect());
  const frame = one => one.closest("svg").getBoundingClientRect();
  const outside = [...document.querySelectorAll("svg text, svg circle, svg rect")].filter(one => {
    const box = one.getBoundingClientRect(), svg = frame(one);
    return box.left < svg.left - 1 || box.right > svg.right + 1 || box.top < svg.top - 1 || box.bottom > svg.bottom + 1;
  });
  document.getElementById("probe").textContent = JSON.stringify({
    wide: document.documentElement.scrollWidth - innerWidth, texts: texts.length, outside: outside.length,
    fetched: performance.getEntriesByType("resource").length, heading: document.querySelector("h1").innerText,
  });
});
</script>"""


def browser() -> str:
    """The path of a browser, or skip the test."""
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("needs Debian's chromium on the path; .ci/run installs it")


def drive(page: Path, folder: Path, *options: str) -> str:
    """Open a page headless with options; gives what the browser prints."""
    command = [browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={folder / 'profile'}", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=90).stdout


@pytest.fixture(scope="module")
def judged() -> Judged:
    """One finished run with warnings in it."""
    return run(village("gaen", exposure={"attenuation_bound_db": 70, "minutes_per_day": 5}))


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_fits_the_window(judged: Judged, tmp_path: Path, width: int) -> None:
    """At a phone's and at a desktop's width nothing sticks out, charts are whole, and nothing is fetched."""
    result = result_of(judged)
    page = tmp_path / "report.html"
    page.write_text(report_html(judged, result).replace("</main>", PROBE + "</main>"))
    dom = drive(page, tmp_path, f"--window-size={width},1200", "--dump-dom")
    found = re.search(r'<pre id="probe">(.*?)</pre>', dom)
    assert found is not None
    told = html.unescape(found[1])
    assert '"outside":0' in told, told
    assert '"fetched":0' in told, told
    assert re.search(r'"wide":(-?\d+)', told), told
    assert int(re.findall(r'"wide":(-?\d+)', told)[0]) <= 0, told
    assert headline(result) in told


@pytest.mark.browser
def test_the_report_is_more_than_a_white_page(judged: Judged, tmp_path: Path) -> None:
    """A screenshot of the report is a picture of the asked size with something on it."""
    page, picture = tmp_path / "report.html", tmp_path / "report.png"
    page.write_text(report_html(judged, result_of(judged)))
    drive(page, tmp_path, "--window-size=1000,1400", f"--screenshot={picture}")
    data = picture.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (1000, 1400)
    assert len(data) > 40_000, "a blank page packs into a few thousand bytes"
