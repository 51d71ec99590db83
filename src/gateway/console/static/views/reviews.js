// The queue of the risk team.

import { h } from "../dom.js";
import { money } from "../money.js";
import { badge, button, card, code, facts, foreign, link, pager, time, tree } from "../parts.js";
import { receipt } from "../receipt.js";

const VERDICTS = [
  ["Approve", "approveReview", "primary", "goes on to its authorization: the cardholder's bank is asked for the money"],
  ["Decline", "declineReview", "danger", "is declined for good, and the rules that caught it count as proved right"],
];

export default {
  name: "reviews",
  title: "Reviews",
  needs: ["listReviews"],
  every: 10,

  async load({ api, livemode, params, merchants }) {
    const query = { livemode, limit: 25, starting_after: params.after };
    const [page, names] = await Promise.all([api("listReviews", { query }), merchants()]);
    return { page, names: Object.fromEntries(names) };
  },

  render({ page, names }, { api, act, can, to, go }) {
    if (!page.data.length) return h("p", { class: "empty" }, "Nobody waits for a decision.");
    return [
      h("div", { class: "queue" }, page.data.map((review) => {
        const amount = money(review.amount, review.currency);
        const whose = names[review.merchant] ?? review.merchant;
        const buttons = VERDICTS.filter(([, endpoint]) => can(endpoint)).map(([verb, endpoint, kind, effect]) =>
          button(verb, () => act({
            title: `${verb} ${amount}?`,
            effect: `The payment of ${amount} to ${whose} ${effect}.`,
            verb: `${verb} ${amount}`, kind, reason: true,
            run: (reason) => api(endpoint, { path: { payment: review.id }, body: { reason } }),
          }), { kind, id: `${endpoint}-${review.id}` }));
        return card([h("span", { class: "amount" }, amount), " ", foreign(whose)],
          facts([
            ["Payment", link(to("payment", review.id), code(review.id))],
            ["Score", badge("review", review.score ?? "none")],
            ["Card", review.card.brand ? `${review.card.brand} ···· ${review.card.last4}` : tree(review.card)],
            ["Customer's address", foreign(review.customer_ip)],
            ["Device", foreign(review.device_id)],
            ["Created", time(review.created_at)],
            ["Policy decides", time(review.expires_at)],
          ]),
          review.decision ? receipt(review.decision, review.id) : null,
          h("div", { class: "actions" }, buttons));
      })),
      pager(page, (after) => go({ after })),
    ];
  },
};
