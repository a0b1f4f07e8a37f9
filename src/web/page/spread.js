// How a message spread: collected from all nodes on demand, and laid out in time so that it can be shown slowly.

import { json } from './server.js';

/**
 * The tree by which a message came to the nodes, as steps between 0 and 1 of its whole time.
 *
 * Real times are used where they tell something; but several hops happen within one millisecond, and clocks of different
 * hosts differ, so that every hop gets a least share, and no node hands on before it has the message.
 */
export function timeline(spread) {
  const first = new Map();
  for (const node of spread.nodes) {
    if (node.path?.length > 1) first.set(String(node.id), { path: node.path.map(String), at: Date.parse(node.received_at) });
  }
  const origin = String(spread.origin);
  const own = spread.nodes.find((node) => String(node.id) === origin);
  const start = own?.received_at ? Date.parse(own.received_at) : Math.min(...[...first.values()].map((node) => node.at));
  const parent = new Map([...first].map(([key, { path }]) => [key, path[path.length - 2]]));
  const depth = (key) => {
    // A path that names a loop would never end.
    let steps = 0;
    for (let at = key; parent.has(at) && steps < 256; at = parent.get(at)) steps += 1;
    return steps;
  };
  const keys = [...first.keys()].sort((a, b) => depth(a) - depth(b));
  const deepest = Math.max(1, ...keys.map(depth));
  const latest = Math.max(1, ...[...first.values()].map((node) => node.at - start));
  const least = 0.6 / deepest;
  const reached = new Map([[origin, 0]]);
  for (const key of keys) {
    const before = reached.get(parent.get(key)) ?? 0;
    const real = Math.max(0, first.get(key).at - start) / latest;
    reached.set(key, Math.max(before + least, real));
  }
  const whole = Math.max(1e-6, ...reached.values());
  const hops = keys.map((key) => ({
    from: parent.get(key),
    to: key,
    begins: (reached.get(parent.get(key)) ?? 0) / whole,
    ends: reached.get(key) / whole,
    after: Math.max(0, first.get(key).at - start),
  }));
  return { origin, hops, last: Math.max(0, ...[...first.values()].map((node) => node.at - start)), held: spread.held, live: spread.live };
}

/** A timeline from one path alone, for when nothing else is known. */
export function timelineOfPath(path) {
  const hops = path.slice(1).map((to, i) => ({ from: path[i], to, begins: i / (path.length - 1), ends: (i + 1) / (path.length - 1), after: null }));
  return { origin: path[0], hops, last: null, held: null, live: null };
}

/** Asks the node to collect it. */
export function collect(uuid) {
  return json(`messages/${encodeURIComponent(uuid)}/spread`);
}

/**
 * Collects how now and then a message spread that just arrived, so that the page can say how long it took to the last
 * node. The larger the network, the rarer: each collection is a request to every node.
 */
export class Sampler {
  #store;
  #found;
  #next = 0;

  constructor(store, found) {
    this.#store = store;
    this.#found = found;
    store.on('message', (data) => this.#seen(data.uuid));
  }

  #seen(uuid) {
    const now = performance.now();
    if (document.hidden || now < this.#next) return;
    this.#next = now + Math.max(3_000, this.#store.nodes.size * 20);
    // Repair brings what the trees missed within a heartbeat or two.
    setTimeout(() => this.#sample(uuid), 1_500);
  }

  async #sample(uuid) {
    try {
      this.#found(await collect(uuid), uuid);
    } catch {
      // It is only a sample; the next message brings another.
    }
  }
}
