// Shows one view at a time and keeps it fresh: what has not changed is not touched, what fails leaves the last state there.

import { NetworkError } from "./api.js";
import { confirm } from "./dialog.js";
import { replace } from "./dom.js";
import { ago, clock } from "./format.js";
import { complaint } from "./parts.js";
import { ENDPOINTS } from "./endpoints.js";
import { write } from "./router.js";
import { createShell } from "./shell.js";
import { VIEWS } from "./views/index.js";

export function createRunner({ host, api, session, environment, leave }) {
  const roles = session.person.roles;
  const can = (endpoint) => ENDPOINTS[endpoint].roles.some((role) => roles.includes(role));
  const may = (view) => view.needs.every(can);
  const merchants = names(api);
  const shell = createShell(host, {
    person: session.person, environment, may,
    signOut: () => leave(null),
    refresh: () => refresh(),
  });
  let at, view, context, seen, leaving, timer, fresh;

  function show(place) {
    stop();
    if (at) shell.title.focus();
    at = place;
    view = VIEWS.find((each) => each.name === at.view);
    seen = fresh = undefined;
    leaving = new AbortController();
    shell.place(at, view);
    shell.say("");
    replace(shell.banner);
    replace(shell.controls);
    replace(shell.region);
    if (!view) return;
    context = {
      ...at, livemode: at.mode === "live", can, merchants,
      // What is read here is of no use elsewhere; what changes something is never cut off.
      api: (name, request = {}) => api(name, ENDPOINTS[name].route.startsWith("GET ") ? { signal: leaving.signal, ...request } : request),
      to: (name, id, params) => write({ mode: at.mode, view: name, id, params }),
      go: (params) => { location.hash = write({ ...at, params: { ...at.params, ...params } }); },
      open: (name, id, params) => { location.hash = write({ mode: at.mode, view: name, id, params }); },
      act: async (question) => {
        if (!(await confirm(question))) return;
        await refresh();
        if (document.activeElement === document.body) shell.title.focus();
      },
    };
    if (!may(view)) {
      replace(shell.region, complaint(new Error(needed(view, roles))));
      return;
    }
    if (view.controls) replace(shell.controls, view.controls(context));
    refresh();
  }

  async function refresh() {
    if (!view || !may(view)) return;
    const of = leaving;
    clearTimeout(timer);
    shell.busy(true);
    try {
      const data = await view.load(context);
      if (of !== leaving) return;
      draw(data);
      replace(shell.banner);
      fresh = Date.now();
      shell.say(`As of ${clock(fresh)}`);
    } catch (error) {
      if (of !== leaving || error.name === "AbortError") return;
      if (error.status === 401 || session.token === null) { leave(new Error("Your session has ended. Sign in again.")); return; }
      const since = fresh ? ` What is shown is as of ${clock(fresh)}.` : "";
      if (error instanceof NetworkError) error.message += since;
      replace(shell.banner, complaint(error));
      shell.say(fresh ? `Not fresh: as of ${clock(fresh)}` : "");
    } finally {
      if (of === leaving) {
        shell.busy(false);
        if (view.every) timer = setTimeout(() => (document.hidden ? later() : refresh()), view.every * 1000);
      }
    }
  }

  // Nobody looks: wait until somebody does.
  function later() {
    document.addEventListener("visibilitychange", () => refresh(), { once: true, signal: leaving.signal });
  }

  function draw(data) {
    const now = JSON.stringify(data, (_, value) => (typeof value === "bigint" ? String(value) : value));
    if (now === seen) {
      for (const time of shell.region.querySelectorAll("time.ago")) time.textContent = ago(time.dateTime);
      return;
    }
    seen = now;
    const focused = shell.region.contains(document.activeElement) ? document.activeElement.id : "";
    const opened = [...shell.region.querySelectorAll("details[open]")].map((each) => each.id);
    replace(shell.region, view.render(data, context));
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus();
  }

  function stop() {
    clearTimeout(timer);
    leaving?.abort();
    leaving = undefined; // whatever is under way belongs to nobody now
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  }

  return { show, stop };
}

// The names of merchants, asked once: lists show ids only.
function names(api) {
  let known;
  return () => {
    known ??= api("listMerchants", { query: { limit: 100 } })
      .then((page) => new Map(page.data.map((merchant) => [merchant.id, merchant.name])))
      .catch(() => { known = undefined; return new Map(); });
    return known;
  };
}

function needed(view, roles) {
  const wanted = [...new Set(view.needs.flatMap((name) => ENDPOINTS[name].roles))].join(", ");
  return `This view is for the roles ${wanted}. You have ${roles.join(", ") || "none"}; ask an administrator for more.`;
}
