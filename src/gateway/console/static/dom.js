// The only place that makes elements. Text goes in as text nodes, attributes only if they are on the list: nothing that a
// merchant or a cardholder wrote is ever read as HTML, an address or a script.

const ATTRIBUTES = new Set([
  "aria-busy", "aria-current", "aria-describedby", "aria-expanded", "aria-hidden", "aria-label", "aria-labelledby",
  "aria-live", "autocomplete", "class", "colspan", "data-label", "data-tone", "datetime", "disabled", "for", "href", "id",
  "inputmode", "list", "maxlength", "name", "open", "pattern", "placeholder", "required", "role", "rows", "scope",
  "selected", "spellcheck", "tabindex", "title", "type", "value",
]);

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function" && name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (!ATTRIBUTES.has(name)) throw new TypeError(`the attribute ${name} is not on the list`);
    else if (name === "href" && !String(value).startsWith("#/")) throw new TypeError("links lead to views of the console");
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  return append(element, children);
}

export function append(parent, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(typeof child === "object" ? child : document.createTextNode(String(child)));
  }
  return parent;
}

export function replace(parent, ...children) {
  while (parent.firstChild) parent.removeChild(parent.firstChild);
  return append(parent, children);
}
