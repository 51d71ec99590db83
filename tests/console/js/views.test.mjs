import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { ApiError, NetworkError } from "../../../src/gateway/console/static/api.js";
import { confirm } from "../../../src/gateway/console/static/dialog.js";
import { h } from "../../../src/gateway/console/static/dom.js";
import { ENDPOINTS } from "../../../src/gateway/console/static/endpoints.js";
import { complaint } from "../../../src/gateway/console/static/parts.js";
import { VIEWS } from "../../../src/gateway/console/static/views/index.js";
import { install, rendered, strict } from "./dom.mjs";

beforeEach(install);

const EVIL = "<img src=x onerror=alert(1)>";
const view = (name) => VIEWS.find((each) => each.name === name);

// What a view is given; `answers` by endpoint, and everything it asked is noted.
function context(answers, changes = {}) {
  const asked = [], questions = [];
  return {
    asked, questions,
    mode: "test", livemode: false, id: "pay_1", params: {},
    can: () => true,
    merchants: async () => new Map([["mer_1", EVIL]]),
    to: (name, id = "") => `#/test/${name}/${id}`,
    go() {}, open() {},
    act: (question) => questions.push(question),
    api: async (name, request) => {
      asked.push([name, request]);
      if (answers[name] instanceof Error) throw answers[name];
      return strict(ENDPOINTS[name], answers[name]);
    },
    ...changes,
  };
}

async function shown(name, context) {
  return rendered(view(name).render(await view(name).load(context), context));
}

const pause = { kind: "merchant", subject: "mer_1", reason: EVIL, created_by: EVIL, created_at: "2026-11-26T03:00:00.000Z" };
const circuit = { name: "write", upstream: "payments", state: "half_open", forced: true, rejected: 3, shared: false };
const page = (...data) => ({ has_more: false, data });
const stats = { replica: "host:1", under_way: { write: 1 }, streams: 0, shed: 0, limited: 0, limits: { shared: false, counted_alone: 4 } };
const alert = {
  id: "alr_1", livemode: true, merchant: "mer_1", kind: "daily_volume_approached", date: "2026-11-26", severity: "warning",
  details: { currency: "KWD", limit: 1234567, used: 1000 }, opened_at: "2026-11-26T03:00:00.000Z", resolved_at: null, resolved_by: null, resolution: null,
};
const review = {
  id: "pay_1", merchant: "mer_1", livemode: false, amount: 1500, currency: "JPY", score: 75, card: { brand: "visa", last4: "4242" }, customer_ip: null,
  device_id: EVIL, decision: { outcome: "review", score: 75, rules: [{ name: EVIL, score: 30 }], signals: { card: { amount_usd: [1, 2, 3, 4] } } },
  expires_at: null, created_at: "2026-11-26T03:00:00.000Z",
};

test("the overview says what is wrong in its own place, and leaves out what is not for this person", async () => {
  const down = new ApiError(503, { title: "Service Unavailable", detail: "Payments is not ready." }, {});
  const answers = {
    ready: down, stats, listCircuits: page(circuit), listPauses: page(pause), listAlerts: page(alert), listPayments: { has_more: true, data: [] },
  };
  const root = await shown("overview", context(answers, { can: (name) => name !== "listReviews" }));
  for (const text of ["Not ready", "Payments is not ready.", "Half open Write (forced)", "alone, 4 so far", EVIL, "0+"]) assert.ok(root.textContent.includes(text), text);
  assert.ok(!root.textContent.includes("Reviews"));
  assert.deepEqual(root.all("img"), []);
});

test("without a network the overview is not rewritten", async () => {
  await assert.rejects(view("overview").load(context({ ready: new NetworkError(false) })), NetworkError);
});

test("a review is decided with a reason, after its effect was shown", async () => {
  const here = context({ listReviews: page(review), approveReview: {}, declineReview: {} });
  const root = await shown("reviews", here);
  assert.ok(root.textContent.includes("1,500 JPY"));
  assert.ok(root.textContent.includes("0.04 USD"));
  for (const button of root.all("button")) button.click();
  const [approve, decline] = here.questions;
  assert.match(approve.effect, /bank is asked for the money/);
  assert.match(decline.effect, /declined for good/);
  assert.ok(approve.reason && decline.reason);
  await decline.run("no");
  assert.deepEqual(here.asked.at(-1), ["declineReview", { path: { payment: "pay_1" }, body: { reason: "no" } }]);
});

test("alerts show volumes as money and are resolved by those who may", async () => {
  const here = context({ listAlerts: page(alert), resolveAlert: {} });
  const root = await shown("alerts", here);
  assert.ok(root.textContent.includes("1.000 KWD of 1,234.567 KWD"));
  root.all("button")[0].click();
  await here.questions[0].run("seen");
  assert.deepEqual(here.asked.at(-1), ["resolveAlert", { path: { alert: "alr_1" }, body: { reason: "seen" } }]);
  const reader = await shown("alerts", context({ listAlerts: page(alert) }, { can: () => false }));
  assert.deepEqual(reader.all("button"), []);
});

test("a forced circuit can be let go, and not forced to what it is", async () => {
  const here = context({ listCircuits: page({ ...circuit, state: "open" }), setCircuit: {} });
  const root = await shown("circuits", here);
  assert.deepEqual(root.all("button").map((each) => each.textContent), ["Force closed", "Automatic"]);
  root.all("button")[1].click();
  await here.questions[0].run();
  assert.deepEqual(here.asked.at(-1), ["setCircuit", { path: { name: "write" }, body: { state: "automatic" } }]);
  assert.match(root.textContent, /each replica decides for itself/);
});

test("a pause is begun and ended", async () => {
  const here = context({ listPauses: page(pause), pause: {}, resume: {} });
  const form = view("pauses").controls(here);
  form.all("select")[0].value = "mode";
  form.all("input")[0].value = " live ";
  form.submit();
  assert.match(here.questions[0].effect, /no payment, capture or refund begins/);
  await here.questions[0].run("drill");
  assert.deepEqual(here.asked.at(-1), ["pause", { path: { kind: "mode", subject: "live" }, body: { reason: "drill" } }]);
  (await shown("pauses", here)).all("button")[0].click();
  await here.questions[1].run();
  assert.deepEqual(here.asked.at(-1), ["resume", { path: { kind: "merchant", subject: "mer_1" } }]);
});

test("a dialog does nothing until it is confirmed with a reason, says what failed, and stays open then", async () => {
  const done = [];
  let fail = true;
  const asked = confirm({
    title: EVIL, effect: "This happens.", verb: "Do it", reason: true,
    run: async (reason) => {
      if (fail) throw new ApiError(409, { title: "Conflict", detail: "Somebody was faster.", request_id: "req_9" }, {});
      done.push(reason);
    },
  });
  const [dialog] = document.body.all("dialog");
  assert.ok(dialog.shown);
  const [form] = dialog.all("form");
  form.submit();
  await new Promise(setImmediate);
  assert.ok(!dialog.textContent.includes("faster"), "without a reason it is not even tried");
  dialog.all("textarea")[0].value = " because ";
  form.submit();
  await new Promise(setImmediate);
  assert.match(dialog.textContent, /Somebody was faster\..*req_9/);
  fail = false;
  form.submit();
  assert.equal(await asked, true);
  assert.deepEqual(done, ["because"]);
  assert.deepEqual(document.body.all("dialog"), []);
});

test("a dialog that is cancelled does nothing", async () => {
  const asked = confirm({ title: "?", effect: "!", verb: "Do it", run: () => assert.fail("done") });
  document.body.all("button")[0].click();
  assert.equal(await asked, false);
});

test("a problem is shown with its request, its fields, and whether it may have happened", () => {
  const problem = { title: "Gateway Timeout", detail: "Late.", effect: "unknown", request_id: "req_1", errors: [{ pointer: "/reason", detail: "Too long" }] };
  const { textContent } = complaint(new ApiError(504, problem, { retryAfter: 3 }));
  for (const text of ["Gateway Timeout: Late.", "may have been carried out", "/reason Too long", "Try again in 3 s.", "req_1"]) assert.ok(textContent.includes(text), text);
  assert.ok(!complaint(new ApiError(403, { title: "Forbidden", effect: "none" }, {})).textContent.includes("may have been"));
});

test("elements take text as text, and no attribute that could be more than one", () => {
  const element = h("p", { title: EVIL }, EVIL, [null, false, 0]);
  assert.deepEqual([element.textContent, element.childNodes.length, element.attributes.title], [`${EVIL}0`, 2, EVIL]);
  for (const attributes of [{ onclick: "alert(1)" }, { style: "x" }, { src: "x" }, { srcdoc: "x" }, { href: "javascript:alert(1)" }, { href: "//evil.example" }]) {
    assert.throws(() => h("a", attributes), TypeError, JSON.stringify(attributes));
  }
});
