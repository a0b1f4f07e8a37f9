// The live stream: server-sent events over fetch, which unlike EventSource can send a token.
//
// When it is cut it says so, tries again with growing pauses, and resumes after the last event that it saw.

import { ask, Refused } from './server.js';

/** The node sends a comment every 15 s; a connection that is silent for longer than two of them is dead. */
const SILENCE = 40_000;

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

/** Takes server-sent events apart, as they come in pieces. */
export class EventParser {
  #rest = '';
  #event = 'message';
  #data = [];
  #id = null;

  /** Feeds a piece; `take(event, data, id)` is called for each whole event. */
  feed(piece, take) {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line, take);
  }

  #line(line, take) {
    if (line === '') {
      if (this.#data.length > 0) take(this.#event, this.#data.join('\n'), this.#id);
      this.#event = 'message';
      this.#data = [];
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id') this.#id = value;
  }
}

/** Follows `events` for as long as the page is open. */
export class Stream {
  #take;
  #say;
  #lastId = null;
  #pause = FIRST_PAUSE;
  #wake = null;

  /**
   * @param take called with each event's name and data
   * @param say called with `connecting`, `live`, or `cut`, the milliseconds until the next try, and the status of a refusal
   */
  constructor(take, say) {
    this.#take = take;
    this.#say = say;
  }

  /** Runs without end. */
  async follow() {
    for (;;) {
      this.#say('connecting');
      let lived = false;
      let refused = null;
      try {
        await this.#once(() => (lived = true));
      } catch (error) {
        refused = error?.status ?? null;
        if (error?.name !== 'AbortError') console.info('the stream was cut:', error?.message ?? error);
      }
      this.#pause = lived ? FIRST_PAUSE : Math.min(this.#pause * 2, LONGEST_PAUSE);
      // Many pages lose a node at once; they should not come back at once.
      const pause = this.#pause * (0.75 + Math.random() / 2);
      this.#say('cut', pause, refused);
      await this.#wait(pause);
    }
  }

  /** Tries again now. */
  hurry() {
    this.#wake?.();
  }

  #wait(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    }).then(() => (this.#wake = null));
  }

  async #once(live) {
    const abort = new AbortController();
    let timer = setTimeout(() => abort.abort(), SILENCE);
    try {
      const headers = { Accept: 'text/event-stream' };
      if (this.#lastId) headers['Last-Event-ID'] = this.#lastId;
      const response = await ask('events', { headers, signal: abort.signal });
      if (!response.ok || !response.body) throw new Refused(response.status, `the node answered ${response.status}`);
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      const parser = new EventParser();
      live();
      this.#say('live');
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(() => abort.abort(), SILENCE);
        parser.feed(decoder.decode(value, { stream: true }), (event, data, id) => this.#event(event, data, id));
      }
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  #event(event, data, id) {
    let value;
    try {
      value = JSON.parse(data);
    } catch {
      console.warn('an event is no JSON:', event);
      return;
    }
    this.#take(event, value);
    // Only what was taken counts as seen.
    if (id !== null) this.#lastId = id;
  }
}
