"""The console's files: what browsers are told to hold them to, and what else is not there."""

import re

import httpx2
import pytest
import pytest_asyncio
from pydantic import ValidationError

from gateway.container import build
from gateway.settings import Settings
from tests.gateway.support import served
from tests.support import client_of

ISSUER = "https://login.example/tenant"


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    from payments.devtools.keys import KeyFiles

    keys = KeyFiles(tmp_path_factory.mktemp("keys"))
    keys.create()
    return Settings.model_validate(
        {
            "payments_url": "http://127.0.0.1:1",
            "identity_key_file": keys.identity,
            "people_jwks_file": keys.people_jwks,
            "people_issuer": ISSUER,
            "console_client_id": "console",
            "environment": "production",
        }
    )


@pytest_asyncio.fixture
async def http(settings):
    async with client_of(build(settings)) as client:
        yield client


async def test_the_page_and_its_policy(http):
    response = await http.get("/console")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(rule.split(" ", 1) for rule in response.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self' https://login.example",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert "strict-transport-security" in response.headers
    assert "set-cookie" not in response.headers


async def test_every_file_is_served_and_revalidated(http, static):
    files = [path for path in static.rglob("*") if path.is_file()]
    assert len(files) > 15
    kinds = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
    for path in files:
        url = f"/console/{path.relative_to(static)}"
        first = await http.get(url)
        assert (first.status_code, first.content) == (200, path.read_bytes()), url
        assert first.headers["content-type"].split(";")[0] == kinds[path.suffix]
        assert first.headers["cache-control"] == "no-cache"
        assert "content-security-policy" in first.headers
        # A proxy that compresses makes it a weak one.
        for tag in (first.headers["etag"], f"W/{first.headers['etag']}", f'"other", {first.headers["etag"]}'):
            again = await http.get(url, headers={"if-none-match": tag})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
        assert (await http.get(url, headers={"if-none-match": '"other"'})).status_code == 200


async def test_what_the_page_loads_is_there(http):
    page = (await http.get("/console")).text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded
    for url in loaded:
        assert (await http.get(url)).status_code == 200, url


async def test_the_page_learns_where_people_sign_in_and_nothing_else(http):
    response = await http.get("/console/config.json")
    assert response.json() == {
        "issuer": ISSUER,
        "client_id": "console",
        "scope": "openid",
        "environment": "production",
    }
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/console/other.js",
        "/console/views",
        "/console/views/",
        "/console/index.html/x",
        "/console/../routes.py",
        "/console/%2e%2e/routes.py",
        "/console/..%2froutes.py",
        "/console/views/..%2fmain.js",
        "/console//etc/passwd",
        "/console/main.js%00",
        "/consolex",
    ],
)
async def test_nothing_else_is_there(settings, path):
    # On a socket, because a client in process would tidy the path up.
    async with served(build(settings)) as port, httpx2.AsyncClient(trust_env=False) as http:
        response = await http.get(f"http://127.0.0.1:{port}{path}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not_found"


async def test_a_slash_at_the_end_is_the_page(http):
    response = await http.get("/console/")
    assert (response.status_code, response.headers["location"]) == (308, "/console")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_files_are_only_read(http, method):
    for path in ("/console", "/console/main.js", "/console/config.json"):
        response = await http.request(method, path)
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


async def test_without_a_client_id_there_is_no_console(settings):
    async with client_of(build(settings.model_copy(update={"console_client_id": None}))) as http:
        for path in ("/console", "/console/main.js", "/console/config.json"):
            assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize("issuer", [None, "login.example", "https://a b", "https://x; script-src *", "https://x\n"])
def test_the_issuer_has_to_be_a_url(settings, issuer):
    known = settings.model_dump() | {"people_issuer": issuer, "people_jwks_file": None}
    with pytest.raises(ValidationError, match="people_issuer"):
        Settings.model_validate(known)


def test_an_empty_client_id_is_a_mistake(settings):
    with pytest.raises(ValidationError, match="console_client_id"):
        Settings.model_validate(settings.model_dump() | {"console_client_id": ""})


class TestSources:
    """Whatever a merchant or a cardholder wrote stays text; nothing runs that is not a file of ours."""

    def test_no_html_is_made_of_text(self, static):
        forbidden = re.compile(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|setHTMLUnsafe|DOMParser"
            r"|\beval\b|new Function|setAttributeNS|srcdoc|javascript:|localStorage|document\.cookie|import\("
        )
        found = {path.name: forbidden.findall(path.read_text()) for path in static.rglob("*.js")}
        assert {name: each for name, each in found.items() if each} == {}

    def test_elements_are_made_in_one_place(self, static):
        makers = [path.name for path in static.rglob("*.js") if "createElement" in path.read_text()]
        assert makers == ["dom.js"]

    def test_nothing_is_inline_and_nothing_is_elsewhere(self, static):
        page = (static / "index.html").read_text()
        assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*src=)", page)
        for path in static.rglob("*"):
            if path.is_file():
                addresses = re.findall(r"https?://[^\s\"'`<>]+", path.read_text())
                assert [each for each in addresses if each != "http://www.w3.org/2000/svg"] == [], path

    def test_modules_stay_small(self, static):
        assert {path.name for path in static.rglob("*.js") if len(path.read_text().splitlines()) > 150} == set()
