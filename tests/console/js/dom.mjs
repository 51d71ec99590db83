// As much of a document as the console's views need to be rendered without a browser.

// Of selectors, those that the console uses: tag, tag.class, tag[attribute].
const SELECTOR = /^(\w+)(?:\.([\w-]+))?(?:\[([\w-]+)\])?$/;

class Node {
  childNodes = [];
  parent = null;
  get firstChild() { return this.childNodes[0] ?? null; }
  appendChild(child) { child.parent?.removeChild(child); child.parent = this; this.childNodes.push(child); return child; }
  removeChild(child) { this.childNodes.splice(this.childNodes.indexOf(child), 1); child.parent = null; return child; }
  remove() { this.parent?.removeChild(this); }
  get textContent() { return this.childNodes.map((child) => child.textContent).join(""); }
  set textContent(text) { for (const child of [...this.childNodes]) this.removeChild(child); this.appendChild(new Text(text)); }
  contains(node) { return node === this || this.childNodes.some((child) => child.contains(node)); }
}

class Text extends Node {
  constructor(text) { super(); this.data = text; }
  get textContent() { return this.data; }
}

class Element extends Node {
  constructor(tag) { super(); this.tag = tag; this.attributes = {}; this.listeners = {}; }
  setAttribute(name, value) { this.attributes[name] = value; }
  addEventListener(name, listener) { this.listeners[name] = listener; }
  get value() { return this.typed ?? this.attributes.value ?? ""; }
  set value(text) { this.typed = text; }
  focus() { document.activeElement = this; }
  click() { return this.listeners.click?.({ currentTarget: this }); }
  submit() { return this.listeners.submit?.({ currentTarget: this, preventDefault() {} }); }
  showModal() { this.shown = true; }
  close() { this.listeners.close?.(); }
  get id() { return this.attributes.id ?? ""; }
  get dateTime() { return this.attributes.datetime; }
  querySelectorAll(selector) {
    const [, tag, name, attribute] = SELECTOR.exec(selector);
    return this.all(tag).filter((each) => (!name || each.attributes.class === name) && (!attribute || attribute in each.attributes));
  }
  all(tag) { return this.childNodes.flatMap((child) => (child instanceof Element ? [...(child.tag === tag ? [child] : []), ...child.all(tag)] : [])); }
}

export function install() {
  const body = new Element("body");
  globalThis.document = {
    body,
    activeElement: body,
    hidden: false,
    querySelectorAll: (selector) => body.querySelectorAll(selector),
    getElementById: (id) => [body, ...everything(body)].find((each) => each.id === id) ?? null,
    createElement: (tag) => new Element(tag),
    createTextNode: (text) => new Text(text),
  };
}

function everything(element) {
  return element.childNodes.filter((child) => child instanceof Element).flatMap((child) => [child, ...everything(child)]);
}

// What a view returned, in one element.
export function rendered(nodes) {
  const root = document.createElement("div");
  for (const node of [nodes].flat(Infinity)) if (node) root.appendChild(node);
  return root;
}

// Data whose every field has to be in an endpoint's `reads`: a view that reads another one fails.
export function strict(endpoint, data) {
  const within = (path) => endpoint.reads.some((each) => each.startsWith(`${path}.`) || each.startsWith(`${path}[]`));
  const guard = (value, path) => {
    if (value === null || typeof value !== "object") return value;
    return new Proxy(value, {
      get(target, name) {
        if (Array.isArray(target)) return /^\d+$/.test(String(name)) ? guard(target[name], `${path}[]`) : target[name];
        if (typeof name === "symbol" || name === "toJSON" || name === "then") return target[name];
        const child = path ? `${path}.${name}` : name;
        if (endpoint.reads.includes(child)) return target[name];
        if (within(child)) return guard(target[name], child);
        throw new Error(`${endpoint.route}: ${child} is not in endpoints.js`);
      },
    });
  };
  return guard(data, "");
}
