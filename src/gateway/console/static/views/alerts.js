// Risk alerts of both modes: what somebody should look at, and who said that it is all right.

import { h } from "../dom.js";
import { money } from "../money.js";
import { words } from "../format.js";
import { badge, button, code, foreign, link, pager, table, time, tree } from "../parts.js";

// The details of volumes are amounts; everything else is shown as it is.
function details({ kind, details }) {
  const { currency, limit, used, ...others } = details;
  if (currency && limit !== undefined && used !== undefined && kind.includes("volume")) {
    return `${money(used, currency)} of ${money(limit, currency)}`;
  }
  return tree(limit === undefined ? others : { used, limit, ...others });
}

export default {
  name: "alerts",
  title: "Alerts",
  needs: ["listAlerts"],
  every: 10,

  controls({ params, go }) {
    const all = h("select", { id: "which", name: "which", onchange: () => go({ which: all.value, after: "" }) },
      ["open", "all"].map((which) => h("option", { value: which, selected: which === params.which }, words(which))));
    return h("label", {}, "Show", all);
  },

  async load({ api, params, merchants }) {
    const query = { limit: 25, open: params.which === "all" ? undefined : true, starting_after: params.after };
    const [page, names] = await Promise.all([api("listAlerts", { query }), merchants()]);
    return { page, names: Object.fromEntries(names) };
  },

  render({ page, names }, { api, act, can, to, go }) {
    return [
      table("Alerts of both modes, newest first", [
        ["Alert", (alert) => [badge(alert.severity), " ", words(alert.kind)]],
        ["Mode", (alert) => badge(alert.livemode ? "live" : "test")],
        ["Merchant", (alert) => link(to("payments", "", { merchant: alert.merchant }), foreign(names[alert.merchant] ?? alert.merchant))],
        ["Details", details],
        ["Day", (alert) => alert.date],
        ["Opened", (alert) => time(alert.opened_at)],
        ["Resolved", (alert) => {
          if (alert.resolved_at) return [time(alert.resolved_at), " by ", foreign(alert.resolved_by), ": ", foreign(alert.resolution)];
          return can("resolveAlert") ? button("Resolve", () => act({
            title: `Resolve “${words(alert.kind)}”?`,
            effect: "The alert is closed with your name and reason. Nothing else changes; it opens again if it happens again.",
            verb: "Resolve", kind: "primary", reason: true,
            run: (reason) => api("resolveAlert", { path: { alert: alert.id }, body: { reason } }),
          }), { id: `resolve-${alert.id}` }) : "open";
        }],
        ["Id", (alert) => code(alert.id)],
      ], page.data, "No alert is open."),
      pager(page, (after) => go({ after })),
    ];
  },
};
