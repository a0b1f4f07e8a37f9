// The network as a table, for those who cannot see the graph.

import { compareIds, make, statusLabel, STATUSES } from './format.js';
import { sortableHead, tableRows } from './rows.js';

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
    name.replaceChildren(make('span', { class: 'name' }, row.key));
    if (row.key === store.me) name.append(make('span', { class: 'own' }, 'this node'));
    element.classList.toggle('own-row', row.key === store.me);
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
    for (const id of ['view', 'tools', 'books-shown']) document.getElementById(id).hidden = table;
    graphButton.setAttribute('aria-pressed', !table);
    tableButton.setAttribute('aria-pressed', table);
    draw();
  };
  graphButton.addEventListener('click', () => show(false));
  tableButton.addEventListener('click', () => show(true));
}
