// Who changed what: the append-only log.

import { h } from "../dom.js";
import { words } from "../format.js";
import { code, exactly, foreign, link, pager, table, tree } from "../parts.js";

export default {
  name: "audit",
  title: "Audit log",
  needs: ["listAudit"],
  every: 0,

  controls({ params, go }) {
    function find(event) {
      event.preventDefault();
      go({ ...Object.fromEntries(new FormData(event.currentTarget)), after: "" });
    }
    return h("form", { class: "search", role: "search", onsubmit: find },
      ["actor", "target"].map((name) => h("label", {}, words(name),
        h("input", { name, value: params[name] ?? "", autocomplete: "off", spellcheck: "false" }))),
      h("button", { type: "submit", class: "primary" }, "Find"));
  },

  load: ({ api, params }) =>
    api("listAudit", { query: { limit: 25, actor: params.actor, target: params.target, starting_after: params.after } }),

  render(page, { to, go }) {
    return [
      table("Changes, newest first", [
        ["No.", (entry) => entry.sequence],
        ["At", (entry) => exactly(entry.recorded_at)],
        ["Who", (entry) => [link(to("audit", "", { actor: entry.actor }), foreign(entry.actor)), " ", h("small", {}, entry.roles.join(", "))]],
        ["What", (entry) => `${words(entry.action)} ${words(entry.changed).toLowerCase()}`],
        ["Which", (entry) => link(to("audit", "", { target: entry.target }), foreign(entry.target))],
        ["Change", (entry) => h("details", { id: `change-${entry.id}` }, h("summary", {}, "Before and after"),
          h("div", { class: "change" }, h("div", {}, h("h3", {}, "Before"), tree(entry.before)), h("div", {}, h("h3", {}, "After"), tree(entry.after))))],
        ["From", (entry) => [foreign(entry.address), entry.request_id ? [" ", code(entry.request_id)] : null, entry.route ? h("small", {}, " ", foreign(entry.route)) : null]],
      ], page.data, "Nobody did."),
      pager(page, (after) => go({ after })),
    ];
  },
};
