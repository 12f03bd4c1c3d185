"""A real browser: headless Chromium, driven over its DevTools protocol, and what a page's terminal was sent.

The page draws on a canvas, so the screen's text comes from what Chromium received over the page's websocket; that it
was drawn, from a picture of the page.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from tests.terminal.terminal import Drawn

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
DEADLINE = 60.0
"""Seconds for each wait; a browser on a busy machine takes its time."""
_KEYS = {"Enter": ("\r", 13), "Escape": ("", 27), "ArrowDown": ("", 40)}


class Browser:
    """One page of a headless Chromium; use it in an `async with`."""

    def __init__(self, width: int = 1100, height: int = 800) -> None:
        self._size = f"{width},{height}"
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last = 0
        self._changed = asyncio.Event()
        self._drawn = Drawn(80, 24)
        self.answered: list[str] = []
        """every address that the page got an answer from"""

    async def __aenter__(self) -> Browser:
        self._process = await asyncio.create_subprocess_exec(
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
            f"--user-data-dir={self._folder.name}", f"--window-size={self._size}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        port = await self._port()
        self._web = aiohttp.ClientSession()
        async with self._web.get(f"http://127.0.0.1:{port}/json/list") as answer:
            (page,) = [one for one in await answer.json() if one["type"] == "page"]
        self._socket = await self._web.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
        self._reading = asyncio.create_task(self._read())
        for domain in ("Network", "Page", "Runtime"):
            await self.call(f"{domain}.enable")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reading.cancel()
        await self._socket.close()
        await self._web.close()
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        self._folder.cleanup()

    async def _port(self) -> str:
        """The port that Chromium chose, which it writes into its folder."""
        told = Path(self._folder.name, "DevToolsActivePort")
        async with asyncio.timeout(DEADLINE):
            while not (told.exists() and "\n" in (text := told.read_text(encoding="utf-8"))):
                assert self._process.returncode is None, f"{CHROMIUM} ended with {self._process.returncode}"
                await asyncio.sleep(0.05)
        return text.split("\n")[0]

    async def _read(self) -> None:
        async for message in self._socket:
            answer = json.loads(message.data)
            if "id" in answer:
                self._answers.pop(answer["id"]).set_result(answer)
            else:
                self._take(answer["method"], answer["params"])
            self._changed.set()

    def _take(self, event: str, told: dict[str, Any]) -> None:
        if event == "Network.responseReceived":
            self.answered.append(told["response"]["url"])
        elif event == "Network.webSocketFrameReceived" and told["response"]["opcode"] == 2:
            self._drawn.feed(base64.b64decode(told["response"]["payloadData"]))
        elif event == "Network.webSocketFrameSent" and told["response"]["payloadData"].startswith('["resize"'):
            size = json.loads(told["response"]["payloadData"])[1]
            self._drawn.resize(size["width"], size["height"])

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Ask the browser for something; its answer."""
        self._last += 1
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[self._last] = future
        await self._socket.send_json({"id": self._last, "method": method, "params": arguments})
        async with asyncio.timeout(DEADLINE):
            answer = await future
        assert "result" in answer, answer
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    async def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression in the page, or what it promises."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    async def press(self, *keys: str) -> None:
        """Press keys one after another: characters, or names of keys as browsers have them."""
        for key in keys:
            text, code = _KEYS.get(key, (key, ord(key[0].upper()) if key[0].isalnum() else 0))
            same = {"key": key, "windowsVirtualKeyCode": code, "code": key if len(key) > 1 else ""}
            await self.call("Input.dispatchKeyEvent", type="keyDown", **same, **({"text": text} if text else {}))
            await self.call("Input.dispatchKeyEvent", type="keyUp", **same)

    async def picture(self) -> bytes:
        """The page as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])

    def text(self) -> str:
        """The screen that the page's terminal was told to draw."""
        return self._drawn.text()

    async def wait_for(self, wanted: str | Callable[[str], bool]) -> str:
        """Wait until a text, or a condition of the whole screen, is there; the screen."""
        meets = wanted if callable(wanted) else lambda screen: wanted in screen
        try:
            async with asyncio.timeout(DEADLINE):
                while not meets(self.text()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"never happened: {wanted!r}\n{self.text()}") from None
        return self.text()
