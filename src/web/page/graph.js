// The graph of the network: keeps layout, camera and lights together, and draws a frame when something moved.

import { Camera } from './camera.js';
import { Drawing, nodeRadius } from './draw.js';
import { Layout } from './layout.js';
import { Travel } from './travel.js';
import { handlePointer } from './pointer.js';
import { answer } from './announce.js';
import { compareIds, count } from './format.js';

/** Milliseconds of a frame that the layout may take. */
const LAYOUT_TIME = 8;

export class Graph {
  #store;
  #canvas = document.getElementById('graph');
  #stage = document.getElementById('stage');
  #layout = new Layout();
  #camera = new Camera();
  #travel = new Travel();
  #drawing;
  #still = matchMedia('(prefers-reduced-motion: reduce)');
  #hovered = null;
  #message = null;
  #marks = null;
  #journey = null;
  #framed = false;
  #following = false;
  #noteTimer = null;

  constructor(store) {
    this.#store = store;
    this.#drawing = new Drawing(this.#canvas);
    handlePointer(this.#canvas, this);
    this.#canvas.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#resize()).observe(this.#stage);
    const recolour = () => {
      this.#drawing.refreshColours();
      this.wake();
    };
    document.addEventListener('themechange', recolour);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);
    document.getElementById('zoom-in').addEventListener('click', () => this.zoom(1.4));
    document.getElementById('zoom-out').addEventListener('click', () => this.zoom(1 / 1.4));
    document.getElementById('fit').addEventListener('click', () => this.fit());
    store.watch(['nodes', 'links'], () => this.#take());
    store.watch(['chosen-node'], () => this.wake());
    this.#followTravellers();
    this.#resize();
  }

  /** Shows a message on its way as soon as it is heard of. */
  #followTravellers() {
    const books = document.getElementById('show-books');
    const send = (path, kind) => {
      // While a journey is shown, other lights would only confuse.
      const busy = this.#message && (kind === 'state' || this.#journey?.at < 1);
      if (document.hidden || busy) return;
      this.#travel.send(path.map(String), kind, performance.now());
      this.wake();
    };
    this.#store.on('message', (data) => send(data.paths?.[0]?.path ?? [data.origin], 'message'));
    this.#store.on('path', (data) => send(data.path, 'message'));
    this.#store.on('state', (data) => books.checked && send(data.path ?? [data.node], 'state'));
  }

  #take() {
    const keys = [...this.#store.nodes.keys()].sort(compareIds);
    const known = new Set(keys);
    this.#layout.set(keys, this.#store.links.filter(([a, b]) => known.has(a) && known.has(b)));
    const links = this.#layout.links.length;
    this.#canvas.setAttribute('aria-label', `Graph of ${count(keys.length, 'node')} and ${count(links, 'link')}; this node is ${this.#store.me}`);
    if (this.#still.matches) this.#settle();
    this.wake();
  }

  /** For those who want no motion: the settled picture at once. */
  #settle() {
    const end = performance.now() + 400;
    while (this.#layout.moving && performance.now() < end) this.#layout.tick();
    this.#camera.follow(this.#layout.bounds(), 1);
  }

  #resize() {
    const { width, height } = this.#stage.getBoundingClientRect();
    if (width === 0 || height === 0) return;
    const ratio = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#camera.width = width;
    this.#camera.height = height;
    this.#layout.aspect = width / height;
    this.#camera.follow(this.#layout.bounds(), 1);
    // A canvas whose size was set is empty until it is drawn.
    this.#paint(performance.now());
    this.wake();
  }

  /** Draws again, and on for as long as something moves. */
  wake() {
    if (this.#framed) return;
    this.#framed = true;
    requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now) {
    this.#framed = false;
    const end = performance.now() + LAYOUT_TIME;
    let ticks = 0;
    while (this.#layout.moving && (ticks === 0 || (performance.now() < end && ticks < 3))) {
      this.#layout.tick();
      ticks += 1;
    }
    this.#following = this.#camera.follow(this.#layout.bounds(), this.#still.matches ? 1 : 0.14);
    this.#paint(now);
    if (this.moving || this.#travel.count > 0) this.wake();
  }

  #paint(now) {
    this.#drawing.paint({
      camera: this.#camera,
      ratio: window.devicePixelRatio || 1,
      layout: this.#layout,
      moving: this.#layout.moving,
      nodes: this.#store.nodes,
      me: this.#store.me,
      chosen: this.#store.chosenNode,
      hovered: this.#hovered,
      lights: this.#travel.at(now, this.#still.matches),
      message: this.#message,
      marks: this.#marks,
      journey: this.#journey,
    });
  }

  /** Draws all ways of this message; null for none. */
  showMessage(message, marks) {
    this.#message = message;
    this.#marks = marks;
    if (message === null) this.#journey = null;
    else this.#travel.clear();
    this.wake();
  }

  /** Draws how far a message had spread at this part of its whole time. */
  showJourney(line, at) {
    // Without motion, it jumps from hop to hop.
    const steps = line.hops.map((hop) => hop.ends).filter((end) => end <= at + 1e-9);
    this.#journey = { line, at: this.#still.matches ? Math.max(0, ...steps) : at };
    this.wake();
  }

  /** The node under a place on the screen. */
  nodeAt(x, y) {
    const reach = Math.max(10, nodeRadius(this.#camera.scale) + 3);
    let best = null;
    this.#layout.keys.forEach((key, i) => {
      const [sx, sy] = this.#camera.toScreen(this.#layout.x[i], this.#layout.y[i]);
      const distance = Math.hypot(sx - x, sy - y);
      if (distance <= reach && (best === null || distance < best.distance)) best = { key, distance };
    });
    return best?.key ?? null;
  }

  /** Where a node stands on the page; for tests and for whatever points at one. */
  placeOf(key) {
    const i = this.#layout.index.get(key);
    return i === undefined ? null : this.#camera.toScreen(this.#layout.x[i], this.#layout.y[i]);
  }

  /** Whether nodes change their places on the screen: the layout settles, or the camera follows it. */
  get moving() {
    return this.#layout.moving || this.#following;
  }

  /** How many lights are on their way. */
  get lights() {
    return this.#travel.count;
  }

  /** What is drawn of a journey. */
  get journey() {
    return this.#journey;
  }

  hover(key) {
    if (key === this.#hovered) return;
    this.#hovered = key;
    const node = this.#store.nodes.get(key);
    this.#canvas.title = node ? `Node ${key}, ${node.status}${node.said ? `: ${node.said.text.slice(0, 120)}` : ''}` : '';
    this.wake();
  }

  choose(key) {
    this.#canvas.focus({ preventScroll: true });
    this.#store.chooseNode(key);
  }

  moveNode(key, x, y) {
    this.#camera.follows = false;
    this.#layout.pin(key, ...this.#camera.toPlane(x, y));
    this.wake();
  }

  release(key) {
    this.#layout.release(key);
    this.wake();
  }

  zoom(factor, x, y) {
    this.#camera.zoom(factor, x, y);
    this.wake();
  }

  pan(dx, dy) {
    this.#camera.pan(dx, dy);
    this.wake();
  }

  fit() {
    this.#camera.follows = true;
    this.#layout.release();
    this.wake();
  }

  note(text) {
    const note = document.getElementById('graph-note');
    note.textContent = text;
    note.hidden = false;
    clearTimeout(this.#noteTimer);
    this.#noteTimer = setTimeout(() => (note.hidden = true), 2_500);
  }

  #key(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const arrow = arrows[event.key];
    if (arrow && event.shiftKey) this.pan(-arrow[0] * 60, -arrow[1] * 60);
    else if (arrow) this.#walk(arrow);
    else if (event.key === '+' || event.key === '=') this.zoom(1.3);
    else if (event.key === '-') this.zoom(1 / 1.3);
    else if (event.key === '0') this.fit();
    else if (event.key === 'Home') this.#tell(this.#store.me);
    else if (event.key === 'Escape') this.#store.chooseNode(null);
    else return;
    event.preventDefault();
  }

  /** Goes to the nearest node in a direction. */
  #walk([dx, dy]) {
    const from = this.#layout.index.get(this.#store.chosenNode);
    if (from === undefined) {
      this.#tell(this.#store.me);
      return;
    }
    let best = null;
    this.#layout.keys.forEach((key, i) => {
      const [x, y] = [this.#layout.x[i] - this.#layout.x[from], this.#layout.y[i] - this.#layout.y[from]];
      const along = x * dx + y * dy;
      const aside = Math.abs(x * dy) + Math.abs(y * dx);
      if (along <= 0.5) return;
      const cost = along + 2 * aside;
      if (best === null || cost < best.cost) best = { key, cost };
    });
    if (best) this.#tell(best.key);
  }

  #tell(key) {
    const node = this.#store.nodes.get(key);
    if (!node) return;
    this.#store.chooseNode(key);
    const i = this.#layout.index.get(key);
    if (i !== undefined) this.#camera.reveal(this.#layout.x[i], this.#layout.y[i]);
    const links = this.#store.neighbours(key);
    const own = key === this.#store.me ? ', this node' : '';
    answer(`Node ${key}${own}, ${node.status}. ${node.said?.text ?? 'has not spoken yet'}. ${count(links.length, 'link')}: ${links.join(', ')}`);
  }
}
