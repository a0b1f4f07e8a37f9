// The chosen message: its text, where it is, every way by which it came here, and its journey to look at slowly.

import { clockTime, count, decimal, make, pathGlyph, span } from './format.js';
import { collect, timeline, timelineOfPath } from './spread.js';
import { markedPaths } from './store.js';
import { toast } from './announce.js';
import { revealGraph, STACKED } from './reveal.js';

/** Seconds that a journey is shown for. */
const SPEEDS = [
  ['2', 'fast'],
  ['6', 'slow'],
  ['20', 'very slow'],
];

const NAMES = { first: 'first', shortest: 'shortest', longest: 'longest' };

/** Paths that are listed; the rest is counted. */
const MAX_LISTED = 40;

/** How often it is looked whether the last node has the message, and how many times. */
const AGAIN = 1_500;
const TRIES = 6;

export class Chosen {
  #store;
  #graph;
  #box = document.getElementById('chosen');
  #uuid = null;
  #parts = null;
  #journey = null;
  #seconds = 6;
  #playing = null;
  #wanted = 0;

  constructor(store, graph) {
    this.#store = store;
    this.#graph = graph;
    store.watch(['chosen-message', 'messages'], () => this.#draw());
    // Where panels stand below one another, a message and its replay belong under the graph that shows them.
    const place = () => document.getElementById(STACKED.matches ? 'graph-panel' : 'messages-panel').append(this.#box);
    STACKED.addEventListener('change', place);
    place();
  }

  #draw() {
    const message = this.#store.messages.get(this.#store.chosenMessage);
    if (!message) {
      if (this.#uuid !== null) this.#close();
      return;
    }
    if (this.#uuid !== message.uuid) this.#open(message);
    if (this.#parts.listed !== message.paths.length) this.#listPaths(message);
  }

  #close() {
    this.#uuid = null;
    this.#stop();
    this.#journey = null;
    this.#box.hidden = true;
    this.#graph.showMessage(null, null);
  }

  #open(message) {
    this.#stop();
    this.#uuid = message.uuid;
    this.#journey = null;
    const close = make('button', { type: 'button', 'aria-label': 'Close the message', title: 'Close' }, '✕');
    close.addEventListener('click', () => {
      this.#store.chooseMessage(null);
      document.getElementById('message-scroll').focus();
    });
    const play = make('button', { type: 'button', id: 'replay' }, 'Replay');
    const scrub = make('input', { type: 'range', min: 0, max: 1000, value: 1000, 'aria-label': 'Point of its journey' });
    const speed = make('select', { 'aria-label': 'Speed' }, ...SPEEDS.map(([value, name]) => make('option', { value }, name)));
    speed.value = String(this.#seconds);
    this.#parts = {
      listed: -1,
      where: make('p', { class: 'facts', id: 'where' }),
      play,
      scrub,
      paths: make('ul', { class: 'paths', 'aria-label': 'Ways by which it came to this node' }),
    };
    play.addEventListener('click', () => {
      if (this.#playing !== null) {
        this.#stop();
        return;
      }
      revealGraph();
      this.#play();
    });
    scrub.addEventListener('input', () => {
      this.#stop();
      this.#show(scrub.value / 1000);
    });
    speed.addEventListener('change', () => (this.#seconds = Number(speed.value)));
    const heading = make('h3', { class: 'text', dir: 'auto' }, message.said.text.slice(0, 2_000) || '(empty)');
    this.#box.replaceChildren(
      make('header', {}, heading, close),
      make('p', { class: 'facts' }, `${whichText(message)} of node ${message.origin}, here at ${clockTime(message.at)}`),
      make('div', { class: 'replay' }, play, scrub, speed),
      this.#parts.where,
      this.#parts.paths,
    );
    this.#box.hidden = false;
    this.#box.scrollTop = 0;
    this.#listPaths(message);
    this.#collect(message, performance.now() - (message.changedAt ?? -1e9) < 5_000);
  }

  #listPaths(message) {
    const marks = markedPaths(message);
    const first = message.paths[0]?.at ?? message.at;
    this.#parts.listed = message.paths.length;
    const listed = message.paths.slice(0, MAX_LISTED).map((arrival, i) => {
      const line = make('li', {});
      const names = marks.get(i);
      if (names && message.paths.length > 1) {
        line.append(make('span', { class: 'marks' }, ...names.map((name) => make('span', { class: `of-${name}` }, pathGlyph(name), NAMES[name]))));
      }
      const late = i === 0 ? '' : `+${span(arrival.at - first)}, `;
      line.append(
        make('span', { class: 'way' }, ...wayOf(arrival.path)),
        make('span', { class: 'when' }, `${late}${count(arrival.path.length - 1, 'hop')}`),
      );
      return line;
    });
    if (message.paths.length > MAX_LISTED) listed.push(make('li', {}, `and ${message.paths.length - MAX_LISTED} more`));
    const order = [...marks.keys()].filter((i) => i >= 0);
    this.#parts.paths.replaceChildren(...listed);
    this.#graph.showMessage(message, order.length > 0 ? marks : null);
  }

  /** Asks all nodes; a message that is under way is asked for again until the last one has it. */
  async #collect(message, fresh) {
    const wanted = ++this.#wanted;
    const where = this.#parts.where;
    where.textContent = 'Asking the other nodes …';
    const path = message.paths[0]?.path ?? [message.origin];
    let show = fresh;
    this.#setJourney(timelineOfPath(path), false);
    if (message.kind !== 'message') {
      where.textContent = 'Drawn along the way by which it came here.';
      if (show && path.length > 1) this.#play(2);
      return;
    }
    for (let i = 0; i < TRIES; i += 1) {
      if (i > 0) await new Promise((resolve) => setTimeout(resolve, AGAIN));
      if (wanted !== this.#wanted || this.#uuid !== message.uuid) return;
      try {
        const spread = await collect(message.uuid);
        if (wanted !== this.#wanted || this.#uuid !== message.uuid) return;
        const journey = timeline(spread);
        // One that is fresh is seen on its way at once, as soon as it has gone anywhere.
        this.#setJourney(journey, show && journey.hops.length > 0);
        show &&= journey.hops.length === 0;
        const last = journey.last === null || journey.hops.length === 0 ? '' : `, the last after ${span(journey.last)}`;
        where.textContent = `${decimal(journey.held, 0)} of ${count(journey.live, 'live node')} hold it${last}.`;
        if (journey.held >= journey.live) return;
      } catch (error) {
        const why = error.status === 404 ? 'no node that answers holds it any more' : error.message;
        if (wanted === this.#wanted) where.textContent = `Where it is elsewhere is not known: ${why}.`;
      }
    }
  }

  #setJourney(journey, play) {
    this.#journey = journey;
    if (play) this.#play(2);
    else if (this.#playing === null) this.#show(this.#parts.scrub.value / 1000);
  }

  #play(seconds = this.#seconds) {
    this.#stop();
    if (!this.#journey || this.#journey.hops.length === 0) {
      toast('It has not travelled: this node alone holds it.');
      return;
    }
    this.#parts.play.textContent = 'Pause';
    const scrub = this.#parts.scrub;
    let at = Number(scrub.value) >= 1000 ? 0 : scrub.value / 1000;
    let before = performance.now();
    const step = (now) => {
      at = Math.min(1, at + (now - before) / 1000 / seconds);
      before = now;
      this.#show(at);
      if (at < 1) this.#playing = requestAnimationFrame(step);
      else this.#stop();
    };
    this.#show(at);
    this.#playing = requestAnimationFrame(step);
  }

  #stop() {
    if (this.#playing !== null) cancelAnimationFrame(this.#playing);
    this.#playing = null;
    if (this.#parts) this.#parts.play.textContent = 'Replay';
  }

  #show(at) {
    // Not rounded up: it stands at its end only when the journey does.
    this.#parts.scrub.value = Math.floor(at * 1000 + 1e-6);
    if (!this.#journey) return;
    const held = 1 + this.#journey.hops.filter((hop) => hop.ends <= at).length;
    this.#parts.scrub.setAttribute('aria-valuetext', `held by ${count(held, 'node')}`);
    this.#graph.showJourney(this.#journey, at);
  }
}

/** What tells it from others: the beginning of its uuid, by which commands take it too, or its version. */
function whichText(message) {
  if (message.kind === 'message') return `message ${message.uuid.slice(0, 8)}`;
  return `${message.said.shape === 'book' ? 'book' : 'state'} in version ${message.version}`;
}

/** The nodes of a path, none of which is torn apart at the end of a line. */
function wayOf(path) {
  return path.flatMap((id, i) => (i + 1 < path.length ? [make('span', {}, `${id} →`), ' '] : [make('span', {}, id)]));
}
