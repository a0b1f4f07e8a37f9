// What the page knows: nodes, messages, links. Events change it; views watch topics and are called once per frame.
//
// Nothing here touches the document.

import { compareIds, describe } from './format.js';

/** Messages and books that the page remembers, each; the node remembers more. */
const MAX_KEPT = 5_000;

/** The topics that a view can watch. */
export const TOPICS = ['self', 'nodes', 'messages', 'links', 'chosen-node', 'chosen-message'];

export class Store {
  me = null;
  cluster = '';
  maxPeers = 0;
  counters = null;
  /** Key of an id → what is known of that node. */
  nodes = new Map();
  /** Uuid → message, users' messages and books together, in the order of arrival. */
  messages = new Map();
  /** Keys of this node's peers. */
  peers = new Set();
  /** Links of the whole network as last collected: pairs of keys, the smaller id first. */
  links = [];
  /** Keys of nodes that did not answer when the links were collected. */
  unreached = new Set();
  chosenNode = null;
  chosenMessage = null;

  #views = [];
  #touched = new Set();
  #listeners = new Map();

  /** Calls `view` in the next frame after one of the topics changed. */
  watch(topics, view) {
    this.#views.push({ topics, view });
  }

  /** Calls `listener` at once for each event of this name. */
  on(name, listener) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  touch(...topics) {
    if (this.#touched.size === 0) {
      // A hidden page gets no frames, and needs none.
      requestAnimationFrame(() => {
        const touched = this.#touched;
        this.#touched = new Set();
        for (const { topics, view } of this.#views) if (topics.some((topic) => touched.has(topic))) view();
      });
    }
    for (const topic of topics) this.#touched.add(topic);
  }

  /** Takes one event of the stream. */
  apply(name, data) {
    const take = {
      snapshot: () => this.#snapshot(data),
      state: () => this.#state(data),
      message: () => this.#message(data),
      path: () => this.#path(data),
      status: () => this.#status(data),
      forgotten: () => this.#forgotten(data),
      link: () => this.#link(data),
      read: () => this.#read(data),
    }[name];
    take?.();
    for (const listener of this.#listeners.get(name) ?? []) listener(data);
  }

  chooseNode(key) {
    if (this.chosenNode === key) return;
    this.chosenNode = key;
    this.touch('chosen-node');
  }

  chooseMessage(uuid) {
    if (this.chosenMessage === uuid) return;
    this.chosenMessage = uuid;
    this.touch('chosen-message', 'messages');
  }

  /** Takes messages that were asked for, beside the stream. */
  addMessages(reports) {
    for (const report of reports) this.#keep(this.#fromReport(report));
    const ordered = [...this.messages.values()].sort((a, b) => a.at - b.at);
    this.messages = new Map(ordered.map((message) => [message.uuid, message]));
    this.touch('messages');
  }

  /** Takes the links of the whole network. */
  setOverlay(overlay) {
    this.unreached = new Set();
    for (const found of overlay.nodes ?? []) {
      const key = String(found.id);
      if (!this.nodes.has(key)) this.nodes.set(key, blankNode(found.id, found.status ?? 'unverified'));
      if (!found.reached) this.unreached.add(key);
    }
    const own = (pair) => pair.includes(this.me);
    const links = (overlay.links ?? []).map(([a, b]) => ordered(String(a), String(b)));
    // This node's own links are known better from the stream than from what was collected seconds ago.
    this.links = [...links.filter((pair) => !own(pair)), ...this.#ownLinks()];
    this.touch('links', 'nodes');
  }

  live() {
    let live = 0;
    for (const node of this.nodes.values()) if (node.status === 'alive' || node.status === 'suspect') live += 1;
    return live;
  }

  neighbours(key) {
    const found = [];
    for (const [a, b] of this.links) {
      if (a === key) found.push(b);
      else if (b === key) found.push(a);
    }
    return found.sort(compareIds);
  }

  #ownLinks() {
    return [...this.peers].map((peer) => ordered(this.me, peer));
  }

  #snapshot(data) {
    this.me = String(data.id);
    this.cluster = data.cluster ?? '';
    this.maxPeers = data.max_peers ?? 0;
    this.counters = data.counters ?? null;
    this.peers = new Set((data.peers ?? []).map(String));
    const before = this.nodes;
    this.nodes = new Map();
    for (const [key, report] of Object.entries(data.state ?? {})) {
      // Keys of a JSON object are text; ids that are numbers stay numbers where they are shown.
      const node = blankNode(before.get(key)?.id ?? key, report.status);
      fill(node, report);
      node.conflict = report.conflict === true;
      this.nodes.set(key, node);
    }
    for (const key of [this.me, ...this.peers]) {
      if (!this.nodes.has(key)) this.nodes.set(key, blankNode(key, key === this.me ? 'alive' : 'unverified'));
    }
    this.messages = new Map();
    for (const report of data.messages ?? []) this.#keep(this.#fromReport(report));
    this.links = this.links.filter(([a, b]) => a !== this.me && b !== this.me && this.nodes.has(a) && this.nodes.has(b));
    this.links.push(...this.#ownLinks());
    this.touch(...TOPICS);
  }

  #state(data) {
    const key = String(data.node);
    const node = this.nodes.get(key) ?? blankNode(data.node, data.status ?? 'alive');
    fill(node, data);
    node.changedAt = performance.now();
    this.nodes.set(key, node);
    this.#keep({
      uuid: data.uuid,
      kind: 'state',
      origin: key,
      version: data.version,
      said: node.said,
      payload: data.payload,
      at: Date.parse(data.updated_at),
      read: true,
      paths: [{ path: (data.path ?? [data.node]).map(String), at: Date.parse(data.updated_at) }],
    });
    this.touch('nodes', 'messages');
  }

  #message(data) {
    const message = this.#fromReport({ ...data, kind: 'message' });
    message.changedAt = performance.now();
    this.#keep(message);
    this.touch('messages');
  }

  #path(data) {
    const message = this.messages.get(data.uuid);
    if (!message) return;
    const path = data.path.map(String);
    const name = path.join(' ');
    if (message.paths.some((known) => known.path.join(' ') === name)) return;
    message.paths.push({ path, at: Date.parse(data.received_at) });
    this.touch('messages');
    if (this.chosenMessage === message.uuid) this.touch('chosen-message');
  }

  #status(data) {
    const key = String(data.node);
    const node = this.nodes.get(key) ?? blankNode(data.node, data.status);
    node.status = data.status;
    node.since = Date.parse(data.since) || Date.now();
    node.changedAt = performance.now();
    this.nodes.set(key, node);
    this.touch('nodes', 'links');
  }

  #forgotten(data) {
    const key = String(data.node);
    this.nodes.delete(key);
    this.links = this.links.filter((pair) => !pair.includes(key));
    if (this.chosenNode === key) this.chooseNode(null);
    this.touch('nodes', 'links');
  }

  #link(data) {
    const key = String(data.node);
    this.links = this.links.filter(([a, b]) => !(a === this.me && b === key) && !(a === key && b === this.me));
    if (data.linked) {
      this.peers.add(key);
      if (!this.nodes.has(key)) this.nodes.set(key, blankNode(data.node, 'unverified'));
      this.links.push(ordered(this.me, key));
    } else {
      this.peers.delete(key);
    }
    this.touch('links', 'nodes', 'self');
  }

  #read(data) {
    for (const uuid of data.uuids ?? []) {
      const message = this.messages.get(uuid);
      if (message) message.read = true;
    }
    this.touch('messages');
  }

  #fromReport(report) {
    return {
      uuid: report.uuid,
      kind: report.kind ?? 'message',
      origin: String(report.origin),
      version: report.version,
      said: describe(report.payload),
      payload: report.payload,
      at: Date.parse(report.received_at),
      read: report.kind === 'state' || report.read === true,
      paths: (report.paths ?? []).map((arrival) => ({ path: arrival.path.map(String), at: Date.parse(arrival.received_at) })),
    };
  }

  #keep(message) {
    const known = this.messages.get(message.uuid);
    if (known && known.paths.length > message.paths.length) return;
    this.messages.set(message.uuid, message);
    if (this.messages.size <= 2 * MAX_KEPT) return;
    const oldest = [...this.messages.keys()].slice(0, this.messages.size - MAX_KEPT);
    for (const uuid of oldest) if (uuid !== this.chosenMessage) this.messages.delete(uuid);
  }
}

function ordered(a, b) {
  return compareIds(a, b) <= 0 ? [a, b] : [b, a];
}

function blankNode(id, status) {
  return {
    id: String(id),
    status,
    since: null,
    version: null,
    payload: undefined,
    said: null,
    updatedAt: null,
    hops: null,
    changedAt: 0,
    conflict: false,
  };
}

function fill(node, report) {
  node.status = report.status ?? node.status;
  node.since = report.since ? Date.parse(report.since) : node.since;
  node.version = report.version;
  node.payload = report.payload;
  node.said = describe(report.payload);
  node.updatedAt = Date.parse(report.updated_at);
  node.hops = report.hops ?? null;
}

/**
 * The paths that are marked: the first arrival, and the shortest and the longest if they differ; of equal ones the earlier.
 * @returns {Map<number, string[]>} index of a path → its marks
 */
export function markedPaths(message) {
  const paths = message.paths;
  if (paths.length === 0) return new Map();
  const best = (better) => paths.reduce((held, path, i) => (better(path, paths[held]) ? i : held), 0);
  const first = best((a, b) => a.at < b.at);
  const marks = new Map([[first, ['first']]]);
  const mark = (i, name) => marks.set(i, [...(marks.get(i) ?? []), name]);
  const shortest = best((a, b) => a.path.length < b.path.length);
  const longest = best((a, b) => a.path.length > b.path.length);
  if (paths[shortest].path.length < paths[longest].path.length) {
    mark(shortest, 'shortest');
    mark(longest, 'longest');
  }
  return marks;
}
