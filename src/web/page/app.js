// The page of a node, live. This file only puts the parts together: the stream fills the store, the views watch it.

import { announce, toast } from './announce.js';
import { showBooks } from './books.js';
import { showCard } from './card.js';
import { Chosen } from './chosen.js';
import { showFigures } from './figures.js';
import { Graph } from './graph.js';
import { showLegend } from './legend.js';
import { showMessages } from './messages.js';
import { showNodeTable } from './nodes.js';
import { json, mayAsk } from './server.js';
import { Store } from './store.js';
import { Stream } from './stream.js';

/** Milliseconds between two looks at the links of the whole network: each is a request to every node. */
const OVERLAY_LEAST = 5_000;
const OVERLAY_PER_NODE = 30;

/** A change is looked at this much later, as it rarely comes alone. */
const OVERLAY_SOON = 1_200;

const store = new Store();
const graph = new Graph(store);
let live = false;

showLegend(store);
showCard(store, graph);
showNodeTable(store);
showBooks(store);
showMessages(store);
new Chosen(store, graph);
const figures = showFigures(store, () => live);

store.watch(['self'], () => {
  document.getElementById('title').textContent = `Node ${store.me}`;
  document.getElementById('cluster').textContent = `cluster ${store.cluster}`;
  document.title = `${store.me} · gossip`;
});

store.on('status', (data) => {
  if (data.joined) announce(`Node ${data.node} joined`);
  else if (data.status !== 'unverified') announce(`Node ${data.node} is ${data.status === 'left' ? 'gone: it left' : data.status}`);
});
store.on('reset', (data) => {
  console.info('events were missed:', data.reason);
  toast('Some of what happened was missed. Everything was loaded anew.');
});

/* The stream, and what the reader is told of it. */

const pill = document.getElementById('link-state');
const words = document.getElementById('link-text');
const now = document.getElementById('link-now');
let again = 0;
let wasCut = false;
let cause = 'Stream cut';

function tellConnection(state, pause, refused) {
  if (state === 'live' && !live) {
    live = true;
    figures.began();
  }
  live = state === 'live';
  if (state === 'connecting' && wasCut) {
    words.textContent = `${cause}, trying …`;
    return;
  }
  pill.dataset.state = state;
  now.hidden = state !== 'cut';
  if (state === 'live') {
    words.textContent = 'Live';
    if (wasCut) toast('The stream is back.');
    wasCut = false;
    lookSoon(100);
  } else if (state === 'cut') {
    again = performance.now() + pause;
    cause = refused === 401 ? 'Token needed' : 'Stream cut';
    if (!wasCut) announce(`${cause}. What is shown may be old. Trying again by itself`);
    wasCut = true;
    countDown();
  } else {
    words.textContent = 'Connecting …';
  }
}

function countDown() {
  if (live || pill.dataset.state !== 'cut') return;
  const seconds = Math.ceil((again - performance.now()) / 1000);
  if (seconds > 0) words.textContent = `${cause}, again in ${seconds} s`;
}
setInterval(countDown, 500);

const stream = new Stream((event, data) => store.apply(event, data), tellConnection);
now.addEventListener('click', () => {
  mayAsk();
  stream.hurry();
});
window.addEventListener('online', () => stream.hurry());
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  stream.hurry();
  lookSoon(0);
});

/* The links of the whole network, for as long as someone looks. */

let looking = null;
let lookAt = Infinity;

function lookSoon(pause) {
  const at = performance.now() + pause;
  if (at >= lookAt) return;
  lookAt = at;
  clearTimeout(looking);
  looking = setTimeout(look, pause);
}

async function look() {
  lookAt = Infinity;
  if (document.hidden) return;
  if (live) {
    try {
      store.setOverlay(await json('overlay'));
    } catch (error) {
      console.info('the links of the network did not come:', error.message);
    }
  }
  lookSoon(Math.max(OVERLAY_LEAST, store.nodes.size * OVERLAY_PER_NODE));
}

for (const event of ['link', 'status', 'forgotten']) {
  store.on(event, () => lookSoon(Math.max(OVERLAY_SOON, store.nodes.size * OVERLAY_PER_NODE * 0.2)));
}

// For whoever looks at the page from the console, and for its tests.
window.gossip = { store, graph };

stream.follow();
