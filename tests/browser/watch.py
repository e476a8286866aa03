"""What a browser says on its console, and whom it asks."""

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage

_HERE = {"127.0.0.1", "localhost"}
_NO_HOST = {"data", "blob", "about", "file"}
_ON_A_SLOW_MACHINE = (
    "Failed to execute 'removeChild' on 'Node'",  # Lab's splash goes twice when two themes load one after the other
    "Error: widget model not found",  # Voilà draws before it has its widgets; the gallery's pages load themselves again
    "[anywidget] Failed to initialize model.",  # anywidget's own limit for a module is 2 s; it draws all the same
)


def _said(message: ConsoleMessage) -> str:
    """What it says, and of which address: "Failed to load resource" names none."""
    return f"{message.text} ({message.location['url']})"


class Watch:
    """Collects, from its start: errors on the console, uncaught exceptions, and addresses off this machine."""

    def __init__(self, context: BrowserContext):
        self.errors: list[str] = []
        self.abroad: list[str] = []
        self.requests = 0
        context.on("console", lambda message: message.type == "error" and self._complained(_said(message)))
        context.on("weberror", lambda error: self._uncaught(str(error.error)))
        context.on("request", lambda request: self._asked(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._asked(socket.url)))

    def _uncaught(self, message: str) -> None:
        self._complained(message, "uncaught: ")

    def _complained(self, message: str, how: str = "") -> None:
        if not message.startswith(_ON_A_SLOW_MACHINE):
            self.errors.append(how + message)

    def _asked(self, url: str) -> None:
        self.requests += 1
        parts = urlsplit(url)
        if parts.scheme not in _NO_HOST and parts.hostname not in _HERE:
            self.abroad.append(url)
