// The frame around the views: who is signed in, which mode, where one can go, how fresh what is shown is.

import { h, replace } from "./dom.js";
import { badge, button } from "./parts.js";
import { MODES, write } from "./router.js";
import { VIEWS } from "./views/index.js";

export function createShell(host, { person, environment, may, signOut, refresh }) {
  const modes = h("nav", { class: "modes", "aria-label": "Mode" });
  const places = h("nav", { class: "places", "aria-label": "Views" });
  const title = h("h1", { tabindex: -1 });
  const status = h("p", { class: "status", role: "status", "aria-live": "polite" });
  const banner = h("div", { class: "banner", "aria-live": "assertive" });
  const controls = h("div", { class: "controls" });
  const region = h("div", { class: "region" });
  const reload = button("Refresh", refresh);
  replace(host,
    h("header", { class: "top" },
      h("span", { class: "brand" }, "Console ", badge(environment === "production" ? "live" : "quiet", environment)),
      modes,
      h("span", { class: "person" }, h("bdi", {}, person.name), " ", h("small", {}, person.roles.join(", ") || "no role"),
        button("Sign out", signOut))),
    places,
    h("main", {}, h("div", { class: "heading" }, title, status, reload), banner, controls, region));

  return {
    controls, region, title, banner,
    // Show where we are.
    place(at, view) {
      const current = (isCurrent) => (isCurrent ? "page" : null);
      replace(modes, MODES.map((mode) =>
        h("a", { class: mode, href: write({ ...at, mode, id: "", params: {} }), "aria-current": current(mode === at.mode) }, mode)));
      replace(places, VIEWS.filter((each) => each.title && may(each)).map((each) =>
        h("a", { href: write({ mode: at.mode, view: each.name }), "aria-current": current(each.name === (view?.under ?? view?.name)) }, each.title)));
      document.body.setAttribute("class", at.mode);
      title.textContent = view ? view.heading ?? view.title : "There is no such view";
      document.title = `${title.textContent} · Console`;
    },
    say(text) { if (status.textContent !== text) status.textContent = text; },
    busy(yes) { region.setAttribute("aria-busy", String(yes)); },
  };
}
