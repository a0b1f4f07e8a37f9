// The card of the chosen node: beside it on the graph, and below the graph where that is narrow.

import { addressOf, age, clockTime, count, fillPayload, make, statusLabel } from './format.js';
import { reveal } from './reveal.js';

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
    const opened = shownNode !== node.id;
    if (opened) {
      const place = graph.placeOf(node.id);
      card.classList.toggle('right', place !== null && place[0] < card.parentElement.clientWidth / 2);
    }
    shownNode = node.id;
    shown = state;
    const close = make('button', { type: 'button', 'aria-label': 'Close the card', title: 'Close' }, '✕');
    close.addEventListener('click', () => store.chooseNode(null));
    const list = make('dl', {});
    const add = (name, ...value) => list.append(make('dt', {}, name), make('dd', {}, ...value));
    add('Status', statusLabel(node.status), node.since ? make('span', { class: 'muted' }, ` for ${age(Date.now() - node.since)}`) : '');
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
    // Chosen elsewhere, the node is only marked, and the page stays where it is.
    if (opened && document.activeElement?.id === 'graph') reveal(card);
  };
  store.watch(['nodes', 'links', 'chosen-node'], draw);
  card.addEventListener('focusout', () => setTimeout(draw));
  card.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') store.chooseNode(null);
  });
}
