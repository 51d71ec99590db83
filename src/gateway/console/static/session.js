// Who is signed in: OpenID Connect's authorization code flow with PKCE, as a public client.
//
// The token lives in this module's memory and nowhere else, so it ends with the page. What has to survive the way to the
// issuer and back (verifier, state, nonce) is in sessionStorage for just that long.

import { challengeOf, claimsOf, randomText } from "./pkce.js";

const KEPT = "console.sign_in";
const LEEWAY_SECONDS = 60;

export class SignInError extends Error {}

export function createSession({ config, redirectUri, fetch, storage, crypto = globalThis.crypto, now = Date.now }) {
  let token = null;
  let person = null;
  let ends = 0;

  async function discover() {
    const url = `${config.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const found = await json(fetch(url, { credentials: "omit" }), `The issuer ${config.issuer} cannot be reached.`);
    if (found.issuer !== config.issuer) throw new SignInError("The issuer's configuration is that of another issuer.");
    if (origin(found.token_endpoint) !== origin(config.issuer)) {
      throw new SignInError("The issuer's token endpoint is at another origin, which this page may not ask.");
    }
    return found;
  }

  // Return the address at which somebody signs in.
  async function begin(returnTo) {
    const issuer = await discover();
    const kept = { verifier: randomText(crypto), state: randomText(crypto), nonce: randomText(crypto), returnTo };
    storage.setItem(KEPT, JSON.stringify(kept));
    const url = new URL(issuer.authorization_endpoint);
    const asked = {
      response_type: "code",
      client_id: config.client_id,
      redirect_uri: redirectUri,
      scope: config.scope,
      state: kept.state,
      nonce: kept.nonce,
      code_challenge: await challengeOf(kept.verifier, crypto),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
    return url.href;
  }

  // Take what the issuer sent back with; return where the person wanted to be, or null if nobody comes from the issuer.
  async function finish(parameters) {
    if (!parameters.has("state")) return null;
    const kept = JSON.parse(storage.getItem(KEPT) ?? "null");
    storage.removeItem(KEPT);
    if (kept === null || parameters.get("state") !== kept.state) {
      throw new SignInError("This sign-in was not begun here, or is over. Begin again.");
    }
    if (parameters.has("iss") && parameters.get("iss") !== config.issuer) {
      throw new SignInError("The answer is that of another issuer.");
    }
    if (!parameters.has("code")) throw new SignInError(`The issuer refused: ${parameters.get("error") ?? "no reason"}.`);
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      code: parameters.get("code"),
      redirect_uri: redirectUri,
      client_id: config.client_id,
      code_verifier: kept.verifier,
    });
    const { token_endpoint } = await discover();
    const answer = fetch(token_endpoint, { method: "POST", body, credentials: "omit" });
    take(await json(answer, "The issuer gave no token."), kept.nonce);
    return kept.returnTo;
  }

  function take(tokens, nonce) {
    const about = claimsOf(tokens.id_token ?? "");
    const audience = [about.aud].flat();
    const seconds = now() / 1000;
    if (about.iss !== config.issuer || !audience.includes(config.client_id) || about.nonce !== nonce) {
      throw new SignInError("The identity token is not for this sign-in.");
    }
    if (!(about.exp > seconds - LEEWAY_SECONDS)) throw new SignInError("The identity token has expired. Is the clock right?");
    if (typeof tokens.access_token !== "string") throw new SignInError("The issuer gave no access token.");
    const access = claimsOf(tokens.access_token);
    token = tokens.access_token;
    ends = (access.exp ?? seconds + (tokens.expires_in ?? 0)) * 1000;
    const roles = Array.isArray(access.roles) ? access.roles.filter((role) => typeof role === "string") : [];
    person = { name: String(about.name ?? about.email ?? access.sub ?? about.sub), subject: access.sub, roles };
  }

  return {
    begin,
    finish,
    get token() { return now() < ends ? token : null; },
    get person() { return person; },
    forget() { token = person = null; ends = 0; },
  };
}

function origin(url) {
  try {
    return new URL(url).origin;
  } catch {
    return null;
  }
}

async function json(answer, complaint) {
  try {
    const response = await answer;
    if (response.ok) return await response.json();
  } catch { /* told below: the browser does not say why */ }
  throw new SignInError(complaint);
}
