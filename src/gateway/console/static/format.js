// Words and times as people read them.

export function words(name) {
  const text = String(name).replaceAll(/[_-]+/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// Always UTC, as logs, statements and colleagues elsewhere have it.
export function utc(moment) {
  return moment ? String(moment).replace("T", " ").replace(/\.\d+/, "").replace("Z", " UTC") : "–";
}

export function clock(milliseconds) {
  return utc(new Date(milliseconds).toISOString()).slice(11);
}

export function ago(moment, now = Date.now()) {
  const seconds = Math.round((now - Date.parse(moment)) / 1000);
  const [size, unit] = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]].find(([size]) => Math.abs(seconds) >= size) ?? [1, "s"];
  const count = Math.trunc(Math.abs(seconds) / size);
  return seconds >= 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
}

// The tail of an id tells it apart; its head is mostly the time.
export function short(id) {
  const text = String(id);
  const [prefix, rest = ""] = text.split("_");
  return rest.length > 12 ? `${prefix}_…${rest.slice(-8)}` : text;
}

const TONES = {
  good: ["captured", "authorized", "ok", "closed", "succeeded", "approve"],
  bad: ["declined", "failed", "open", "critical", "decline", "live"],
  attention: ["unknown", "review", "processing", "half_open", "warning"],
};

export function tone(state) {
  return Object.keys(TONES).find((name) => TONES[name].includes(state)) ?? "quiet";
}
