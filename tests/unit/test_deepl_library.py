"""data/deepl_requests.json, with which our requests are compared, is what DeepL's own library sends today."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import deepl
import pytest

from tests.fakes.fake_deepl import fake_deepl

REQUESTS = json.loads((Path(__file__).parent / "data" / "deepl_requests.json").read_text(encoding="utf-8"))["requests"]


@pytest.mark.parametrize("kept", REQUESTS)
def test_the_library_still_sends_what_was_kept(kept: dict[str, Any]) -> None:
    def ask(url: str) -> None:
        client = deepl.DeepLClient("a-key", server_url=url, send_platform_info=False)
        try:
            client.translate_text(
                kept["body"]["text"],
                split_sentences=deepl.SplitSentences.OFF,
                model_type="latency_optimized",
                **kept["library_was_told"],
            )
        finally:
            client.close()  # type: ignore[no-untyped-call]

    async def main() -> None:
        async with fake_deepl() as server:
            await asyncio.to_thread(ask, server.url)
            theirs = server.asked[0]
            assert theirs.path == kept["path"]
            assert {name: theirs.headers[name] for name in kept["headers"]} == kept["headers"]
            assert json.dumps(theirs.body) == json.dumps(kept["body"])

    asyncio.run(main())
