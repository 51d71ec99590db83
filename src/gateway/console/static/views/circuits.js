// Circuit breakers between gateway and payments: what they are, and what an operator makes them.

import { h } from "../dom.js";
import { words } from "../format.js";
import { badge, button, table } from "../parts.js";

const SETTINGS = [
  ["open", "Force open", "danger", (name) => `Every ${name} request is answered 503 at once, on every replica, until it is set back. None reaches payments${name === "admin" ? ", this console's among them; this view goes on" : ""}.`],
  ["closed", "Force closed", "danger", (name) => `Every ${name} request goes to payments, however many fail, until it is set back.`],
  ["automatic", "Automatic", "primary", (name) => `The circuit of ${name} requests decides by itself again, from now on.`],
];

export default {
  name: "circuits",
  title: "Circuits",
  needs: ["listCircuits"],
  every: 5,

  load: ({ api }) => api("listCircuits"),

  render(page, { api, act, can }) {
    return [
      page.data.some((circuit) => !circuit.shared)
        ? h("p", { class: "note" }, "Redis is away or not set up: each replica decides for itself, and this is what one of them sees.")
        : null,
      table("Circuits towards payments", [
        ["Requests", (circuit) => words(circuit.name)],
        ["State", (circuit) => [badge(circuit.state), circuit.forced ? " forced" : ""]],
        ["Turned away", (circuit) => circuit.rejected],
        ["Towards", (circuit) => circuit.upstream],
        ["Set", (circuit) => (can("setCircuit") ? h("div", { class: "actions" }, SETTINGS
          .filter(([state]) => (state === "automatic" ? circuit.forced : !(circuit.forced && circuit.state === state)))
          .map(([state, verb, kind, effect]) => button(verb, () => act({
            title: `${verb}: ${circuit.name} requests?`, effect: effect(circuit.name), verb, kind,
            run: () => api("setCircuit", { path: { name: circuit.name }, body: { state } }),
          }), { id: `${state}-${circuit.name}` }))) : "–")],
      ], page.data),
      h("p", { class: "quiet" }, "All replicas follow within a second. Who set what is in the audit log."),
    ];
  },
};
