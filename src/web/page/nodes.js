// The network as a table, for those who cannot see the graph; the legend; and the card of the chosen node.

import { addressOf, age, clockTime, compareIds, count, fillPayload, make, pathGlyph, statusGlyph, statusLabel, STATUSES } from './format.js';
import { sortableHead, tableRows } from './rows.js';
import { markedPaths } from './store.js';

const COLUMNS = [
  { name: 'node', title: 'Node', class: 'col-node' },
  { name: 'status', title: 'Status', class: 'col-status' },
  { name: 'count', title: 'Links', class: 'col-version number', descending: true },
  { name: 'links', title: 'Linked to', class: 'col-links' },
];

export function showNodeTable(store) {
  const order = { column: 'node', descending: false };
  const box = document.getElementById('node-table');
  const by = {
    node: (a, b) => compareIds(a.key, b.key),
    status: (a, b) => STATUSES.indexOf(a.node.status) - STATUSES.indexOf(b.node.status),
    count: (a, b) => a.links.length - b.links.length,
    links: (a, b) => compareIds(a.links[0] ?? '', b.links[0] ?? ''),
  };
  const choose = (key) => store.chooseNode(store.chosenNode === key ? null : key);
  const rows = tableRows(document.getElementById('node-rows'), box, COLUMNS, (element, row) => {
    const [name, status, number, links] = element.children;
    element.classList.toggle('selected', store.chosenNode === row.key);
    name.textContent = row.key;
    if (row.key === store.me) name.append(make('span', { class: 'own' }, 'this node'));
    status.replaceChildren(statusLabel(row.node.status));
    number.textContent = row.links.length;
    links.textContent = row.links.join(', ') || (store.unreached.has(row.key) ? 'not reached' : 'none');
    links.title = links.textContent;
  }, choose);
  const draw = () => {
    if (box.hidden) return;
    const links = new Map([...store.nodes.keys()].map((key) => [key, []]));
    for (const [a, b] of store.links) {
      links.get(a)?.push(b);
      links.get(b)?.push(a);
    }
    const found = [...store.nodes].map(([key, node]) => ({ key, node, links: links.get(key).sort(compareIds) }));
    const sign = order.descending ? -1 : 1;
    rows.set(found.sort((a, b) => sign * by[order.column](a, b) || compareIds(a.key, b.key)));
  };
  sortableHead(document.getElementById('node-head'), COLUMNS, order, draw);
  store.watch(['nodes', 'links', 'chosen-node'], draw);

  const [graphButton, tableButton] = [document.getElementById('as-graph'), document.getElementById('as-table')];
  const show = (table) => {
    box.hidden = !table;
    document.getElementById('stage').hidden = table;
    graphButton.setAttribute('aria-pressed', !table);
    tableButton.setAttribute('aria-pressed', table);
    draw();
  };
  graphButton.addEventListener('click', () => show(false));
  tableButton.addEventListener('click', () => show(true));
}

export function showLegend(store) {
  const legend = document.getElementById('legend');
  let drawn = '';
  store.watch(['nodes', 'messages', 'chosen-message'], () => {
    const counts = new Map(STATUSES.map((status) => [status, 0]));
    for (const node of store.nodes.values()) counts.set(node.status, (counts.get(node.status) ?? 0) + 1);
    const message = store.messages.get(store.chosenMessage);
    const marks = message ? [...markedPaths(message).values()].flat() : [];
    const wanted = JSON.stringify([...counts, marks]);
    if (wanted === drawn) return;
    drawn = wanted;
    const items = [...counts]
      .filter(([status, number]) => number > 0 || status === 'alive')
      .map(([status, number]) => make('li', { class: `of-status-${status}` }, statusGlyph(status), make('span', { class: 'muted' }, `${number} ${status}`)));
    const names = { first: 'first arrival', shortest: 'shortest way', longest: 'longest way' };
    for (const [mark, name] of Object.entries(names).filter(([mark]) => marks.includes(mark))) {
      items.push(make('li', { class: `of-${mark}` }, pathGlyph(mark), make('span', { class: 'muted' }, name)));
    }
    legend.replaceChildren(...items);
    const head = [...counts].filter(([, number]) => number > 0).map(([status, number]) => make('span', {}, make('b', {}, String(number)), ` ${status}`));
    document.getElementById('counts').replaceChildren(...head);
  });
}

/** The card opens on the side of the graph on which its node is not. */
export function showCard(store, graph) {
  const card = document.getElementById('node-card');
  let shown = null;
  let shownNode = null;
  const draw = () => {
    const node = store.nodes.get(store.chosenNode);
    card.hidden = !node;
    if (!node) {
      shown = shownNode = null;
      return;
    }
    const links = store.neighbours(node.id);
    const state = JSON.stringify([node.id, node.status, node.version, links, node.since, store.unreached.has(node.id)]);
    if (state === shown) return;
    // A rebuilt button would lose the focus that is on it.
    if (shownNode === node.id && card.contains(document.activeElement)) return;
    if (shownNode !== node.id) {
      const place = graph.placeOf(node.id);
      card.classList.toggle('right', place !== null && place[0] < card.parentElement.clientWidth / 2);
    }
    shownNode = node.id;
    shown = state;
    const close = make('button', { type: 'button', 'aria-label': 'Close the card', title: 'Close' }, '✕');
    close.addEventListener('click', () => store.chooseNode(null));
    const list = make('dl', {});
    const add = (name, ...value) => list.append(make('dt', {}, name), make('dd', {}, ...value));
    add('Status', statusLabel(node.status), node.since ? ` for ${age(Date.now() - node.since)}` : '');
    if (node.said) {
      const said = make('span', {});
      fillPayload(said, node.said);
      add(node.said.shape === 'book' ? 'Book' : 'State', said);
      add('Version', `${node.version}, here at ${clockTime(node.updatedAt)}`);
      if (node.hops !== null && node.id !== store.me) add('Came by', count(node.hops, 'hop'));
    }
    const buttons = links.map((key) => {
      const button = make('button', { type: 'button' }, key);
      button.addEventListener('click', () => store.chooseNode(key));
      return button;
    });
    const none = store.unreached.has(node.id) ? 'not reached when the links were collected' : 'none known';
    add('Links', buttons.length > 0 ? make('span', { class: 'links' }, ...buttons) : none);
    card.replaceChildren(make('h3', {}, `Node ${node.id}`, close), list);
    if (node.conflict) card.append(make('p', { class: 'error' }, 'Another live process seems to use this id.'));
    if (node.id === store.me) card.append(make('p', { class: 'muted' }, 'The node whose page this is.'));
    else card.append(make('p', {}, make('a', { href: addressOf(node.id, location), rel: 'noreferrer' }, 'Open its page')));
  };
  store.watch(['nodes', 'links', 'chosen-node'], draw);
  card.addEventListener('focusout', () => setTimeout(draw));
  card.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') store.chooseNode(null);
  });
}
