// Asks before anything is changed: what it does, why it is done, and what became of it if it failed.

import { h, replace } from "./dom.js";
import { button, complaint } from "./parts.js";

const LONGEST_REASON = 255;

// `run(reason)` does it; resolves to true when it is done, to false when the person thought better of it.
export function confirm({ title, effect, verb, kind = "danger", reason = false, run }) {
  return new Promise((resolve) => {
    let done = false;
    const outcome = h("div", { "aria-live": "assertive" });
    const why = reason
      ? h("textarea", { id: "reason", name: "reason", rows: 3, required: true, maxlength: LONGEST_REASON })
      : null;
    const cancel = button("Cancel", () => dialog.close());
    const submit = h("button", { type: "submit", class: kind }, verb);
    const form = h("form", { onsubmit: (event) => { event.preventDefault(); act(); } },
      h("h2", { id: "dialog-title" }, title),
      h("p", { id: "dialog-effect" }, effect),
      why && h("label", { for: "reason" }, "Reason, for whoever wonders later"), why,
      outcome,
      h("div", { class: "actions" }, cancel, submit));
    const dialog = h("dialog", {
      "aria-labelledby": "dialog-title",
      "aria-describedby": "dialog-effect",
      // What is under way is waited for: leaving now would not undo it.
      oncancel: (event) => { if (submit.disabled) event.preventDefault(); },
      onclose: () => { dialog.remove(); resolve(done); },
    }, form);

    async function act() {
      const text = why ? why.value.trim() : undefined;
      if (why && !text) { why.focus(); return; }
      submit.disabled = cancel.disabled = true;
      replace(outcome);
      try {
        await run(text);
        done = true;
        dialog.close();
      } catch (error) {
        replace(outcome, complaint(error));
        submit.disabled = cancel.disabled = false;
      }
    }

    document.body.appendChild(dialog);
    dialog.showModal();
    (why ?? submit).focus();
  });
}
