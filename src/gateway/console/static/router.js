// Where somebody is: #/test/payments/pay_…?status=unknown. The mode is part of it, so that a link says which one.

export const MODES = ["test", "live"];

// Without one in the address the mode is `otherwise`.
export function read(hash, otherwise = "test") {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [mode, view = "", id = ""] = path.split("/").map(decode);
  return { mode: MODES.includes(mode) ? mode : otherwise, view: view || "overview", id, params: Object.fromEntries(new URLSearchParams(search)) };
}

export function write({ mode, view, id = "", params = {} }) {
  const kept = Object.entries(params).filter(([, value]) => value !== undefined && value !== "");
  const path = [mode, view, ...(id ? [encodeURIComponent(id)] : [])].join("/");
  return `#/${path}${kept.length ? `?${new URLSearchParams(kept)}` : ""}`;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
