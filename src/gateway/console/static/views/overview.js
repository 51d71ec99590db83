// At 3 a.m.: is it up, what is open, who is paused, what does nobody know the outcome of.

import { NetworkError } from "../api.js";
import { h } from "../dom.js";
import { words } from "../format.js";
import { badge, card, complaint, facts, foreign, link, time } from "../parts.js";

const MOST = 100;

// One part that fails says so in its own place; without a network all of it is old, which is said once.
async function part(ask) {
  try {
    return { found: await ask() };
  } catch (error) {
    if (error instanceof NetworkError || error.name === "AbortError" || error.status === 401) throw error;
    return { error };
  }
}

function shown({ found, error }, render) {
  return error ? complaint(error) : render(found);
}

function count(page, one, many) {
  const number = page.data.length;
  return h("p", { class: "figure" }, page.has_more ? `${number}+` : number, " ", h("small", {}, number === 1 ? one : many));
}

export default {
  name: "overview",
  title: "Overview",
  needs: ["listPauses"],
  every: 10,

  async load({ api, can, livemode }) {
    const asked = {
      ready: () => api("ready"),
      stats: () => api("stats"),
      listCircuits: () => api("listCircuits"),
      listPauses: () => api("listPauses"),
      listAlerts: () => api("listAlerts", { query: { open: true, limit: MOST } }),
      listReviews: () => api("listReviews", { query: { livemode, limit: MOST } }),
      listPayments: () => api("listPayments", { query: { livemode, status: "unknown", limit: MOST } }),
    };
    const names = Object.keys(asked).filter(can);
    const parts = await Promise.all(names.map((name) => part(asked[name])));
    return Object.fromEntries(names.map((name, place) => [name, parts[place]]));
  },

  render(data, { to }) {
    const cards = {
      ready: (part) => card("Platform", part.error
        ? [h("p", { class: "figure" }, badge("failed", "Not ready")), complaint(part.error)]
        : h("p", { class: "figure" }, badge(part.found.status, "Ready"))),
      listPayments: (part) => card("Unknown outcomes", shown(part, (page) => [
        count(page, "payment waits for its acquirer's word", "payments wait for their acquirers' word"),
        link(to("payments", "", { status: "unknown" }), "Look at them")])),
      listReviews: (part) => card("Reviews", shown(part, (page) => [
        count(page, "payment waits for a decision", "payments wait for a decision"), link(to("reviews"), "Decide")])),
      listAlerts: (part) => card("Open alerts", shown(part, (page) => [
        count(page, "alert in both modes", "alerts in both modes"), link(to("alerts"), "Look at them")])),
      listPauses: (part) => card("Pauses", shown(part, (page) => [
        page.data.length
          ? h("ul", { class: "lines" }, page.data.map((pause) =>
            h("li", {}, badge("warning", `${pause.kind} ${pause.subject}`), " ", time(pause.created_at), " ", foreign(pause.reason))))
          : h("p", { class: "empty" }, "Nothing is paused."),
        link(to("pauses"), "All pauses")])),
      listCircuits: (part) => card("Circuit breakers", shown(part, (page) => [
        h("ul", { class: "lines" }, page.data.map((circuit) =>
          h("li", {}, badge(circuit.state), ` ${words(circuit.name)}`, circuit.forced ? " (forced)" : ""))),
        link(to("circuits"), "All circuits")])),
      stats: (part) => card("This gateway replica", shown(part, (stats) => facts([
        ["Replica", foreign(stats.replica)],
        ["Under way", Object.entries(stats.under_way).map(([kind, number]) => `${kind} ${number}`).join(", ")],
        ["Open streams", stats.streams],
        ["Shed since start", stats.shed],
        ["Limited since start", stats.limited],
        ["Counts requests", stats.limits.shared ? "with all replicas" : badge("warning", `alone, ${stats.limits.counted_alone} so far`)],
      ]))),
    };
    return h("div", { class: "cards" }, Object.keys(cards).filter((name) => data[name]).map((name) => cards[name](data[name])));
  },
};
