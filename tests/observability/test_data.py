"""Dashboards: the same bytes every time, small enough, and well-formed."""

import json

import pytest

from manifests.observability.dashboards import dashboards

MOST_BYTES = 200_000


@pytest.mark.parametrize("name", dashboards())
def test_a_dashboard_is_small_and_always_the_same(name):
    text = dashboards()[name]
    assert text == dashboards()[name]
    assert len(text.encode()) < MOST_BYTES
    document = json.loads(text)
    ids = [panel["id"] for panel in document["panels"]]
    assert len(ids) == len(set(ids))
    assert all(panel["targets"] for panel in document["panels"] if panel["type"] != "row")


@pytest.mark.parametrize("name", dashboards())
def test_panels_do_not_overlap(name):
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(dashboards()[name])["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
