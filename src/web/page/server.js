// Requests to this node. Where it asks for a token, the reader is asked once and the request is sent again.

const KEY = 'gossip-token';

let asking = null;

/** Whether the reader said "not now"; only what the reader asks for next opens the dialog again. */
let declined = false;

/** What the reader is told when no answer came: browsers have words of their own for it, each others, and none for people. */
const AWAY = 'the node cannot be reached';
const BROKEN_OFF = 'the node’s answer broke off';

/** A request that the node refused, with what it said. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

function keptToken() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(token) {
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // Storage may be refused; then the token is asked for once more after a reload.
  }
  memory = token;
}

let memory = null;

/** What a refusal says of the token that was sent with it (RFC 6750, section 3.1); nothing if it is about something else. */
function lack(response, token) {
  if (response.status === 401) return token ? 'The node does not take this token.' : 'none';
  const challenge = response.headers.get('WWW-Authenticate') ?? '';
  if (response.status === 403 && challenge.includes('insufficient_scope')) return 'This token allows reading only.';
  return null;
}

/** Asks for a token; requests that need one wait for the same answer. */
function askForToken(why) {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById('token');
    const form = document.getElementById('token-form');
    const field = document.getElementById('token-text');
    const note = document.getElementById('token-note');
    note.hidden = why === 'none';
    note.textContent = note.hidden ? '' : why;
    const close = (given) => {
      declined = !given;
      field.value = '';
      dialog.close();
      asking = null;
      resolve(given);
    };
    dialog.oncancel = () => close(false);
    document.getElementById('token-later').onclick = () => close(false);
    form.onsubmit = (event) => {
      event.preventDefault();
      const token = field.value.trim();
      if (token === '') return;
      keep(token);
      close(true);
    };
    if (!dialog.open) dialog.showModal();
    field.focus();
  });
  return asking;
}

/** From now on a missing token is asked for again. */
export function mayAsk() {
  declined = false;
}

/**
 * Fetches from this node, with the token if there is one. Rejects when the node cannot be reached.
 * With `quiet` a refusal is handed back, and nobody is asked for a token.
 */
export async function ask(path, { quiet = false, ...options } = {}) {
  for (;;) {
    const headers = new Headers(options.headers);
    const token = memory ?? keptToken();
    if (token) headers.set('Authorization', `Bearer ${token}`);
    const response = await fetch(path, { cache: 'no-store', ...options, headers }).catch((error) => {
      // Who gave up on purpose knows why.
      throw error.name === 'AbortError' ? error : new Error(AWAY, { cause: error });
    });
    const why = lack(response, token);
    if (why === null || quiet || declined) return response;
    // Another request may have brought a newer token meanwhile.
    if (token === (memory ?? keptToken()) && !(await askForToken(why))) return response;
  }
}

/** The JSON that the node answers; throws `Refused` with its words for anything but success. */
export async function json(path, options = {}) {
  const response = await ask(path, { ...options, headers: { Accept: 'application/json', ...options.headers } });
  if (response.ok) {
    return response.json().catch((error) => {
      throw new Error(BROKEN_OFF, { cause: error });
    });
  }
  let detail = `the node refused with status ${response.status}`;
  try {
    const problem = await response.json();
    detail = [problem.field, problem.detail ?? problem.title].filter(Boolean).join(': ') || detail;
  } catch {
    // Not every proxy on the way answers with JSON.
  }
  throw new Refused(response.status, detail);
}

/** Sends JSON. */
export function post(path, body, options = {}) {
  const headers = { 'Content-Type': 'application/json' };
  return json(path, { ...options, method: 'POST', body: JSON.stringify(body), headers });
}
