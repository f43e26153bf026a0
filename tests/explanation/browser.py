"""A headless Chromium for the tests of the page: Debian's, found on the machine, never one that is downloaded."""

import shutil
from contextlib import contextmanager

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")


def missing():
    """Return why the browser tests cannot run; empty if they can."""
    try:
        import playwright  # noqa: F401  whether it is there
    except ImportError:
        return "browser tests did not run: playwright is not installed (pip install playwright)"
    if executable() is None:
        return "browser tests did not run: no chromium was found (apt-get install chromium)"
    return ""


def executable():
    """Return the path of the browser."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium():
    """Start the browser, with a new profile of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=executable(), headless=True, args=list(FLAGS)
        )
        try:
            yield browser
        finally:
            browser.close()


class Page:
    """An opened page with what it asked for and what it complained of."""

    def __init__(self, browser, path, *, width=1280, height=800, scheme="light", mark=""):
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(8_000)
        self.requests, self.complaints = [], []
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("console", lambda m: self.complaints.append(m.text))
        self.page.goto(path.as_uri() + mark)
        self.page.wait_for_selector("html[data-ready]")

    def close(self):
        self.context.close()

    def run(self, code):
        """Return what an expression is worth on the page."""
        return self.page.evaluate(code)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def numbers(self, kind):
        """Return per visible item the number above or below its wire."""
        return self.run(
            "Object.fromEntries([...drawn.nodes].map(([item, n]) => "
            f"[isFold(item) ? foldOf(item).title : wires[item].id, n.{kind}.textContent]))"
        )

    def panel(self):
        return self.page.inner_text("#cr-panel")
