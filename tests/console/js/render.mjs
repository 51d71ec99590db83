// Renders a view of the console from answers of the API: `node render.mjs VIEW ID < answers.json` prints its elements.

import { readFileSync } from "node:fs";

import { parse } from "../../../src/gateway/console/static/api.js";
import { ENDPOINTS } from "../../../src/gateway/console/static/endpoints.js";
import { VIEWS } from "../../../src/gateway/console/static/views/index.js";
import { install, rendered, strict } from "./dom.mjs";

install();
const [name, id] = process.argv.slice(2);
const answers = parse(readFileSync(0, "utf8"));
const view = VIEWS.find((each) => each.name === name);
const context = {
  id, mode: "test", livemode: false, params: {},
  can: () => true, act() {}, go() {}, to: (...way) => `#/test/${way.slice(0, 2).join("/")}`,
  merchants: async () => new Map(answers.listMerchants.data.map((merchant) => [merchant.id, merchant.name])),
  api: async (endpoint) => strict(ENDPOINTS[endpoint], answers[endpoint]),
};
const root = rendered(view.render(await view.load(context), context));

function elements(element) {
  return [element.tag, ...element.childNodes.filter((child) => child.tag).flatMap(elements)];
}

console.log(JSON.stringify({ tags: [...new Set(elements(root))], text: root.textContent }));
