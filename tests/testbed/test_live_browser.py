"""The live page in a real browser: ten nodes, phone and desktop, light and dark, keyboard, a restarted collector."""

from __future__ import annotations

import asyncio
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from anopticon_testbed.live.board import Board
from anopticon_testbed.live.collector import collecting
from tests.testbed.browser import Page, browsing
from tests.testbed.nodes import cluster, state

pytestmark = [pytest.mark.anyio, pytest.mark.browser]
CONTRAST = """
(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => rgb(text).slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => { for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor; if (rgb(colour)[3] !== 0) return colour; } };
  return [...document.querySelectorAll("h1, h2, p, b, li, label, th, td, small, span")].filter((one) => one.innerText)
    .map((one) => { const a = light(getComputedStyle(one).color), b = light(ground(one));
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.innerText.slice(0, 30)]; })
    .filter((one) => one[0] < 4.5);
})()
"""
"""Every text whose contrast is under 4.5 to 1 (WCAG 2.1, 1.4.3)."""
LIVE = "document.querySelectorAll('#matrix tbody tr').length === 10"


async def looked_at(folder: Path, look: Callable[[Page, str], None], *, nodes: int = 10) -> Board:
    """Run a collector with some nodes, and `look` at its page in a browser."""

    def go() -> None:
        with browsing(folder) as page:
            look(page, url)

    async with collecting(port=0) as (url, board):
        for told in cluster(nodes):
            board.push(told)
        await asyncio.to_thread(go)
    return board


@pytest.mark.parametrize("width", [420, 1280])
async def test_ten_nodes_fit_the_window(tmp_path: Path, width: int) -> None:
    """SPEC: TB-7. At both widths the page shows ten nodes, sticks out nowhere, and asks only its collector."""

    def look(page: Page, url: str) -> None:
        page.open(url, width)
        page.wait_for(LIVE)
        assert page.ask("document.documentElement.scrollWidth") <= width
        assert page.ask("document.querySelectorAll('#matrix tbody td').length") == 100
        row = page.ask(
            "[...document.querySelectorAll('#matrix tbody tr')[1].children].map((one) => one.innerText)"
        )
        assert row == ["pi-02", "-69", "", "-69", "-72", "-75", "-78", "-81", "-84", "-87", "-90"]
        nodes = page.ask("document.querySelector('#nodes').innerText")
        assert "100 %" in nodes
        assert "+0.40 ± 0.20 ms" in nodes
        outside = page.ask(
            "[...document.querySelectorAll('#nodes th, #nodes td, .tiles li')].filter((one) => one.innerText && "
            "one.getBoundingClientRect().right > innerWidth).map((one) => one.innerText)"
        )
        assert outside == []
        assert {one.split("/", 3)[2] for one in page.requested()} == {url.split("/", 3)[2]}
        assert page.complaints() == []
        picture = page.picture()
        assert struct.unpack(">II", picture[16:24])[0] == width
        assert len(picture) > 20_000, "a blank page packs into a few thousand bytes"

    await looked_at(tmp_path, look)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_can_be_read(tmp_path: Path, scheme: str) -> None:
    """SPEC: TB-7. In both colour schemes every text has a contrast of at least 4.5 to 1."""

    def look(page: Page, url: str) -> None:
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.open(url, 1280)
        page.wait_for(LIVE)
        assert page.ask(CONTRAST) == []
        assert page.ask("matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")

    await looked_at(tmp_path, look)


async def test_the_page_works_by_keyboard(tmp_path: Path) -> None:
    """SPEC: TB-7. Tab reaches the choice and the tables, an arrow key changes what the cells show."""

    def look(page: Page, url: str) -> None:
        page.open(url, 1280)
        page.wait_for(LIVE)
        page.press("Tab", 9)
        assert page.ask("document.activeElement.value") == "rssi"
        page.press("ArrowDown", 40)
        assert page.ask("document.activeElement.value") == "rate"
        assert page.ask("document.querySelector('#matrix tbody td:nth-child(3)').innerText") == "220"
        page.press("ArrowDown", 40)
        assert page.ask("document.querySelector('#matrix tbody td:nth-child(3)').innerText") == "94 %"
        for wanted in ("h-matrix", "h-nodes"):
            page.press("Tab", 9)
            assert page.ask("document.activeElement.getAttribute('aria-labelledby')") == wanted

    await looked_at(tmp_path, look)


async def test_news_reach_the_page(tmp_path: Path) -> None:
    """SPEC: TB-4. What is pushed while the page is open appears; a problem of a node stands beside its name."""
    loop = asyncio.get_running_loop()
    hostile = "<img src=x onerror=alert(1)> the disk is full"

    async def push(board: Board) -> None:
        board.push(state(11, problem=hostile, duty=None, clock=None, rotated_s=None))

    def look(page: Page, url: str) -> None:
        page.open(url, 1280)
        page.wait_for(LIVE)
        asyncio.run_coroutine_threadsafe(push(boards[0]), loop).result(10)
        page.wait_for("document.querySelectorAll('#matrix tbody tr').length === 11")
        told = page.ask(
            "[...document.querySelectorAll('#nodes tr')[11].children].map((one) => one.innerText)"
        )
        assert told[:2] == ["pi-11", hostile], told
        assert told[3:6] == ["never", "cannot scan", "not known"]
        assert page.complaints() == []

    boards: list[Board] = []
    async with collecting(port=0) as (url, board):
        boards.append(board)
        for told in cluster(10):
            board.push(told)

        def go() -> None:
            with browsing(tmp_path) as page:
                look(page, url)

        await asyncio.to_thread(go)


async def test_the_page_comes_back_with_its_collector(tmp_path: Path) -> None:
    """SPEC: TB-7. A collector that is stopped is said to be away, and when it is there again the page goes on."""
    ready, stopped, again = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait(event: asyncio.Event) -> None:
        asyncio.run_coroutine_threadsafe(event.wait(), loop).result(60)

    def look(url: str) -> None:
        with browsing(tmp_path) as page:
            page.open(url, 1280)
            page.wait_for(LIVE)
            loop.call_soon_threadsafe(ready.set)
            wait(stopped)
            page.wait_for("document.querySelector('#link').innerText.includes('does not answer')")
            wait(again)
            page.wait_for("document.querySelector('#link').innerText === 'live'")
            page.wait_for("document.querySelectorAll('#matrix tbody tr').length === 3")

    async with collecting(port=0) as (url, board):
        for told in cluster(10):
            board.push(told)
        looking = asyncio.create_task(asyncio.to_thread(look, url))
        await ready.wait()
    stopped.set()
    async with collecting(port=int(re.findall(r"\d+$", url)[0])) as (_, board):
        for told in cluster(3):
            board.push(told)
        again.set()
        await looking


async def test_without_nodes_the_page_says_how_to_start_one(tmp_path: Path) -> None:
    """An empty testbed shows a sentence, not an empty table."""

    def look(page: Page, url: str) -> None:
        page.open(url, 420)
        page.wait_for("document.querySelector('#link').innerText === 'live'")
        shown = page.ask("document.querySelector('main').innerText")
        assert "No node has reported yet" in shown
        assert page.ask("document.querySelector('#matrix').offsetParent") is None
        assert json.loads(page.ask("JSON.stringify([document.documentElement.scrollWidth <= 420])")) == [True]

    await looked_at(tmp_path, look, nodes=0)
