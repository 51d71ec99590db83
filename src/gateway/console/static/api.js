// The API as functions of ENDPOINTS: the person's token, problem documents as errors, and whole numbers of any size.

import { ENDPOINTS } from "./endpoints.js";

const PATIENCE_MS = 30_000;

// What the API answered instead: RFC 9457's problem document.
export class ApiError extends Error {
  constructor(status, problem, { changing, requestId, retryAfter }) {
    super(problem.detail ?? problem.title ?? `The answer was ${status}.`);
    this.status = status;
    this.title = problem.title ?? `Status ${status}`;
    this.code = problem.code ?? null;
    this.effect = problem.effect ?? (changing && status >= 500 ? "unknown" : "none");
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
    this.requestId = problem.request_id ?? requestId;
    this.retryAfter = retryAfter;
  }
}

// There was no answer; whether the request arrived, nobody knows.
export class NetworkError extends Error {
  constructor(changing) {
    super("No answer: the network or the platform is away.");
    this.effect = changing ? "unknown" : "none";
  }
}

export function createApi({ token, fetch, endpoints = ENDPOINTS }) {
  return async function call(name, { path = {}, query = {}, body, signal } = {}) {
    const endpoint = endpoints[name];
    const [method, template] = endpoint.route.split(" ");
    const bearer = token();
    if (bearer === null) throw new ApiError(401, { title: "Unauthorized", detail: "Your session has ended." }, {});
    const headers = { accept: "application/json", authorization: `Bearer ${bearer}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const url = address(template, path, query, endpoint);
    const sent = body === undefined ? undefined : JSON.stringify(only(body, endpoint.body));
    const late = AbortSignal.timeout(PATIENCE_MS);
    let response, text;
    try {
      response = await fetch(url, {
        method,
        headers,
        body: sent,
        signal: signal ? AbortSignal.any([signal, late]) : late,
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
      });
      text = await response.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new NetworkError(method !== "GET");
    }
    if (response.ok) return parse(text);
    throw new ApiError(response.status, problemOf(text), {
      changing: method !== "GET",
      requestId: response.headers.get("x-request-id"),
      retryAfter: Number(response.headers.get("retry-after")) || null,
    });
  };
}

function address(template, path, query, endpoint) {
  const filled = template.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(path[name]));
  const sent = Object.entries(only(query, endpoint.query)).filter(([, value]) => value !== undefined && value !== "");
  return sent.length ? `${filled}?${new URLSearchParams(sent)}` : filled;
}

function only(values, known = []) {
  const strange = Object.keys(values).find((name) => !known.includes(name));
  if (strange) throw new TypeError(`endpoints.js does not know ${strange}`);
  return values;
}

function problemOf(text) {
  try {
    const problem = parse(text);
    return problem !== null && typeof problem === "object" ? problem : {};
  } catch {
    return {};
  }
}

// A number that a float cannot hold becomes a BigInt, where the browser lets us see how it was written.
export function parse(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
      ? BigInt(context.source)
      : value,
  );
}
