import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError, createApi, NetworkError, parse } from "../../../src/gateway/console/static/api.js";
import { ago, short, utc } from "../../../src/gateway/console/static/format.js";
import { decimal, money } from "../../../src/gateway/console/static/money.js";
import { challengeOf, claimsOf, randomText } from "../../../src/gateway/console/static/pkce.js";
import { read, write } from "../../../src/gateway/console/static/router.js";
import { createSession, SignInError } from "../../../src/gateway/console/static/session.js";

test("amounts have the decimals of their currency, whatever their size", () => {
  const amounts = [
    [1999, "USD", "19.99 USD"], [5, "USD", "0.05 USD"], [0, "EUR", "0.00 EUR"], [-123456, "EUR", "−1,234.56 EUR"],
    [1500, "JPY", "1,500 JPY"], [1234567, "KWD", "1,234.567 KWD"], [7, "KWD", "0.007 KWD"], [12, "CLF", "0.0012 CLF"],
    [999_999_999_999, "USD", "9,999,999,999.99 USD"], [9007199254740993n, "USD", "90,071,992,547,409.93 USD"],
    [100, "USD", "1.00 USD"], [-5, "USD", "−0.05 USD"],
  ];
  for (const [amount, currency, shown] of amounts) assert.equal(money(amount, currency), shown);
  assert.equal(money(null, "USD"), "–");
  assert.throws(() => decimal(0.5, "USD"));
});

test("whole numbers beyond a float's arrive whole", () => {
  const found = parse('{"debits": 9007199254740993, "small": 12, "share": 0.5, "text": "9007199254740993"}');
  assert.deepEqual(found, { debits: 9007199254740993n, small: 12, share: 0.5, text: "9007199254740993" });
});

test("PKCE is that of RFC 7636", async () => {
  assert.equal(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  const made = new Set(Array.from({ length: 50 }, () => randomText()));
  assert.equal(made.size, 50);
  for (const each of made) assert.match(each, /^[A-Za-z0-9_-]{43}$/);
});

function token(claims) {
  return `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;
}

test("claims are read whatever alphabet a name is in, and nonsense says nothing", () => {
  assert.deepEqual(claimsOf(token({ name: "Ådå ✓" })), { name: "Ådå ✓" });
  for (const nonsense of ["", "a", "a.b", "a.!!.c", `h.${Buffer.from("null").toString("base64url")}.s`]) assert.deepEqual(claimsOf(nonsense), {});
});

const ISSUER = "https://login.example";
const NOW = 1_800_000_000;
const METADATA = { issuer: ISSUER, authorization_endpoint: `${ISSUER}/authorize?tenant=1`, token_endpoint: `${ISSUER}/token` };

// A session, an issuer that answers what the test says, and what was asked of it.
function signingIn({ metadata = METADATA, tokens, refuse = false } = {}) {
  const asked = [], kept = new Map();
  const fetch = async (url, options) => {
    asked.push({ url, ...options });
    const found = url.endsWith("openid-configuration") ? metadata : tokens?.(JSON.parse(keptBefore));
    return { ok: !(refuse && url === METADATA.token_endpoint), json: async () => found };
  };
  let keptBefore = null;
  const storage = {
    getItem: (name) => (keptBefore = kept.get(name) ?? null),
    setItem: (name, value) => kept.set(name, value),
    removeItem: (name) => kept.delete(name),
  };
  const session = createSession({
    config: { issuer: ISSUER, client_id: "console", scope: "openid" },
    redirectUri: "https://api.example/console", fetch, storage, now: () => NOW * 1000,
  });
  return { session, asked, kept };
}

const GOOD = (kept) => ({
  id_token: token({ iss: ISSUER, aud: "console", nonce: kept.nonce, exp: NOW + 60, name: "Ada" }),
  access_token: token({ sub: "ada@example.com", roles: ["risk"], exp: NOW + 60 }),
});

async function back(session, changes = {}) {
  const url = new URL(await session.begin("#/live/reviews"));
  return [url, new URLSearchParams({ code: "c", state: url.searchParams.get("state"), ...changes })];
}

test("somebody signs in, and nothing of it is kept", async () => {
  const { session, asked, kept } = signingIn({ tokens: GOOD });
  const [url, parameters] = await back(session, { iss: ISSUER });
  const { verifier } = JSON.parse(kept.get("console.sign_in"));
  assert.equal(url.origin + url.pathname, `${ISSUER}/authorize`);
  const sent = Object.fromEntries(url.searchParams);
  assert.equal(sent.code_challenge, await challengeOf(verifier));
  assert.deepEqual([sent.tenant, sent.response_type, sent.client_id, sent.scope, sent.code_challenge_method], ["1", "code", "console", "openid", "S256"]);
  assert.ok(!url.href.includes(verifier));

  assert.equal(session.token, null);
  assert.equal(await session.finish(parameters), "#/live/reviews");
  assert.deepEqual([...kept], []);
  assert.deepEqual(session.person, { name: "Ada", subject: "ada@example.com", roles: ["risk"] });
  assert.ok(session.token);
  const exchange = asked.at(-1);
  assert.deepEqual([exchange.url, exchange.method, exchange.credentials], [METADATA.token_endpoint, "POST", "omit"]);
  assert.deepEqual(Object.fromEntries(exchange.body), {
    grant_type: "authorization_code", code: "c", redirect_uri: "https://api.example/console", client_id: "console", code_verifier: verifier,
  });
  session.forget();
  assert.deepEqual([session.token, session.person], [null, null]);
});

test("who does not come from the issuer is not signed in", async () => {
  const { session, asked } = signingIn({ tokens: GOOD });
  assert.equal(await session.finish(new URLSearchParams()), null);
  await assert.rejects(session.finish(new URLSearchParams({ code: "c", state: "s" })), SignInError);
  assert.deepEqual(asked, []);
});

for (const [what, changes] of Object.entries({
  "another state": { state: "other" }, "another issuer": { iss: "https://evil.example" }, "a refusal": { error: "access_denied" },
})) {
  test(`a sign-in with ${what} ends, and its verifier with it`, async () => {
    const { session, asked, kept } = signingIn({ tokens: GOOD });
    const [, parameters] = await back(session, changes);
    if (changes.error) parameters.delete("code");
    await assert.rejects(session.finish(parameters), SignInError);
    assert.deepEqual([...kept], []);
    assert.ok(!asked.some(({ url }) => url === METADATA.token_endpoint));
    assert.equal(session.token, null);
  });
}

for (const [what, tokens] of Object.entries({
  "another nonce": (kept) => ({ ...GOOD(kept), id_token: token({ iss: ISSUER, aud: "console", nonce: "other", exp: NOW + 60 }) }),
  "no nonce": (kept) => ({ ...GOOD(kept), id_token: token({ iss: ISSUER, aud: "console", exp: NOW + 60 }) }),
  "another client": (kept) => ({ ...GOOD(kept), id_token: token({ iss: ISSUER, aud: ["other"], nonce: kept.nonce, exp: NOW + 60 }) }),
  "another issuer": (kept) => ({ ...GOOD(kept), id_token: token({ iss: "https://evil.example", aud: "console", nonce: kept.nonce, exp: NOW + 60 }) }),
  "the past": (kept) => ({ ...GOOD(kept), id_token: token({ iss: ISSUER, aud: "console", nonce: kept.nonce, exp: NOW - 3600 }) }),
  "no identity": (kept) => ({ access_token: GOOD(kept).access_token }),
  "no access": (kept) => ({ id_token: GOOD(kept).id_token }),
})) {
  test(`tokens of ${what} sign nobody in`, async () => {
    const { session } = signingIn({ tokens });
    const [, parameters] = await back(session);
    await assert.rejects(session.finish(parameters), SignInError);
    assert.deepEqual([session.token, session.person], [null, null]);
  });
}

test("an issuer that is not the configured one, or asks for tokens elsewhere, is not used", async () => {
  for (const metadata of [{ ...METADATA, issuer: "https://evil.example" }, { ...METADATA, token_endpoint: "https://evil.example/token" }, {}]) {
    await assert.rejects(signingIn({ metadata }).session.begin(""), SignInError);
  }
  const { session } = signingIn({ tokens: GOOD, refuse: true });
  const [, parameters] = await back(session);
  await assert.rejects(session.finish(parameters), /no token/);
});

test("a token ends when it says so", async () => {
  const { session } = signingIn({ tokens: (kept) => ({ ...GOOD(kept), access_token: token({ sub: "a", roles: ["risk"], exp: NOW - 1 }) }) });
  const [, parameters] = await back(session);
  await session.finish(parameters);
  assert.equal(session.token, null);
});

// An API that answers one response, and what it was sent.
function answering(status, body, headers = {}) {
  const sent = [];
  const fetch = async (url, options) => {
    sent.push({ url, ...options });
    if (status === 0) throw new TypeError("fetch failed");
    return { ok: status < 400, status, text: async () => (typeof body === "string" ? body : JSON.stringify(body)), headers: new Headers(headers) };
  };
  const endpoints = {
    see: { route: "GET /v1/things/{thing}", query: ["limit", "open"] },
    make: { route: "POST /v1/things", body: ["reason"] },
    change: { route: "PUT /v1/things/{thing}", body: ["reason"] },
  };
  return { sent, api: createApi({ token: () => "t", fetch, endpoints }) };
}

test("requests are made as the table says", async () => {
  const { api, sent } = answering(200, { fine: true });
  assert.deepEqual(await api("see", { path: { thing: "a/b ?" }, query: { limit: 5, open: undefined } }), { fine: true });
  const [{ url, method, headers, body, credentials, redirect }] = sent;
  assert.deepEqual([method, url, body, credentials, redirect], ["GET", "/v1/things/a%2Fb%20%3F?limit=5", undefined, "omit", "error"]);
  assert.deepEqual(headers, { accept: "application/json", authorization: "Bearer t" });
  await assert.rejects(api("see", { path: { thing: "x" }, query: { status: "y" } }), TypeError);
  await assert.rejects(api("change", { path: { thing: "x" }, body: { other: 1 } }), TypeError);
});

test("a body says what it is", async () => {
  const { api, sent } = answering(201, {});
  await api("make", { body: { reason: "x" } });
  assert.equal(sent[0].headers["content-type"], "application/json");
  assert.equal(sent[0].body, '{"reason":"x"}');
});

test("a problem is told as the API tells it", async () => {
  const problem = { title: "Forbidden", detail: "This needs a role.", code: "forbidden", effect: "none", request_id: "req_1", errors: [{ detail: "d", pointer: "/p" }] };
  const error = await answering(403, problem, { "retry-after": "7" }).api("see", { path: { thing: "x" } }).catch((each) => each);
  assert.ok(error instanceof ApiError);
  assert.deepEqual([error.status, error.title, error.message, error.code, error.requestId, error.retryAfter, error.errors.length], [403, "Forbidden", "This needs a role.", "forbidden", "req_1", 7, 1]);
});

test("an answer that is no problem document still says what it can", async () => {
  const request = { path: { thing: "x" }, body: { reason: "r" } };
  for (const body of ["<html>", "", "null", "[]"]) {
    const error = await answering(502, body, { "x-request-id": "req_2" }).api("change", request).catch((each) => each);
    assert.deepEqual([error.status, error.requestId, error.effect, error.errors], [502, "req_2", "unknown", []]);
  }
  assert.equal((await answering(400, "").api("change", request).catch((each) => each)).effect, "none");
});

test("no answer is no answer: what changes something may have arrived", async () => {
  const lost = answering(0).api;
  const reading = await lost("see", { path: { thing: "x" } }).catch((each) => each);
  const changing = await lost("change", { path: { thing: "x" }, body: { reason: "r" } }).catch((each) => each);
  assert.ok(reading instanceof NetworkError && changing instanceof NetworkError);
  assert.deepEqual([reading.effect, changing.effect], ["none", "unknown"]);
});

test("without a token nothing is sent", async () => {
  const api = createApi({ token: () => null, fetch: () => assert.fail("sent") });
  assert.equal((await api("stats").catch((each) => each)).status, 401);
});

test("addresses say where one is, and nonsense leads to the overview", () => {
  const place = { mode: "live", view: "payments", id: "a/b?&", params: { status: "unknown", after: "" } };
  assert.equal(write(place), "#/live/payments/a%2Fb%3F%26?status=unknown");
  assert.deepEqual(read(write(place)), { ...place, params: { status: "unknown" } });
  for (const hash of ["", "#", "#/", "#/nowhere", "#/%"]) assert.deepEqual(read(hash), { mode: "test", view: "overview", id: "", params: {} });
  assert.equal(read("", "live").mode, "live");
  assert.equal(read("#/test/payments", "live").mode, "test");
});

test("words for times and ids", () => {
  assert.equal(utc("2026-11-26T03:05:16.123Z"), "2026-11-26 03:05:16 UTC");
  assert.equal(utc(null), "–");
  const now = Date.parse("2026-11-26T03:05:16Z");
  assert.equal(ago("2026-11-26T03:05:10Z", now), "6 s ago");
  assert.equal(ago("2026-11-27T04:05:16Z", now), "in 1 d");
  assert.equal(short("pay_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"), "pay_…0e1d2c3b");
  assert.equal(short("sandbox"), "sandbox");
});
