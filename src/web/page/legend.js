// What the marks of the graph mean, just now: colours say one thing of a network, and another of a message that is chosen.

import { graphGlyph, make, pathGlyph, STATUSES } from './format.js';
import { markedPaths } from './store.js';

const MARKS = { first: 'first arrival', shortest: 'shortest way', longest: 'longest way' };

/** Keeps the legend, and the line above that counts the nodes. */
export function showLegend(store) {
  const legend = document.getElementById('legend');
  let drawn = '';
  store.watch(['nodes', 'messages', 'chosen-message'], () => {
    const counts = new Map(STATUSES.map((status) => [status, 0]));
    for (const node of store.nodes.values()) counts.set(node.status, (counts.get(node.status) ?? 0) + 1);
    const present = [...counts].filter(([, number]) => number > 0);
    const message = store.messages.get(store.chosenMessage);
    const marks = message ? [...markedPaths(message).values()].flat() : [];
    const others = message ? message.paths.length > markedPaths(message).size : false;
    const wanted = JSON.stringify([present, message?.kind, marks, others]);
    if (wanted === drawn) return;
    drawn = wanted;
    legend.replaceChildren(...(message ? ofMessage(message, present, marks, others) : ofNetwork(present)));
    const head = present.map(([status, number]) => make('span', {}, make('b', {}, String(number)), ` ${status}`));
    document.getElementById('counts').replaceChildren(...head);
  });
}

function ofNetwork(present) {
  return [entry('own', 'this node'), ...present.map(([status, number]) => entry(status, `${number} ${status}`))];
}

/** Where a message is shown, only what is wrong with a node is told of it beside the message. */
function ofMessage(message, present, marks, others) {
  const whole = message.kind === 'message';
  const wrong = present.filter(([status]) => status !== 'alive');
  return [
    entry('holds', whole ? 'holds it' : 'on its way here'),
    ...(whole ? [entry('alive', 'not yet')] : []),
    entry('origin', 'origin'),
    entry('around', 'this node'),
    ...(whole ? [entry('spread', 'how it spread')] : []),
    ...Object.entries(MARKS)
      .filter(([mark]) => marks.includes(mark))
      .map(([mark, name]) => make('li', { class: `of-${mark}` }, pathGlyph(mark), make('span', { class: 'muted' }, name))),
    ...(others ? [entry('other', 'other ways')] : []),
    ...wrong.map(([status, number]) => entry(status, `${number} ${status}`)),
  ];
}

function entry(mark, words) {
  return make('li', { class: `of-status-${mark}` }, graphGlyph(mark), make('span', { class: 'muted' }, words));
}
