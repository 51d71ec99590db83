// Stopping a merchant, an acquirer or a mode, and letting it go on.

import { h } from "../dom.js";
import { words } from "../format.js";
import { badge, button, foreign, table, time } from "../parts.js";

const STOPS = "Within two seconds no payment, capture or refund begins there. Voids go on, so does what has begun, and payouts are not stopped.";

export default {
  name: "pauses",
  title: "Pauses",
  needs: ["listPauses"],
  every: 5,

  controls({ api, act, can, merchants }) {
    if (!can("pause")) return null;
    const known = h("datalist", { id: "subjects" });
    merchants().then((names) => { for (const [id, name] of names) known.appendChild(h("option", { value: id }, name)); });
    const kind = h("select", { name: "kind" }, ["merchant", "acquirer", "mode"].map((each) => h("option", { value: each }, words(each))));
    const subject = h("input", { name: "subject", required: true, list: "subjects", autocomplete: "off", spellcheck: "false", placeholder: "mer_…, an acquirer, test or live" });
    function ask(event) {
      event.preventDefault();
      const [what, whom] = [kind.value, subject.value.trim()];
      act({
        title: `Pause ${what} ${whom}?`, effect: STOPS, verb: `Pause ${what}`, reason: true,
        run: async (reason) => { await api("pause", { path: { kind: what, subject: whom }, body: { reason } }); subject.value = ""; },
      });
    }
    return h("form", { class: "search", onsubmit: ask },
      h("label", {}, "Pause", kind), h("label", {}, "Which", subject), known,
      h("button", { type: "submit", class: "danger" }, "Pause…"));
  },

  load: ({ api }) => api("listPauses"),

  render(page, { api, act, can }) {
    return table("What is paused, newest first", [
      ["What", (pause) => [badge("warning", words(pause.kind)), " ", foreign(pause.subject)]],
      ["Why", (pause) => foreign(pause.reason)],
      ["By", (pause) => foreign(pause.created_by)],
      ["Since", (pause) => time(pause.created_at)],
      ["", (pause) => (can("resume") ? button("Resume", () => act({
        title: `Resume ${pause.kind} ${pause.subject}?`,
        effect: "Payments, captures and refunds go on there within two seconds.",
        verb: "Resume", kind: "primary",
        run: () => api("resume", { path: { kind: pause.kind, subject: pause.subject } }),
      }), { id: `resume-${pause.kind}-${pause.subject}` }) : "")],
    ], page.data, "Nothing is paused.");
  },
};
