"""Take the pictures of MLflow in this documentation again, from what `make demo` has recorded.

Needs a Chromium on the path.

    make demo
    python docs/screenshots.py ganaug-demo
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from mlflow import MlflowClient
from playwright.sync_api import Page, sync_playwright

from ganaug.tracking.view import TRAINING, address_of_run, address_of_view

SERVER = "http://127.0.0.1:5099"
HERE = Path(__file__).parent


@contextmanager
def mlflow_server(database: Path) -> Iterator[None]:
    """Serve a store at `SERVER` in the block."""
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{database.resolve()}"]
    command += ["--port", SERVER.rpartition(":")[2]]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while server.poll() is None:
            try:
                urlopen(f"{SERVER}/health")
                break
            except URLError:
                time.sleep(0.5)
        yield
    finally:
        server.terminate()
        server.wait()


def take(page: Page, address: str, text: str, picture: str) -> None:
    """Open an address, unfold what is folded, scroll to a text, and take a picture."""
    page.goto(f"{SERVER}{address}")
    page.get_by_text(text).first.wait_for(timeout=120_000)
    page.wait_for_timeout(8000)  # until the rest is there, too: the page never stops asking
    for fold in page.get_by_text("Show more").all():
        if fold.is_visible():
            fold.click()
    page.get_by_text(text).first.evaluate(
        "e => e.getBoundingClientRect().top > innerHeight / 2 && e.scrollIntoView()"
    )
    page.screenshot(path=HERE / picture)
    print(HERE / picture)


def main(folder: Path) -> None:
    """Take a picture of the runs, one of the verdict's run, and one of the champion."""
    with mlflow_server(folder / "mlflow.db"), sync_playwright() as playwright:
        client = MlflowClient(SERVER)
        version = client.search_model_versions(order_by=["last_updated_timestamp DESC"])[0]
        best = client.get_run(version.run_id)
        experiment, parent = best.info.experiment_id, best.data.tags["mlflow.parentRunId"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        name = best.info.run_name
        take(page, address_of_view(experiment, parent), name, "mlflow.png")
        run = address_of_run(experiment, parent)
        take(page, run, "Description", "mlflow-verdict.png")
        champion = f"/#/models/{version.name}/versions/{version.version}?{TRAINING}"
        take(page, champion, "Description", "mlflow-champion.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
