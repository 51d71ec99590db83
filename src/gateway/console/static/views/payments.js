// Finding a payment: by id at once, by status over everybody's, by everything else within a merchant.

import { h } from "../dom.js";
import { money } from "../money.js";
import { words } from "../format.js";
import { badge, code, exactly, foreign, link, pager, table } from "../parts.js";

const STATUSES = ["processing", "review", "authorized", "captured", "voided", "expired", "declined", "failed", "unknown"];
const PAYMENT_ID = /^pay_[0-9a-f]{32}$/;
// What only a merchant's payments are searched by; everybody's would have to be read one by one.
const WITHIN = ["reference", "currency", "from", "until"];

function field(name, label, value, attributes = {}) {
  return h("label", {}, label, h("input", { name, value, autocomplete: "off", spellcheck: "false", ...attributes }));
}

export default {
  name: "payments",
  title: "Payments",
  needs: ["listPayments"],
  every: 0,

  controls({ params, go, open, merchants }) {
    const known = h("datalist", { id: "merchants" });
    merchants().then((names) => { for (const [id, name] of names) known.appendChild(h("option", { value: id }, name)); });
    const said = h("p", { class: "quiet", role: "status" });
    function find(event) {
      event.preventDefault();
      const wanted = Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, value.trim()]));
      const { payment, ...filters } = wanted;
      if (PAYMENT_ID.test(payment)) return open("payment", payment);
      if (payment) return void (said.textContent = "An id is pay_ and 32 characters; leave it empty to search.");
      if (!filters.merchant && WITHIN.some((name) => filters[name])) {
        return void (said.textContent = "Reference, currency and times are searched within a merchant: name it too.");
      }
      said.textContent = "";
      go({ ...filters, after: "" });
    }
    return h("form", { class: "search", role: "search", onsubmit: find },
      field("payment", "Payment id", "", { placeholder: "pay_…" }),
      h("label", {}, "Status", h("select", { name: "status" }, h("option", { value: "" }, "Any"),
        STATUSES.map((status) => h("option", { value: status, selected: status === params.status }, words(status))))),
      field("merchant", "Merchant", params.merchant ?? "", { placeholder: "mer_…", list: "merchants" }), known,
      field("reference", "Reference", params.reference ?? "", { maxlength: 255 }),
      field("currency", "Currency", params.currency ?? "", { maxlength: 3, placeholder: "EUR" }),
      field("from", "From (UTC)", params.from ?? "", { type: "datetime-local" }),
      field("until", "Until (UTC)", params.until ?? "", { type: "datetime-local" }),
      h("button", { type: "submit", class: "primary" }, "Find"), said);
  },

  async load({ api, livemode, params, merchants }) {
    const query = {
      livemode, limit: 25,
      status: params.status, merchant: params.merchant, reference: params.reference,
      currency: params.currency?.toUpperCase(),
      created_from: params.from && `${params.from}:00Z`,
      created_until: params.until && `${params.until}:00Z`,
      starting_after: params.after,
    };
    const [page, names] = await Promise.all([api("listPayments", { query }), merchants()]);
    return { page, names: Object.fromEntries(names) };
  },

  render({ page, names }, { to, go, params }) {
    return [
      table("Payments, newest first", [
        ["Payment", (payment) => link(to("payment", payment.id), code(payment.id))],
        ["Status", (payment) => badge(payment.status)],
        ["Amount", (payment) => h("span", { class: "amount" }, money(payment.amount, payment.currency))],
        ["Merchant", (payment) => foreign(names[payment.merchant] ?? payment.merchant)],
        ["Card", (payment) => `${payment.card.brand} ···· ${payment.card.last4}`],
        ["Reference", (payment) => foreign(payment.reference)],
        ["Created", (payment) => exactly(payment.created_at)],
      ], page.data, "No payment fits."),
      params.after ? h("p", { class: "pager" }, link(to("payments", "", { ...params, after: "" }), "Back to the newest")) : null,
      pager(page, (after) => go({ after })),
    ];
  },
};
