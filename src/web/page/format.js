// How values are written for people. Everything that comes from other nodes is shown as text, never as markup.

/** Orders ids: numbers by value, others by name. */
export function compareIds(a, b) {
  const [x, y] = [Number(a), Number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}

/** How long ago something was, in one unit. */
export function age(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000);
  if (seconds < 1) return 'now';
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** A short span of time. */
export function span(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 10000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return age(milliseconds);
}

/** A time of day, with seconds. */
export function clockTime(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString(undefined, { hour12: false });
}

/** `1 node`, `2 nodes`. */
export function count(number, noun) {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/** The same with digits behind the point: `1 book`, `0.5 books`. */
export function amount(number, noun, digits = 1) {
  const text = decimal(number, digits);
  return `${text} ${noun}${text === '1' ? '' : 's'}`;
}

/** A number with at most `digits` behind the point. */
export function decimal(number, digits = 1) {
  return number.toLocaleString('en', { maximumFractionDigits: digits });
}

/** Makes control characters visible, so that no text hides what it holds. */
export function visible(text) {
  return text
    .replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

/**
 * What a payload is: a book, a message, an object of few plain values, or other JSON.
 * @returns {{shape: 'book'|'message'|'pairs'|'json', text: string, pairs?: [string, string][]}}
 */
export function describe(payload) {
  if (payload !== null && typeof payload === 'object' && !Array.isArray(payload)) {
    const members = Object.entries(payload);
    if (members.length === 1 && typeof payload.book === 'string') return { shape: 'book', text: visible(payload.book) };
    if (members.length === 1 && 'message' in payload) {
      const said = payload.message;
      return { shape: 'message', text: visible(typeof said === 'string' ? said : JSON.stringify(said)) };
    }
    const plain = members.every(([, value]) => value === null || typeof value !== 'object');
    if (plain && members.length > 0) {
      const pairs = members.map(([name, value]) => [visible(name), visible(String(value))]);
      return { shape: 'pairs', text: pairs.map(([name, value]) => `${name} ${value}`).join(', '), pairs };
    }
  }
  return { shape: 'json', text: visible(JSON.stringify(payload) ?? '') };
}

/** Fills an element with a payload in one line. */
export function fillPayload(element, said) {
  if (said.pairs) {
    const line = make('span', { class: 'pairs' });
    for (const [name, value] of said.pairs.slice(0, 8)) {
      line.append(make('span', { class: 'text' }, make('i', {}, name), value));
    }
    element.replaceChildren(line);
  } else {
    element.replaceChildren(make('span', { class: 'text', dir: 'auto' }, said.text.slice(0, 500)));
  }
  element.title = said.text.slice(0, 1000);
}

/** An element with attributes and children. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** A drawing. */
export function drawing(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** What a status looks like: each has a form of its own, beside its colour. */
export const STATUSES = ['alive', 'suspect', 'down', 'left', 'unverified'];

const GLYPHS = {
  alive: () => [drawing('circle', { class: 'full', cx: 8, cy: 8, r: 5 })],
  suspect: () => [drawing('path', { class: 'full', d: 'M8 1.5 14.5 8 8 14.5 1.5 8Z' })],
  down: () => [drawing('path', { d: 'M3 3 13 13M13 3 3 13' })],
  left: () => [drawing('circle', { class: 'dashed', cx: 8, cy: 8, r: 5.5 })],
  unverified: () => [drawing('path', { d: 'M14.5 8 11.25 13.6H4.75L1.5 8 4.75 2.4H11.25Z' })],
};

/** Marks of the graph that are no status, or are drawn there with room for a number. */
const GRAPH_GLYPHS = {
  alive: () => [drawing('circle', { cx: 8, cy: 8, r: 5.5 })],
  suspect: () => [drawing('path', { d: 'M8 1.5 14.5 8 8 14.5 1.5 8Z' })],
  down: () => [drawing('path', { d: 'M2.5 2.5H13.5V13.5H2.5ZM5.5 5.5 10.5 10.5M10.5 5.5 5.5 10.5' })],
  own: () => [drawing('circle', { class: 'full', cx: 8, cy: 8, r: 4.5 }), drawing('circle', { class: 'fine', cx: 8, cy: 8, r: 7 })],
  around: () => [drawing('circle', { class: 'fine', cx: 8, cy: 8, r: 7 })],
  holds: () => [drawing('circle', { class: 'full', cx: 8, cy: 8, r: 5.5 })],
  origin: () => [drawing('circle', { class: 'halo', cx: 8, cy: 8, r: 8 }), drawing('circle', { class: 'full', cx: 8, cy: 8, r: 4.5 })],
  spread: () => [drawing('path', { class: 'broad', d: 'M2 8H26' })],
  other: () => [drawing('path', { class: 'fine', d: 'M2 8H26' })],
};

/** The mark of a status. */
export function statusGlyph(status) {
  const parts = (GLYPHS[status] ?? GLYPHS.unverified)();
  return drawing('svg', { viewBox: '0 0 16 16', class: 'glyph', 'aria-hidden': 'true' }, ...parts);
}

/** A mark as the graph has it. */
export function graphGlyph(mark) {
  const parts = (GRAPH_GLYPHS[mark] ?? GLYPHS[mark])();
  const long = mark === 'spread' || mark === 'other';
  return drawing('svg', { viewBox: long ? '0 0 28 16' : '0 0 16 16', class: long ? 'glyph long' : 'glyph', 'aria-hidden': 'true' }, ...parts);
}

/** The mark and the name of a status. */
export function statusLabel(status) {
  return make('span', { class: `status of-status-${status}`, title: status }, statusGlyph(status), make('span', {}, status));
}

/** Dashes of the three marked paths: told apart without colour too. */
export const DASHES = { first: [], shortest: [9, 5], longest: [2, 5] };

/** A short stroke in the style of a marked path. */
export function pathGlyph(mark) {
  const line = { x1: 2, y1: 5, x2: 26, y2: 5, 'stroke-dasharray': DASHES[mark].join(' '), 'stroke-linecap': 'round' };
  return drawing('svg', { viewBox: '0 0 28 10', class: `glyph long of-${mark}`, 'aria-hidden': 'true' }, drawing('line', line));
}

/** Where a node's own page is. */
export function addressOf(id, location) {
  const name = String(id);
  const numeric = /^\d+$/.test(name);
  return numeric ? `${location.protocol}//${location.hostname}:${name}/` : `${location.protocol}//${name}/`;
}
