// The list of messages with its filters, and the field to send one.

import { age, count, make } from './format.js';
import { flash, Rows } from './rows.js';
import { json, mayAsk, post } from './server.js';
import { announce, toast } from './announce.js';
import { revealGraph } from './reveal.js';

/** Height of a row, as in the style sheet. */
const HEIGHT = 58;

/** Messages asked for when someone wants to see older ones. */
const OLDER = 5_000;

/** Messages in a full snapshot of the stream. */
const SNAPSHOT = 100;

/** Uuids in one request that marks as read: stays well below the largest body. */
const MARKED_AT_ONCE = 500;

export function showMessages(store) {
  const find = (id) => document.getElementById(id);
  const [search, kind, read] = [find('message-search'), find('message-kind'), find('message-read')];
  const [scroller, empty, more] = [find('message-scroll'), find('message-empty'), find('message-more')];
  let asked = { message: false, state: false };

  const choose = (uuid) => {
    store.chooseMessage(uuid);
    const message = store.messages.get(uuid);
    // Whoever may only read is not asked for a token by opening a message.
    if (message && !message.read) markRead([uuid], { quiet: true });
  };
  // Whoever means one message wants to see it on the graph; whoever walks through the list with keys stays in the list.
  const open = (uuid) => {
    choose(uuid);
    // The views draw what was chosen in the frame that was asked for first.
    requestAnimationFrame(revealGraph);
  };
  const rows = new Rows({
    scroller,
    top: find('message-top'),
    bottom: find('message-bottom'),
    height: () => HEIGHT,
    create: (row) => create(row.message, open),
    fill: (element, row, index) => fill(element, row.message, index, rows.rows.length, store),
  });

  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    let unread = 0;
    for (const message of store.messages.values()) {
      if (message.kind === 'message' && !message.read) unread += 1;
      if (takes(message, words)) found.push({ key: message.uuid, message });
    }
    found.reverse();
    rows.set(found);
    empty.hidden = found.length > 0;
    scroller.hidden = found.length === 0;
    empty.textContent = emptyText(words);
    find('unread').hidden = find('read-all').hidden = unread === 0;
    find('unread').textContent = `${unread} unread`;
    more.hidden = asked[kind.value === 'state' ? 'state' : 'message'] || store.me === null;
    const chosen = rows.element(store.chosenMessage);
    if (chosen) scroller.setAttribute('aria-activedescendant', chosen.id);
    else scroller.removeAttribute('aria-activedescendant');
  };

  const takes = (message, words) => {
    if (kind.value !== 'all' && message.kind !== kind.value) return false;
    // What was just opened stays in sight, though it is no longer unread.
    if (message.uuid !== store.chosenMessage && message.kind === 'message') {
      if (read.value === 'unread' && message.read) return false;
      if (read.value === 'read' && !message.read) return false;
    }
    if (words.length === 0) return true;
    const text = message.said.text.toLowerCase();
    // A digit or two would be found in nearly every uuid.
    const named = (word) => message.origin === word || (word.length >= 4 && message.uuid.startsWith(word));
    return words.every((word) => text.includes(word) || named(word));
  };

  const emptyText = (words) => {
    if (words.length > 0 || read.value !== 'all') return 'No message matches.';
    return kind.value === 'message' ? 'No message yet. Send the first one.' : 'Nothing has come since the page was opened.';
  };

  for (const control of [search, kind, read]) {
    control.addEventListener('input', () => {
      scroller.scrollTop = 0;
      draw();
    });
  }

  scroller.addEventListener('keydown', (event) => {
    const all = rows.rows;
    if (all.length === 0) return;
    const at = all.findIndex((row) => row.key === store.chosenMessage);
    const page = Math.max(1, Math.floor(scroller.clientHeight / HEIGHT) - 1);
    const move = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1, PageDown: at + page, PageUp: at - page };
    if (event.key === 'Escape') store.chooseMessage(null);
    else if (event.key === 'Enter' && at >= 0) open(all[at].key);
    else if (event.key in move) {
      const next = Math.min(all.length - 1, Math.max(0, move[event.key]));
      choose(all[next].key);
      rows.reveal(next);
    } else return;
    event.preventDefault();
  });

  more.addEventListener('click', () => older());
  const older = async () => {
    const wanted = kind.value === 'state' ? 'state' : 'message';
    more.disabled = true;
    try {
      store.addMessages(await json(`messages?kind=${wanted}&limit=${OLDER}`));
      asked[wanted] = true;
    } catch (error) {
      toast(`Older messages did not come: ${error.message}`);
    }
    more.disabled = false;
    draw();
  };

  find('read-all').addEventListener('click', () => {
    mayAsk();
    const unread = [...store.messages.values()].filter((message) => message.kind === 'message' && !message.read);
    markRead(unread.map((message) => message.uuid));
  });

  sendField(store, open);
  store.watch(['messages', 'chosen-message'], draw);
  // A snapshot that is not full holds all messages that there are.
  store.on('snapshot', (data) => (asked = { message: (data.messages ?? []).length < SNAPSHOT, state: false }));
  store.on('message', (data) => {
    const message = store.messages.get(data.uuid);
    if (message) announce(`Message from node ${message.origin}: ${message.said.text.slice(0, 80)}`);
  });
  setInterval(() => rows.draw(), 5_000);
}

async function markRead(uuids, options = {}) {
  try {
    for (let i = 0; i < uuids.length; i += MARKED_AT_ONCE) {
      await post('messages/read', { uuids: uuids.slice(i, i + MARKED_AT_ONCE) }, options);
    }
  } catch (error) {
    if (!options.quiet) toast(`Not marked as read: ${error.message}`);
  }
}

function sendField(store, open) {
  const form = document.getElementById('send');
  const field = document.getElementById('send-text');
  const note = document.getElementById('send-note');
  const button = form.querySelector('button');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (field.value.trim() === '') return;
    button.disabled = true;
    note.hidden = true;
    try {
      mayAsk();
      // With a uuid of the page's own, sending the same again after a lost answer makes no second message.
      field.dataset.uuid ||= freshUuid();
      const { uuid } = await post('messages', { message: field.value, uuid: field.dataset.uuid });
      delete field.dataset.uuid;
      field.value = '';
      open(uuid);
    } catch (error) {
      note.textContent = `Not sent: ${error.message}`;
      note.hidden = false;
    }
    button.disabled = false;
    field.focus({ preventScroll: true });
  });
  field.addEventListener('input', () => delete field.dataset.uuid);
}

/** A random uuid; `crypto.randomUUID` is missing on pages that come over plain HTTP from another machine. */
function freshUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function create(message, open) {
  const element = make(
    'div',
    { class: 'message', role: 'option', id: `message-${message.uuid}` },
    make('span', { class: 'text', dir: 'auto' }, message.said.text.slice(0, 300) || '(empty)'),
    make('span', { class: 'when' }),
    make('span', { class: 'ways' }),
  );
  element.addEventListener('click', () => open(message.uuid));
  return element;
}

function fill(element, message, index, size, store) {
  const [, when, ways] = element.children;
  const unread = message.kind === 'message' && !message.read;
  element.setAttribute('aria-selected', store.chosenMessage === message.uuid);
  element.setAttribute('aria-posinset', index + 1);
  element.setAttribute('aria-setsize', size);
  element.classList.toggle('unread', unread);
  when.textContent = age(Date.now() - message.at);
  ways.textContent = waysText(message, store);
  element.setAttribute('aria-label', `${unread ? 'Unread: ' : ''}${message.said.text.slice(0, 300)}. ${ways.textContent}, ${when.textContent}`);
  flash(element, message.changedAt ?? 0);
}

function waysText(message, store) {
  if (message.origin === store.me) return message.kind === 'state' ? 'drawn here' : 'sent from here';
  const hops = (message.paths[0]?.path.length ?? 1) - 1;
  const ways = message.kind === 'state' || message.paths.length < 2 ? '' : ` · ${count(message.paths.length, 'way')}`;
  return `from ${message.origin} · ${count(hops, 'hop')}${ways}`;
}
