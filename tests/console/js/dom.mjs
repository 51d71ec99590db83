// As much of a document as the console's views need to be rendered without a browser.

class Node {
  childNodes = [];
  parent = null;
  get firstChild() { return this.childNodes[0] ?? null; }
  appendChild(child) { child.parent?.removeChild(child); child.parent = this; this.childNodes.push(child); return child; }
  removeChild(child) { this.childNodes.splice(this.childNodes.indexOf(child), 1); child.parent = null; return child; }
  remove() { this.parent?.removeChild(this); }
  get textContent() { return this.childNodes.map((child) => child.textContent).join(""); }
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
  all(tag) { return this.childNodes.flatMap((child) => (child instanceof Element ? [...(child.tag === tag ? [child] : []), ...child.all(tag)] : [])); }
}

export function install() {
  globalThis.document = {
    body: new Element("body"),
    activeElement: null,
    createElement: (tag) => new Element(tag),
    createTextNode: (text) => new Text(text),
  };
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
