// Where the nodes stand: a layout by forces that settles. Links pull, all nodes push one another away, and a weak pull to the
// middle holds parts together that have no link. Nothing here draws.

import { Quadtree } from './quadtree.js';
import { startPlaces } from './start.js';

/** The length that links strive for. */
export const LINK = 60;

const PUSH = 1_500;
const THETA = 0.85;
const DAMPING = 0.62;

/** The layout cools to this, and then rests. */
const COLD = 0.004;

export class Layout {
  /** Keys of the nodes in the order of the arrays. */
  keys = [];
  index = new Map();
  x = new Float64Array(0);
  y = new Float64Array(0);
  /** Pairs of indices. */
  links = [];
  #vx = new Float64Array(0);
  #vy = new Float64Array(0);
  #pinned = new Map();
  #degree = new Int32Array(0);
  #tree = new Quadtree();
  #heat = 0;
  #aspect = 1.6;
  #signature = '';

  get moving() {
    return this.#heat > COLD;
  }

  /** Width over height of the room that the picture should fill. */
  set aspect(ratio) {
    const bounded = Math.min(2.2, Math.max(0.5, ratio));
    if (Math.abs(bounded - this.#aspect) < 0.05) return;
    this.#aspect = bounded;
    if (this.keys.length > 0) this.warm(0.3);
  }

  /** Heats the layout up, so that it settles anew. */
  warm(heat) {
    this.#heat = Math.max(this.#heat, heat);
  }

  /** Takes the nodes and links that there are now; known nodes keep their places. */
  set(keys, pairs) {
    const signature = `${keys.join(' ')}|${pairs.map(([a, b]) => `${a} ${b}`).sort().join(',')}`;
    if (signature === this.#signature) return;
    const first = this.keys.length === 0;
    this.#signature = signature;
    const before = { index: this.index, x: this.x, y: this.y };
    const count = keys.length;
    this.keys = keys;
    this.index = new Map(keys.map((key, i) => [key, i]));
    this.links = pairs.map(([a, b]) => [this.index.get(a), this.index.get(b)]).filter(([a, b]) => a !== undefined && b !== undefined);
    this.x = new Float64Array(count);
    this.y = new Float64Array(count);
    this.#vx = new Float64Array(count);
    this.#vy = new Float64Array(count);
    this.#degree = new Int32Array(count);
    for (const [a, b] of this.links) {
      this.#degree[a] += 1;
      this.#degree[b] += 1;
    }
    for (const key of this.#pinned.keys()) if (!this.index.has(key)) this.#pinned.delete(key);
    const unknown = keys.filter((key) => !before.index.has(key)).length;
    // Most links come a moment after the nodes, with the first look at the whole network.
    if (first || unknown > count / 2 || this.#linksWereFew) this.#begin();
    else this.#keep(before);
    this.#linksWereFew = this.links.length < count / 2;
    this.warm(first ? 1 : unknown > 0 ? 0.5 : 0.3);
  }

  #linksWereFew = false;

  #begin() {
    startPlaces(this, LINK, this.#aspect);
    this.#heat = this.keys.length > 80 ? 1 : 0.5;
  }

  #keep(before) {
    this.keys.forEach((key, i) => {
      const known = before.index.get(key);
      if (known === undefined) return;
      this.x[i] = before.x[known];
      this.y[i] = before.y[known];
    });
    // A newcomer begins beside a node that it is linked to.
    this.keys.forEach((key, i) => {
      if (before.index.has(key)) return;
      const link = this.links.find(([a, b]) => (a === i || b === i) && before.index.has(this.keys[a === i ? b : a]));
      const beside = link ? (link[0] === i ? link[1] : link[0]) : null;
      const angle = i * 2.4;
      this.x[i] = (beside === null ? 0 : this.x[beside]) + Math.cos(angle) * LINK;
      this.y[i] = (beside === null ? 0 : this.y[beside]) + Math.sin(angle) * LINK;
    });
  }

  /** Holds a node at a place. */
  pin(key, x, y) {
    this.#pinned.set(key, [x, y]);
    this.warm(0.25);
  }

  isPinned(key) {
    return this.#pinned.has(key);
  }

  /** Lets one node go, or all. */
  release(key = null) {
    if (key === null) this.#pinned.clear();
    else this.#pinned.delete(key);
    this.warm(0.4);
  }

  /** One step in time. */
  tick() {
    const count = this.keys.length;
    this.#heat *= count > 300 ? 0.985 : 0.975;
    const heat = this.#heat;
    this.#pull(heat);
    this.#tree.build(this.x, this.y, count);
    const push = [0, 0];
    const [toX, toY] = this.#gravity();
    for (let i = 0; i < count; i += 1) {
      this.#tree.push(this.x[i], this.y[i], i, PUSH, THETA, this.x, this.y, push);
      // Nodes without a link, such as dead ones, would drift off and make everything else small.
      const hold = this.#degree[i] === 0 ? 3 : 1;
      this.#vx[i] += (push[0] - this.x[i] * toX * hold) * heat * 0.1;
      this.#vy[i] += (push[1] - this.y[i] * toY * hold) * heat * 0.1;
    }
    for (let i = 0; i < count; i += 1) {
      this.#vx[i] *= DAMPING;
      this.#vy[i] *= DAMPING;
      this.x[i] += this.#vx[i];
      this.y[i] += this.#vy[i];
    }
    for (const [key, [x, y]] of this.#pinned) {
      const i = this.index.get(key);
      this.x[i] = x;
      this.y[i] = y;
      this.#vx[i] = this.#vy[i] = 0;
    }
  }

  /** The pull to the middle is weaker along the longer side, so that the picture takes the form of its room. */
  #gravity() {
    const weight = 0.35;
    return [weight / this.#aspect, weight * this.#aspect];
  }

  #pull(heat) {
    for (const [a, b] of this.links) {
      const dx = this.x[b] + this.#vx[b] - this.x[a] - this.#vx[a] || 0.01;
      const dy = this.y[b] + this.#vy[b] - this.y[a] - this.#vy[a] || 0.01;
      const distance = Math.sqrt(dx * dx + dy * dy);
      const strength = 1 / Math.min(this.#degree[a], this.#degree[b]);
      const change = ((distance - LINK) / distance) * heat * strength;
      const share = this.#degree[a] / (this.#degree[a] + this.#degree[b]);
      this.#vx[b] -= dx * change * share;
      this.#vy[b] -= dy * change * share;
      this.#vx[a] += dx * change * (1 - share);
      this.#vy[a] += dy * change * (1 - share);
    }
  }

  /** The box around all nodes. */
  bounds() {
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < this.keys.length; i += 1) {
      left = Math.min(left, this.x[i]);
      right = Math.max(right, this.x[i]);
      top = Math.min(top, this.y[i]);
      bottom = Math.max(bottom, this.y[i]);
    }
    return { left, right, top, bottom };
  }
}
