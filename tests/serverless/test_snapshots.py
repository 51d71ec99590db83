"""Two environments from one snapshot have nothing in common but the code; and nothing runs on after a reply."""

import json
import os
import re
import subprocess
import sys

import psycopg
import pytest

from cdk import bundle
from tests.contract.client import Client
from tests.contract.places import OnLambda, set_rates
from tests.serverless.runtime import Function, http_event

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def payment_events(bundle_folder, runtime, settings, keys):
    """A payment of the same card, once for each copy."""
    with Function(bundle_folder, "gateway.lambda_handler.handler", settings, runtime=runtime) as function:
        place = OnLambda(function, keys.admin_token())
        set_rates(place)
        merchant = Client(place).merchant()
        body = json.dumps({"amount": 100, "currency": "USD", "payment_method": merchant.card()}).encode()
    headers = {"authorization": f"Bearer {merchant.credential}", "content-type": "application/json"}
    return [
        [http_event("POST", "/v1/payments", headers | {"idempotency-key": f"copy-{number}"}, body)]
        for number in range(2)
    ]


def copies(settings, events, *options):
    """Start two environments from one; yields what each says while both are still there."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.serverless.copies", *options],
        cwd=bundle.ROOT,
        env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "eu-central-1", **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process, events):
    process.stdin.write(json.dumps(events) + "\n")
    process.stdin.flush()
    lines = (line for line in process.stdout if line.startswith("copy "))
    return [json.loads(next(lines).removeprefix("copy ")) for _ in range(2)]


@pytest.fixture(scope="module")
def pair(settings, payment_events, database):
    process = copies(settings, payment_events)
    with process:
        found = said(process, payment_events)
        with psycopg.connect(database.superuser_url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'payments_app'"
            ).fetchone()
        assert row is not None
        process.stdin.close()
    return found, row[0]


def test_copies_throw_other_dice(pair):
    (one, other), _ = pair
    assert one["dice"] != other["dice"]
    assert not set(one["ids"]) & set(other["ids"])


def test_without_the_hook_they_would_throw_the_same(settings):
    """Or the test above could not fail."""
    process = copies(settings, [[], []], "--forget-the-hooks")
    with process:
        one, other = said(process, [[], []])
        process.stdin.close()
    assert one["dice"] == other["dice"]


def test_nothing_is_open_in_a_snapshot_and_each_copy_connects_by_itself(pair):
    copies, connections = pair
    assert [copy["opened"] for copy in copies] == [[], []]
    assert connections == 2


def test_each_copy_answers_its_own_request(pair):
    copies, _ = pair
    (one,), (other,) = (copy["answers"] for copy in copies)
    assert (one[0], other[0]) == (201, 201)
    assert one[1]["id"] != other[1]["id"]


def test_nothing_is_left_to_run_after_the_reply(pair):
    """But the pool's own, which wait for somebody to want a connection; before Python 3.12 its clock is two tasks."""
    copies, _ = pair
    for copy in copies:
        assert [task for task in copy["tasks"] if not re.match(r"pool-\d+-(scheduler|worker)|.*Event.wait", task)] == []
