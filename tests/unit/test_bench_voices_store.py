"""The store's part of voices.json has every field of its contract, measured on profiles that were found again."""

from __future__ import annotations

from loadtest.voices.store import IDENTIFIED, LOOKUPS, measured


def test_the_stores_part_is_measured() -> None:
    part = measured(profiles=20)
    assert (part["profiles"], part["sealed"]) == (20, True)
    assert part["start_up_s"] > 0
    for figure, count in (("lookup_ms", LOOKUPS), ("identify_ms", IDENTIFIED)):
        assert part[figure]["n"] == count
        assert 0 <= part[figure]["p50"] <= part[figure]["p95"] <= part[figure]["max"]
