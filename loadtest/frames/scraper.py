"""What Prometheus does: `python -m loadtest.frames.scraper CORE URL` reads the URL every second.

It prints how many bytes each answer had, and ends with its standard input.
"""

from __future__ import annotations

import select
import sys
import time
import urllib.request

from loadtest.frames.cores import pin

EVERY_S = 1.0


def main(url: str) -> None:
    due = time.monotonic()
    while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        due += EVERY_S
        with urllib.request.urlopen(url, timeout=5) as answer:
            print(len(answer.read()), flush=True)


if __name__ == "__main__":
    pin(int(sys.argv[1]))
    main(sys.argv[2])
