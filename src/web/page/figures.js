// Five figures over the last minutes. What is estimated from this one node's view says so.

import { Chart } from './chart.js';
import { amount, count, decimal, span } from './format.js';
import { json } from './server.js';
import { Sampler, timeline } from './spread.js';

/** Milliseconds between two looks at this node's counters. */
const STEP = 2_000;

/** What rates are averaged over, in milliseconds; copies for longer, as few messages may come. */
const SMOOTH = 20_000;
const LONG = 60_000;

/** A rate of fewer milliseconds than this would be chance; and what a stream brings at first it had kept, so that it is no rate. */
const LEAST = 5_000;
const CATCHING_UP = 1_000;

export function showFigures(store, connected) {
  const parent = document.getElementById('figures');
  const rate = new Chart(parent, {
    id: 'figure-rate',
    title: 'Messages per second',
    explain: 'Books and users’ messages that were new to this node, averaged over 20 s',
    form: 'line',
    floor: 0.5,
    write: (value) => `${decimal(value)} per second`,
  });
  const cost = new Chart(parent, {
    id: 'figure-cost',
    title: 'Transmissions per message',
    explain: 'An estimate, as if every node received as many copies as this one did in the last minute; each but the origin must receive one',
    form: 'line',
    write: (value) => decimal(value),
  });
  const last = new Chart(parent, {
    id: 'figure-last',
    title: 'Time to the last node',
    explain: 'Of sampled messages, by the nodes’ own clocks',
    form: 'bars',
    write: (value) => span(value),
  });
  const repairs = new Chart(parent, {
    id: 'figure-repairs',
    title: 'Repairs',
    explain: 'Messages that this node got by comparing with a peer',
    form: 'bars',
    write: (value) => count(value, 'repair'),
  });
  const peers = new Chart(parent, {
    id: 'figure-peers',
    title: 'Peers',
    explain: 'Links of this node',
    form: 'steps',
    floor: 3,
    write: (value) => count(value, 'peer'),
  });
  const charts = [rate, cost, last, repairs, peers];
  const seen = counting(store);
  rate.say('–', '', 'measuring …');
  last.say('–', '', 'no sample yet');
  cost.say('–', '', 'nothing received yet');

  new Sampler(store, (spread) => {
    const { hops, last: took, held, live } = timeline(spread);
    if (hops.length === 0 || held < live) return;
    last.add(took);
    const worst = Math.max(...last.points.map((point) => point.value));
    last.say(...split(span(took)), `longest of ${count(last.points.length, 'sample')}: ${span(worst)}`);
    last.draw();
  });

  let history = [];
  const look = async () => {
    if (document.hidden || !connected()) return;
    const began = history;
    try {
      const digest = await json('state?digest');
      // An answer that was asked for before the stream began again belongs to what is no longer drawn on.
      if (began !== history) return;
      history.push({ at: Date.now(), ...digest });
    } catch {
      // The stream says when the node is away.
      return;
    }
    while (history.length > 1 && history[0].at < Date.now() - LONG) history.shift();
    // A process that began anew counts from zero.
    const boot = history.at(-1).boot;
    if (history.some((digest) => digest.boot !== boot)) history.splice(0, history.length - 1);
    tell(store, { rate, cost, repairs, peers }, history, seen);
    for (const chart of charts) chart.draw();
  };
  for (const chart of charts) chart.draw();
  setInterval(() => {
    // What is drawn goes on its way also while nothing can be measured.
    for (const chart of charts) chart.draw();
    look();
  }, STEP);
  return {
    /** The stream began, or began again: what was missed meanwhile is not drawn. */
    began() {
      for (const chart of charts) chart.interrupt();
      history = [];
      seen.begin();
      look();
    },
  };
}

/** Counts events per kind over the last seconds, from when the stream began. */
function counting(store) {
  const times = { state: [], message: [] };
  for (const kind of ['state', 'message']) {
    store.on(kind, (data) => {
      if (kind === 'message' || String(data.node) !== store.me) times[kind].push(Date.now());
    });
  }
  let began = Infinity;
  return {
    begin() {
      began = Date.now() + CATCHING_UP;
    },
    /** Events per second; nothing while there are too few seconds. */
    rate(kind) {
      const now = Date.now();
      const from = Math.max(began, now - SMOOTH);
      times[kind] = times[kind].filter((at) => at >= from);
      return now - from < LEAST ? null : (times[kind].length * 1000) / (now - from);
    },
  };
}

function tell(store, charts, history, seen) {
  const [oldest, before, now] = [history[0], history.at(-2) ?? history[0], history.at(-1)];
  const [books, messages] = [seen.rate('state'), seen.rate('message')];
  if (books !== null) {
    charts.rate.add(books + messages);
    charts.rate.say(decimal(books + messages), '/s', `${amount(books, 'book')}, ${amount(messages, 'message')}`);
  }

  const received = now.counters.new - oldest.counters.new;
  const copies = received + now.counters.duplicate - oldest.counters.duplicate;
  const others = Math.max(0, store.live() - 1);
  if (received > 0 && others > 0) {
    const estimate = (copies / received) * others;
    charts.cost.add(estimate);
    const shown = decimal(estimate, estimate < 100 ? 1 : 0);
    charts.cost.say(`≈ ${shown}`, 'estimated', `the fewest possible: ${decimal(others, 0)}`);
  }

  charts.repairs.add(Math.max(0, now.counters.repaired - before.counters.repaired));
  const total = charts.repairs.points.reduce((sum, point) => sum + point.value, 0);
  charts.repairs.say(decimal(total), '', `in 5 min; ${decimal(now.counters.repaired)} since the start`);

  charts.peers.add(now.peers.length);
  const failures = now.counters.failures;
  charts.peers.say(String(now.peers.length), `of ${now.max_peers}`, failures === 0 ? 'no call failed' : `${count(failures, 'call')} failed since the start`);
}

/** A figure and its unit apart. */
function split(text) {
  const [value, unit] = text.split(' ');
  return [value, unit ?? ''];
}
