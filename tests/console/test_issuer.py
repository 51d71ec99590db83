"""The local issuer: the whole sign-in as the console does it, and what it refuses."""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest

from gateway.jwks import FixedKeys
from gateway.people import People
from payments.devtools.issuer import CLIENT_ID, Provider, serving
from payments.devtools.issuer.provider import RefusedError
from payments.devtools.keys import PEOPLE_AUDIENCE, KeyFiles
from payments.devtools.ports import free_port

CONSOLE = "http://127.0.0.1:1/console"
VERIFIER = secrets.token_urlsafe(32)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ASKED = {
    "response_type": "code",
    "client_id": CLIENT_ID,
    "redirect_uri": CONSOLE,
    "scope": "openid",
    "state": "s",
    "nonce": "n",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
ADA = {"person": "ada@example.com"}


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> KeyFiles:
    keys = KeyFiles(tmp_path_factory.mktemp("keys"))
    keys.create()
    return keys


@pytest.fixture(scope="module")
def http(keys) -> Iterator[httpx2.Client]:
    with (
        serving(keys, free_port(), CONSOLE) as provider,
        httpx2.Client(base_url=provider.issuer, trust_env=False) as http,
    ):
        yield http


def code_of(response: httpx2.Response) -> str:
    assert response.status_code == 303, response.text
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


def exchange(http, code, **changes):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CONSOLE,
        "client_id": CLIENT_ID,
        "code_verifier": VERIFIER,
    }
    return http.post("/token", data={**form, **changes})


async def test_somebody_signs_in_and_the_gateway_knows_them(http, keys):
    issuer = str(http.base_url).rstrip("/")
    metadata = http.get("/.well-known/openid-configuration")
    assert metadata.json()["issuer"] == issuer
    # The page of the console may read it, and the page of nobody else.
    assert metadata.headers["access-control-allow-origin"] == "http://127.0.0.1:1"
    assert metadata.json()["code_challenge_methods_supported"] == ["S256"]

    page = http.get("/authorize", params=ASKED)
    assert (page.status_code, page.text.count("<button")) == (200, 5)
    assert "script" not in page.text
    chosen = http.post("/authorize", params=ASKED, data={"person": "rob@example.com"})
    back = parse_qs(urlsplit(chosen.headers["location"]).query)
    assert chosen.headers["location"].startswith(f"{CONSOLE}?")
    assert (back["state"], back["iss"]) == (["s"], [issuer])
    tokens = exchange(http, back["code"][0])
    assert tokens.headers["cache-control"] == "no-store"
    assert tokens.json()["token_type"] == "Bearer"

    people = People(FixedKeys.load(keys.people_jwks), issuer, PEOPLE_AUDIENCE)
    verified = await people.verify(tokens.json()["access_token"])
    assert verified is not None
    assert (verified.identity.subject, *verified.identity.roles) == ("rob@example.com", "risk")
    # The identity token is for the console: it opens nothing.
    assert await people.verify(tokens.json()["id_token"]) is None
    [key] = jwt.PyJWKSet.from_dict(http.get("/jwks.json").json()).keys
    claims = jwt.decode(tokens.json()["id_token"], key.key, ["EdDSA"], audience=CLIENT_ID, issuer=issuer)
    assert (claims["nonce"], claims["sub"]) == ("n", "rob@example.com")


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "other"}, {"redirect_uri": "https://evil.example"}, {"redirect_uri": CONSOLE + "/x"}],
)
def test_nobody_is_sent_elsewhere(http, changes):
    for response in (
        http.get("/authorize", params=ASKED | changes),
        http.post("/authorize", params=ASKED | changes, data=ADA),
    ):
        assert response.status_code == 400
        assert "location" not in response.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
    ],
)
def test_without_pkce_there_is_no_code(http, changes, error):
    response = http.post("/authorize", params=ASKED | changes, data=ADA)
    back = parse_qs(urlsplit(response.headers["location"]).query)
    assert (back["error"], back["state"]) == ([error], ["s"])
    assert "code" not in back


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": secrets.token_urlsafe(32)}, "invalid_grant"),
        ({"code_verifier": CHALLENGE}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": "https://evil.example"}, "invalid_grant"),
        ({"client_id": "other"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_code_alone_is_worth_nothing(http, changes, error):
    code = code_of(http.post("/authorize", params=ASKED, data=ADA))
    refused = exchange(http, code, **changes)
    assert (refused.status_code, refused.json()) == (400, {"error": error})


def test_a_code_is_good_once(http):
    code = code_of(http.post("/authorize", params=ASKED, data=ADA))
    assert exchange(http, code).status_code == 200
    assert exchange(http, code).json() == {"error": "invalid_grant"}
    # A thief who tries without the verifier has used it up.
    code = code_of(http.post("/authorize", params=ASKED, data=ADA))
    assert exchange(http, code, code_verifier="x" * 43).status_code == 400
    assert exchange(http, code).json() == {"error": "invalid_grant"}


def test_a_code_is_good_for_a_minute(keys):
    now = 1000.0
    provider = Provider(keys, redirect_uri=CONSOLE, clock=lambda: now)
    from payments.devtools.issuer.provider import PEOPLE

    code = provider.authorize(ASKED, PEOPLE[ADA["person"]])
    now += 61
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CONSOLE, "client_id": CLIENT_ID}
    with pytest.raises(RefusedError, match="invalid_grant"):
        provider.exchange(form | {"code_verifier": VERIFIER})


def test_names_that_only_lead_here_are_refused(http):
    evil = {"host": "evil.example"}
    assert http.get("/authorize", params=ASKED, headers=evil).status_code == 421
    for path in ("/authorize", "/token"):
        assert http.post(path, params=ASKED, data=ADA, headers=evil).status_code == 421


def test_what_is_not_a_form_is_refused(http):
    assert http.post("/token", content=b"\xff\xfe").json() == {"error": "unsupported_grant_type"}
    assert http.get("/other").status_code == 404
    assert http.post("/other", data=ADA).status_code == 404


def test_tokens_follow_the_issuer(http, keys):
    """What `payments token` prints is from the issuer that runs."""
    claims = jwt.decode(keys.admin_token(), options={"verify_signature": False})
    assert claims["iss"] == str(http.base_url).rstrip("/")
