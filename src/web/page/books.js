// The table of books: everyone's newest state, sorted and searched.

import { age, compareIds, count, fillPayload, make, statusLabel, STATUSES } from './format.js';
import { flash, sortableHead, tableRows } from './rows.js';

const COLUMNS = [
  { name: 'node', title: 'Node', class: 'col-node' },
  { name: 'book', title: 'Book', class: 'col-book' },
  { name: 'version', title: 'Version', class: 'col-version number', descending: true },
  { name: 'age', title: 'Age', class: 'col-age number' },
  { name: 'status', title: 'Status', class: 'col-status' },
];

const BY = {
  node: (a, b) => compareIds(a.id, b.id),
  book: (a, b) => (a.said?.text ?? '').localeCompare(b.said?.text ?? ''),
  version: (a, b) => (a.version ?? 0) - (b.version ?? 0),
  age: (a, b) => (b.updatedAt ?? 0) - (a.updatedAt ?? 0),
  status: (a, b) => STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status),
};

export function showBooks(store) {
  const order = { column: 'node', descending: false };
  const search = document.getElementById('book-search');
  const scroller = document.getElementById('book-scroll');
  const empty = document.getElementById('book-empty');
  const table = document.getElementById('book-table');

  const choose = (key) => store.chooseNode(store.chosenNode === key ? null : key);
  const rows = tableRows(document.getElementById('book-rows'), scroller, COLUMNS, (element, row, index) => {
    fill(element, row.node, store, choose);
    element.setAttribute('aria-rowindex', index + 2);
  }, choose);

  const matches = (node, words) => {
    const text = `${node.id} ${node.said?.text ?? ''} ${node.status} ${node.version ?? ''}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };

  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const sign = order.descending ? -1 : 1;
    const found = [...store.nodes.values()]
      .filter((node) => matches(node, words))
      .sort((a, b) => sign * BY[order.column](a, b) || compareIds(a.id, b.id));
    rows.set(found.map((node) => ({ key: node.id, node })));
    table.setAttribute('aria-rowcount', found.length + 1);
    // Columns of ids are as wide as these need.
    const longest = Math.max(4, ...[...store.nodes.values()].map((node) => node.id.length));
    document.documentElement.style.setProperty('--id', longest);
    const all = store.nodes.size;
    document.getElementById('book-count').textContent =
      words.length > 0 ? `${found.length} of ${count(all, 'node')}` : count(all, 'node');
    empty.hidden = found.length > 0;
    empty.textContent = all === 0 ? 'Nothing is known yet.' : 'No node, book or status matches.';
  };

  sortableHead(document.getElementById('book-head'), COLUMNS, order, draw);
  search.addEventListener('input', () => {
    scroller.scrollTop = 0;
    draw();
  });
  store.watch(['nodes', 'chosen-node'], draw);
  // Ages pass without events.
  setInterval(() => (order.column === 'age' ? draw() : rows.draw()), 1_000);
}

function fill(element, node, store, choose) {
  const [name, book, version, since, status] = element.children;
  if (!name.firstChild) {
    const button = make('button', { type: 'button', class: 'plain name' }, node.id);
    button.addEventListener('click', (event) => {
      event.stopPropagation();
      choose(node.id);
    });
    name.append(button);
    if (node.id === store.me) {
      name.append(make('span', { class: 'own' }, 'this node'));
      element.classList.add('own-row');
    }
  }
  const chosen = store.chosenNode === node.id;
  element.classList.toggle('selected', chosen);
  name.firstChild.setAttribute('aria-pressed', chosen);
  if (element.said !== node.said) {
    element.said = node.said;
    if (node.said) fillPayload(book, node.said);
    else book.replaceChildren(make('span', { class: 'muted' }, 'has not spoken yet'));
  }
  setText(version, node.version === null ? '' : String(node.version));
  setText(since, node.updatedAt === null ? '' : age(Date.now() - node.updatedAt));
  if (element.dataset.status !== node.status) {
    element.dataset.status = node.status;
    status.replaceChildren(statusLabel(node.status));
  }
  flash(element, node.changedAt);
}

function setText(cell, text) {
  if (cell.textContent !== text) cell.textContent = text;
}
