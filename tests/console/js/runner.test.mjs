import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { ApiError, NetworkError } from "../../../src/gateway/console/static/api.js";
import { createRunner } from "../../../src/gateway/console/static/runner.js";
import { install } from "./dom.mjs";

beforeEach(install);

const AT = { mode: "test", view: "pauses", id: "", params: {} };
const page = (...reasons) => ({
  has_more: false,
  data: reasons.map((reason) => ({ kind: "mode", subject: "test", reason, created_by: "ada", created_at: "2026-11-26T03:00:00.000Z" })),
});
const turn = () => new Promise(setImmediate);

// A console whose API answers what the test puts into `answers`, by endpoint; a function is called.
function running({ roles = ["admin"], answers = {} } = {}) {
  const host = document.body.appendChild(document.createElement("div"));
  const asked = [], left = [];
  const api = async (name, request) => {
    asked.push([name, request]);
    const answer = answers[name];
    if (answer instanceof Error) throw answer;
    return typeof answer === "function" ? answer(request) : answer ?? page();
  };
  const session = { person: { name: "Ada", roles }, token: "t" };
  const runner = createRunner({ host, api, session, environment: "development", leave: (why) => { runner.stop(); left.push(why); } });
  const refresh = async () => { host.all("button").find((each) => each.textContent === "Refresh").click(); await turn(); };
  return { host, answers, asked, left, runner, refresh };
}

test("what has not changed is not touched, what has is shown", async (context) => {
  const { host, answers, runner, refresh } = running({ answers: { listPauses: page("drill") } });
  context.after(runner.stop);
  runner.show(AT);
  await turn();
  const [before] = host.all("tbody");
  assert.match(host.textContent, /As of .* UTC/);
  await refresh();
  assert.equal(host.all("tbody")[0], before);
  answers.listPauses = page("drill", "attack");
  await refresh();
  assert.notEqual(host.all("tbody")[0], before);
  assert.match(host.textContent, /attack/);
});

test("without a network the last state stays, and its age is said; then all is well again", async (context) => {
  const { host, answers, runner, refresh } = running({ answers: { listPauses: page("drill") } });
  context.after(runner.stop);
  runner.show(AT);
  await turn();
  answers.listPauses = new NetworkError(false);
  await refresh();
  for (const text of ["drill", "No answer", "What is shown is as of", "Not fresh"]) assert.ok(host.textContent.includes(text), text);
  answers.listPauses = page("drill");
  await refresh();
  assert.ok(!host.textContent.includes("No answer"));
});

test("an answer that comes after its view was left is not shown", async (context) => {
  let answer;
  const { host, asked, runner } = running({ answers: { listPauses: () => new Promise((resolve) => { answer = resolve; }) } });
  context.after(runner.stop);
  runner.show(AT);
  await turn();
  runner.show({ ...AT, view: "audit" });
  await turn();
  assert.ok(asked.find(([name]) => name === "listPauses")[1].signal.aborted);
  answer(page("too late"));
  await turn();
  assert.ok(!host.textContent.includes("too late"));
});

test("a session that has ended leads back to the sign-in", async () => {
  const { left, runner } = running({ answers: { listPauses: new ApiError(401, { title: "Unauthorized" }, {}) } });
  runner.show(AT);
  await turn();
  assert.match(left[0].message, /session has ended/);
});

test("a view for other roles is not asked for, and says whose it is", async (context) => {
  const { host, asked, runner, refresh } = running({ roles: ["support"] });
  context.after(runner.stop);
  runner.show({ ...AT, view: "audit" });
  await refresh();
  assert.match(host.textContent, /for the roles admin, read_only\. You have support/);
  assert.ok(!host.textContent.includes("Reviews"));
  assert.deepEqual(asked, []);
  runner.show({ ...AT, view: "nowhere" });
  await refresh();
  assert.match(host.textContent, /There is no such view/);
});

test("a change is asked about, carried out without a signal to stop it, and followed by a look", async (context) => {
  const { host, asked, runner } = running({ answers: { listPauses: page("drill"), resume: {} } });
  context.after(runner.stop);
  runner.show(AT);
  await turn();
  host.all("button").find((each) => each.textContent === "Resume").click();
  await turn();
  assert.deepEqual(asked.filter(([name]) => name === "resume"), []);
  const [dialog] = document.body.all("dialog");
  dialog.all("form")[0].submit();
  await turn();
  await turn();
  assert.deepEqual(asked.map(([name]) => name).filter((name) => name !== "listMerchants"), ["listPauses", "resume", "listPauses"]);
  assert.equal(asked.find(([name]) => name === "resume")[1].signal, undefined);
});

test("a question is gone when its view is", async () => {
  const { host, runner } = running({ answers: { listPauses: page("drill") } });
  runner.show(AT);
  await turn();
  host.all("button").find((each) => each.textContent === "Resume").click();
  await turn();
  runner.stop();
  assert.deepEqual(document.body.all("dialog"), []);
});
