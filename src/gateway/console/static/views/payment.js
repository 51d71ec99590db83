// One payment: what it is, what happened to it, why it was decided so, and what the books say.

import { h } from "../dom.js";
import { money } from "../money.js";
import { words } from "../format.js";
import { badge, card, code, exactly, facts, foreign, link, table, tree } from "../parts.js";
import { receipt } from "../receipt.js";

export default {
  name: "payment",
  under: "payments",
  heading: "Payment",
  needs: ["getPayment", "getTimeline", "listLedger"],
  every: 10,

  async load({ api, id, merchants }) {
    const [payment, timeline, ledger, names] = await Promise.all([
      api("getPayment", { path: { payment: id } }),
      api("getTimeline", { path: { payment: id } }),
      api("listLedger", { query: { payment: id, limit: 100 } }),
      merchants(),
    ]);
    return { payment, timeline, ledger, merchant: names.get(payment.merchant) };
  },

  render({ payment, timeline, ledger, merchant }, { to, can }) {
    const amount = (units) => h("span", { class: "amount" }, money(units, payment.currency));
    return [
      h("p", { class: "lead" }, badge(payment.status), " ", amount(payment.amount), " ",
        badge(payment.livemode ? "live" : "test"), " ", code(payment.id, payment.id)),
      h("div", { class: "cards" },
        card("Money", facts([
          ["Authorized", amount(payment.amount_authorized)],
          ["Captured", amount(payment.amount_captured)],
          ["Refunded", amount(payment.amount_refunded)],
          ["Disputed", amount(payment.amount_disputed)],
          ["Capture", payment.capture_method],
        ])),
        card("Who and what", facts([
          ["Merchant", [foreign(merchant ?? "Merchant"), " ", link(to("payments", "", { merchant: payment.merchant }), code(payment.merchant))]],
          ["Card", `${payment.card.brand} ···· ${payment.card.last4}, ${payment.card.exp_month}/${payment.card.exp_year}`],
          ["Reference", foreign(payment.reference)],
          ["Description", foreign(payment.description)],
          ["On the statement", foreign(payment.statement_descriptor)],
          ["Acquirer", foreign(payment.acquirer)],
          ["Customer's address", foreign(payment.customer_ip)],
          ["Device", foreign(payment.device_id)],
          ["Created", exactly(payment.created_at)],
          ["Updated", exactly(payment.updated_at)],
          ["Authorization ends", exactly(payment.expires_at)],
          ["Metadata", tree(payment.metadata)],
        ])),
        payment.decline ? card("Declined", facts([
          ["Code", code(payment.decline.code, payment.decline.code)],
          ["Why", foreign(payment.decline.message)],
          ["Worth another try", payment.decline.retryable ? "yes" : "no"],
        ])) : null,
        payment.settlement ? settled(payment.settlement) : null),
      card("Timeline", table("Oldest first", [
        ["At", (step) => exactly(step.at)],
        ["Cause", (step) => words(step.cause)],
        ["State", (step) => (step.from === step.to ? badge(step.to) : [step.from ? badge(step.from) : "", " → ", badge(step.to)])],
        ["Amount", (step) => (step.amount === null ? "–" : amount(step.amount))],
        ["Operation", (step) => (step.operation ? code(step.operation) : "–")],
        ["Acquirer's answer", (step) => foreign(step.answer)],
      ], timeline.data)),
      card("Decision", payment.decision ? receipt(payment.decision, payment.id) : h("p", { class: "empty" }, "There is no receipt.")),
      card("Ledger", ledger.data.length ? ledger.data.map(booked) : h("p", { class: "empty" }, "Nothing is booked.")),
      can("listAudit") ? h("p", {}, link(to("audit", "", { target: payment.id }), "What people did to it")) : null,
    ];
  },
};

function settled(settlement) {
  const amount = (units) => h("span", { class: "amount" }, money(units, settlement.currency));
  return card("Settlement", facts([
    ["Rate", settlement.rate],
    ["Gross", amount(settlement.gross)],
    ["Spread", amount(settlement.spread)],
    ["Fee", amount(settlement.fee)],
    ["Refunded", amount(settlement.refunded)],
    ["Disputed", amount(settlement.disputed)],
    ["Net", amount(settlement.net)],
  ]));
}

function booked(transaction) {
  const side = (wanted) => ({ amount, currency }) =>
    (BigInt(amount) < 0n) === (wanted === "credit") ? h("span", { class: "amount" }, money(BigInt(amount) < 0n ? -BigInt(amount) : amount, currency)) : "";
  return h("div", { class: "booked" },
    h("p", {}, h("strong", {}, words(transaction.kind)), " ", exactly(transaction.created_at), " ", code(transaction.id),
      transaction.operation ? [" by ", code(transaction.operation)] : null),
    table(words(transaction.kind), [
      ["Account", (posting) => words(posting.account)],
      ["Debit", side("debit")],
      ["Credit", side("credit")],
    ], transaction.postings));
}
