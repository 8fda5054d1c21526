"""A headless Chromium, driven by the DevTools protocol.

In: a URL and expressions. Out: what the page shows. Guarantee: a fresh profile, every wait with a
deadline, ended with the test.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class Tab:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol."""
        self._number += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        command = {"id": self._number, "method": method, "params": parameters}
        await self._socket.send(json.dumps(command))
        async with asyncio.timeout(20):
            return await answer

    async def open(self, url: str) -> None:
        """Go to an address."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.do(f"{domain}.enable")
        await self.do("Page.navigate", url=url)

    async def look(self, expression: str) -> Any:
        """The value of an expression in the page."""
        said = await self.do(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in said:
            raise AssertionError(said["exceptionDetails"])
        return said["result"].get("value")

    async def text(self, selector: str) -> str:
        """What an element says; empty where it is not there."""
        return str(
            await self.look(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        )

    async def until(
        self, expression: str, right: Callable[[Any], bool] = bool, within: float = 15.0
    ) -> Any:
        """Wait until an expression has the right value."""
        value = None
        try:
            async with asyncio.timeout(within):
                while not right(value := await self.look(expression)):  # noqa: ASYNC110 - its state
                    await asyncio.sleep(0.02)
        except TimeoutError:
            body = await self.text("body")
            raise AssertionError(f"{expression} is {value!r}; the page says: {body}") from None
        return value

    async def says(self, selector: str, wanted: str) -> None:
        """Wait until an element says something."""
        await self.until(
            f"document.querySelector({json.dumps(selector)})?.innerText ?? ''",
            lambda said: wanted in said,
        )

    async def click(self, selector: str) -> None:
        """Click an element."""
        await self.look(f"document.querySelector({json.dumps(selector)}).click()")

    async def press(self, key: str) -> None:
        """Press a key."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"Enter": "\r"}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            await self.do(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
            )

    async def size(self, width: int, height: int, scale: float = 1) -> None:
        """The window's size in CSS pixels."""
        await self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )

    async def prefer(self, **features: str) -> None:
        """Media features, such as ``prefers_color_scheme="dark"``."""
        wanted = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        await self.do("Emulation.setEmulatedMedia", features=wanted)

    async def picture(self) -> bytes:
        """A screenshot of the whole page, PNG."""
        shot = await self.do("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    async def close(self) -> None:
        """Stop listening."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def _read(self) -> None:
        async for raw in self._socket:
            message = json.loads(raw)
            if "id" in message:
                answer = self._answers.pop(message["id"])
                if not answer.done():
                    answer.set_result(message.get("result", message))
            else:
                self._note(message["method"], message["params"])

    def _note(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])


@asynccontextmanager
async def browsing(binary: Path, folder: Path, language: str = "en-US") -> AsyncIterator[Tab]:
    """A browser with one empty tab."""
    process = await asyncio.create_subprocess_exec(
        str(binary),
        *FLAGS,
        f"--user-data-dir={folder}",
        f"--accept-lang={language}",
        f"--lang={language}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port(folder / "DevToolsActivePort")
        async with connect(await _tab(port), max_size=64 << 20) as socket:
            tab = Tab(socket)
            try:
                yield tab
            finally:
                await tab.close()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _port(file: Path) -> int:
    async with asyncio.timeout(30):
        while True:
            with suppress(OSError, ValueError, IndexError):
                return int(await asyncio.to_thread(_first_word, file))
            await asyncio.sleep(0.02)


def _first_word(file: Path) -> str:
    return file.read_text().split()[0]


async def _tab(port: int) -> str:
    async with httpx.AsyncClient() as client:
        for entry in (await client.get(f"http://127.0.0.1:{port}/json/list")).json():
            if entry["type"] == "page":
                return str(entry["webSocketDebuggerUrl"])
    raise AssertionError("the browser has no tab")
