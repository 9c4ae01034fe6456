"""A real Prometheus with the configuration that is shipped: other addresses, and once a second."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from math import isfinite
from pathlib import Path
from typing import Any, Final

from controller.stack.ports import LOOPBACK, free_ports
from controller.stack.process import Run
from export.setup.cache import Cache
from tests.scenarios.served import until
from tests.watching import PROMETHEUS

EVERY_S: Final = 1


class Prometheus:
    """Runs from its construction to the end of the run."""

    def __init__(self, run: Run, controller: str, triton: str) -> None:
        """`controller`, `triton`: host:port, where each tells its figures."""
        (port,) = free_ports(1)
        self._url = f"http://{LOOPBACK}:{port}/api/v1/"
        self.began_s = time.time()
        config = run.folder / "prometheus.yml"
        config.write_text(_here(PROMETHEUS / "prometheus.yml", controller, triton))
        self._child = run.spawn(
            "prometheus",
            [
                Cache.default().prometheus,
                f"--config.file={config}",
                f"--storage.tsdb.path={run.folder / 'prometheus'}",
                f"--web.listen-address={LOOPBACK}:{port}",
            ],
        )
        until(f"Prometheus answers ({self._child.log})", self._answers)

    def rules(self) -> list[dict[str, Any]]:
        """Those that it judges, as it reads them."""
        return [rule for group in self._ask("rules", {})["groups"] for rule in group["rules"]]

    def has(self, expr: str) -> bool:
        """Whether an expression had a value, and be it 0, at any moment since it began."""
        words = {"query": expr, "start": f"{self.began_s}", "end": f"{time.time()}", "step": f"{EVERY_S}"}
        found = self._ask("query_range", words)["result"]
        return any(isfinite(float(value)) for series in found for _, value in series["values"])

    def value(self, expr: str) -> float:
        """The sum of an expression's values at this moment."""
        found = self._ask("query", {"query": expr})["result"]
        return sum(float(series["value"][1]) for series in found)

    def _answers(self) -> bool:
        assert self._child.exit_code is None, self._child.log_tail(20)
        try:
            self._ask("query", {"query": "1"})
        except urllib.error.URLError:
            return False
        return True

    def _ask(self, what: str, words: dict[str, str]) -> Any:
        with urllib.request.urlopen(f"{self._url}{what}?{urllib.parse.urlencode(words)}", timeout=10) as answer:
            return json.load(answer)["data"]


def _here(shipped: Path, controller: str, triton: str) -> str:
    """The shipped configuration with what must be other here; each is in it once, else it is not what is shipped."""
    text = shipped.read_text()
    for theirs, ours in {
        "127.0.0.1:8090": controller,
        "triton:8002": triton,
        "scrape_interval: 10s": f"scrape_interval: {EVERY_S}s",
        "scrape_timeout: 5s": f"scrape_timeout: {EVERY_S}s",
        "evaluation_interval: 10s": f"evaluation_interval: {EVERY_S}s",
        "rules/*.yml": str(shipped.parent / "rules" / "*.yml"),
    }.items():
        assert text.count(theirs) == 1, f"{shipped} has not one {theirs}"
        text = text.replace(theirs, ours)
    return text
