// Starts the console: who is there, where are they, and what is there to see.

import { createApi } from "./api.js";
import { append, h, replace } from "./dom.js";
import { button, complaint } from "./parts.js";
import { read } from "./router.js";
import { createRunner } from "./runner.js";
import { createSession } from "./session.js";

const host = document.getElementById("console");

function welcome(session, message) {
  const outcome = h("div", { "aria-live": "assertive" }, message ? complaint(message) : null);
  const go = button("Sign in", async () => {
    go.disabled = true;
    try {
      location.assign(await session.begin(location.hash));
    } catch (error) {
      replace(outcome, complaint(error));
      go.disabled = false;
    }
  }, { kind: "primary" });
  replace(host, h("main", { class: "welcome" },
    h("h1", {}, "Payments console"),
    h("p", {}, "For the people who run the platform. You sign in with the company's own account."),
    outcome, go));
  document.body.setAttribute("class", "");
  document.title = "Sign in · Console";
  go.focus();
}

async function start() {
  const response = await fetch("/console/config.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`The console could not be started: ${response.status}.`);
  const config = await response.json();
  const session = createSession({
    config,
    redirectUri: `${location.origin}/console`,
    fetch: (...request) => fetch(...request),
    storage: sessionStorage,
  });
  let message = null;
  try {
    const parameters = new URLSearchParams(location.search);
    const returnTo = await session.finish(parameters);
    // Neither code nor state stays in the history.
    if (returnTo !== null) history.replaceState(null, "", `/console${returnTo.startsWith("#/") ? returnTo : ""}`);
  } catch (error) {
    message = error;
    history.replaceState(null, "", `/console${location.hash}`);
  }
  if (session.person === null) { welcome(session, message); return; }

  const api = createApi({ token: () => session.token, fetch: (...request) => fetch(...request) });
  const leave = (reason) => { runner.stop(); session.forget(); welcome(session, reason); };
  const runner = createRunner({ host, api, session, environment: config.environment, leave });
  // Whoever is called at night must not be shown the sandbox.
  const here = () => read(location.hash, config.environment === "production" ? "live" : "test");
  window.addEventListener("hashchange", () => { if (session.person !== null) runner.show(here()); });
  runner.show(here());
}

start().catch((error) => append(replace(host), [h("main", { class: "welcome" }, h("h1", {}, "Payments console"), complaint(error))]));
