"""The functions as Lambda runs them: events in API Gateway's form, environments that sleep, queues and schedules."""

import base64
import gzip
import json
import socket
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import redis

from cdk.application_metrics import GRAPHS, WATCHED
from tests.contract.client import Caller, Client
from tests.contract.places import OnLambda, set_rates
from tests.docs.test_observability import catalogue
from tests.serverless.runtime import Function, FunctionError, http_event

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def start(bundle_folder, runtime, settings):
    """Start a function of the bundle."""

    def start(handler, **more):
        return Function(bundle_folder, handler, settings | more, runtime=runtime)

    return start


@pytest.fixture(scope="module")
def platform(start):
    with start("gateway.lambda_handler.handler") as function:
        yield function


@pytest.fixture(scope="module")
def place(platform, keys):
    place = OnLambda(platform, keys.admin_token())
    set_rates(place)
    return place


@pytest.fixture(scope="module")
def merchant(place):
    return Client(place).merchant()


def test_a_named_stage_is_no_part_of_the_path(start):
    with start("gateway.lambda_handler.handler") as function:
        for _ in range(2):
            answer = function.invoke(http_event("GET", "/health/live", stage="production"))
            assert answer["statusCode"] == 200
        assert function.invoke(http_event("GET", "/production/health/live", stage="production"))["statusCode"] == 404


def test_bytes_come_and_go_as_base64(platform, merchant):
    headers = {"authorization": f"Bearer {merchant.credential}", "content-type": "application/json"}
    event = http_event("POST", "/v1/payment_methods", headers, b'{"number": "\xff"}')
    assert event["isBase64Encoded"]
    answer = platform.invoke(event)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "malformed_json")

    script = platform.invoke(http_event("GET", "/docs/scalar.js", {"accept-encoding": "gzip"}))
    assert script["isBase64Encoded"]
    assert len(gzip.decompress(base64.b64decode(script["body"]))) > 1_000_000


def test_the_console_is_served(platform):
    page = platform.invoke(http_event("GET", "/console"))
    assert (page["statusCode"], page["isBase64Encoded"]) == (200, False)
    assert "default-src 'none'" in page["headers"]["content-security-policy"]
    script = platform.invoke(http_event("GET", "/console/views/payments.js"))
    assert (script["statusCode"], script["isBase64Encoded"]) == (200, False)
    known = {"if-none-match": script["headers"]["etag"]}
    assert platform.invoke(http_event("GET", "/console/views/payments.js", known))["statusCode"] == 304


def test_a_request_comes_from_where_the_api_gateway_saw_it(platform, place, keys):
    token = {"authorization": f"Bearer {keys.admin_token()}", "content-type": "application/json"}
    body = b'{"base": "EUR", "quote": "USD", "rate": "1.1", "source": "somewhere"}'
    forged = token | {"x-forwarded-for": "192.0.2.66"}
    assert (
        platform.invoke(http_event("PUT", "/v1/fx/rates", forged, body, source_ip="198.51.100.9"))["statusCode"] < 300
    )
    found = json.loads(platform.invoke(http_event("GET", "/v1/admin/audit", token))["body"])
    assert found["data"][0]["address"] == "198.51.100.9"


def test_cookies_and_repeated_headers_do_no_harm(platform, merchant):
    headers = {"authorization": f"Bearer {merchant.credential}", "cookie": "a=1; b=2", "accept": "text/html, */*"}
    event = http_event("GET", "/v1/payments", headers)
    assert event["cookies"] == ["a=1", "b=2"]
    assert platform.invoke(event)["statusCode"] == 200


def test_an_environment_that_slept_recovers_on_its_first_request(merchant, database, redis_url):
    card = merchant.card()
    body = {"amount": 100, "currency": "USD", "payment_method": card}
    assert merchant.post("/v1/payments", body).status == 201
    # While it is frozen, both servers give up its connections.
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended is not None
    assert ended[0] >= 1
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert merchant.post("/v1/payments", body).status == 201
    assert merchant.get("/v1/payments").status == 200


def test_the_stream_ends_with_what_there_is(start, platform, merchant):
    payment = merchant.pay()["id"]
    with start("payments.worker_lambda.handler") as worker:
        worker.invoke({"tasks": ["sequence events"]})
    headers = {"authorization": f"Bearer {merchant.credential}", "last-event-id": "0"}
    answer = platform.invoke(http_event("GET", "/v1/stream", headers))
    assert answer["headers"]["content-type"].startswith("text/event-stream")
    assert answer["body"].startswith("retry: 3000\n")
    assert payment in answer["body"]
    cursor = answer["body"].rsplit("id: ", 1)[1].strip()
    again = platform.invoke(http_event("GET", "/v1/stream", headers | {"last-event-id": cursor}))
    assert "event:" not in again["body"]


STAGE = {"POWERTOOLS_METRICS_NAMESPACE": "payments-development", "POWERTOOLS_SERVICE_NAME": "platform"}


def written_metrics(output):
    """What CloudWatch reads in a log: each series by name and dimensions, with its values."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], list[float]] = {}
    for line in (json.loads(line) for line in output if '"_aws"' in line):
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == STAGE["POWERTOOLS_METRICS_NAMESPACE"]
        dimensions = frozenset((name, line[name]) for name in directive["Dimensions"][0])
        for metric in directive["Metrics"]:
            found.setdefault((metric["Name"], dimensions), []).extend(line[metric["Name"]])
    return found


def is_defined(name, dimensions):
    defined = catalogue()[name]
    return defined.dimensions is not None and {name for name, _ in dimensions} == set(defined.dimensions)


def test_a_request_writes_its_metrics(start, keys, merchant):
    with start("gateway.lambda_handler.handler", **STAGE) as function:
        Caller(Client(OnLambda(function, keys.admin_token())), "measured", merchant.credential).pay()
    found = written_metrics(function.output)
    assert all(is_defined(*series) for series in found)
    assert found["payments_created_total", frozenset({("status", "captured"), ("mode", "test")})] == [1]
    assert sum(sum(values) for (name, _), values in found.items() if name == "payments_decisions_total") == 1
    (seconds,) = found["gateway_http_request_duration_seconds", frozenset({("route", "/v1/payments")})]
    assert 0 < seconds < 60
    # The pictures of the dashboard that are about payments find these names and dimensions.
    graphed = {(graph.metric, frozenset(each.items())) for graph in GRAPHS for each in graph.series}
    assert {name for name, _ in graphed & set(found)} >= {
        "payments_created_total",
        "payments_commit_seconds",
        "payments_decisions_total",
        "gateway_http_request_duration_seconds",
    }


def test_sampled_invocations_are_in_xray_and_a_daemon_that_is_gone_changes_nothing(bundle_folder, runtime, settings):
    trace = "1-5759e988-bd862e3fe1be46a994272793"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{daemon.getsockname()[1]}"
        told = {
            "LAMBDA_TASK_ROOT": "/var/task",
            "AWS_XRAY_DAEMON_ADDRESS": address,
            "POWERTOOLS_SERVICE_NAME": "platform",
        }
        header = f"Root={trace};Parent=557abcec3ee5a047;Sampled=1"
        with Function(
            bundle_folder, "gateway.lambda_handler.handler", settings | told, runtime=runtime, trace=header
        ) as function:
            event = http_event("GET", "/health/ready")
            assert function.invoke(event)["statusCode"] == 200
            segment = json.loads(daemon.recv(65_536).split(b"\n", 1)[1])
            daemon.close()
            assert function.invoke(event)["statusCode"] == 200
    assert (segment["trace_id"], segment["parent_id"], segment["name"]) == (trace, "557abcec3ee5a047", "## platform")
    correlation_id = event["requestContext"]["requestId"]
    assert segment["annotations"] == {"correlation_id": correlation_id, "cold_start": True}


def test_the_worker_writes_what_alarms_watch(start):
    with start("payments.worker_lambda.handler", **STAGE) as worker:
        worker.invoke({})
    found = written_metrics(worker.output)
    assert all(is_defined(*series) for series in found)
    for watch in WATCHED:
        if catalogue()[watch.metric].kind == "gauge" and watch.name != "reconciliation":  # no file, no differences
            assert {(watch.metric, frozenset(each.items())) for each in watch.series} <= set(found), watch.name
    assert found["payments_ledger_balanced", frozenset({("mode", "test")})] == [1]
    assert all(line.startswith("{") for line in worker.output), worker.output  # logs are JSON too


def test_payments_alone(start):
    with start("payments.lambda_handler.handler") as function:
        assert function.invoke(http_event("GET", "/health/ready"))["statusCode"] == 200
        answer = function.invoke(http_event("GET", "/v1/payments"))
        assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (401, "unauthenticated")


def test_a_schedule_runs_tasks(start, merchant):
    with start("payments.worker_lambda.handler") as worker:
        done = worker.invoke({"tasks": ["roll up balances", "create partitions"]})
        assert set(done) == {"roll up balances", "create partitions"}
        assert len(worker.invoke({})) > 5
        with pytest.raises(FunctionError, match="no such task"):
            worker.invoke({"tasks": ["nothing"]})


def test_messages_that_fail_come_again_alone(start):
    bodies = {"1": '{"task": "roll up balances"}', "2": '{"task": "nothing"}', "3": '{"task": "sequence events"}'}
    records = [
        {"messageId": name, "receiptHandle": name, "body": body, "eventSource": "aws:sqs", "attributes": {}}
        for name, body in bodies.items()
    ]
    with start("payments.worker_lambda.handler") as worker:
        answer = worker.invoke({"Records": records})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}


def test_many_environments_share_few_connections(start, postgres, database, merchant):
    """Twenty environments with one connection each: one key is one payment, whoever gets the request."""
    card = merchant.card()
    body = json.dumps({"amount": 100, "currency": "USD", "payment_method": card}).encode()
    headers = {"authorization": f"Bearer {merchant.credential}", "content-type": "application/json"}
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        # Three are kept for the superuser, as max_connections=30 would leave 27.
        connection.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 27")
    functions = [start("gateway.lambda_handler.handler") for _ in range(20)]

    def pay(function):
        with function:
            answers = []
            for number in range(5):
                event = http_event("POST", "/v1/payments", headers | {"idempotency-key": f"shared-{number}"}, body)
                answer = function.invoke(event)
                while answer["statusCode"] == 503:  # on two busy cores, some wait too long; a client repeats that
                    answer = function.invoke(event)
                answers.append((answer["statusCode"], json.loads(answer["body"]).get("id")))
            return answers, _connections(database)

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(pay, functions))
    answers = [answers for answers, _ in found]
    assert {status for each in answers for status, _ in each} == {201}
    assert len({payment for each in answers for _, payment in each}) == 5
    assert max(connections for _, connections in found) <= 23  # twenty, this test's own and the other function's


def _connections(database):
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'payments_app'"
        ).fetchone()
    assert row is not None
    return row[0]
