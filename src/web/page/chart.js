// One small chart over the last minutes: a line, steps or bars, with the value under the pointer.

import { count, drawing, make } from './format.js';

/** What the charts look back over, in milliseconds; a page that was just opened begins with the shortest that holds all it saw. */
const WINDOWS = [60_000, 120_000, 300_000];
const LONGEST = WINDOWS.at(-1);

/** Points further apart than this have a time between them in which nothing was measured. */
const GAP = 7_000;

const OPENED = Date.now();

const [WIDTH, HEIGHT] = [200, 44];

export class Chart {
  #options;
  #points = [];
  #broken = false;
  #window = WINDOWS[0];
  #axis = make('span', { class: 'axis', 'aria-hidden': 'true' });
  #value = make('p', { class: 'value' });
  #note = make('p', { class: 'note' });
  #svg;
  #pointed = null;
  #text = { value: '–', unit: '', note: '' };

  /**
   * @param options `title`, `form` (line, steps or bars), `write` (a value as text), `floor` (least upper end of the scale)
   */
  constructor(parent, options) {
    this.#options = options;
    this.#svg = drawing('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' });
    this.#svg.addEventListener('pointermove', (event) => {
      const box = this.#svg.getBoundingClientRect();
      this.#pointed = (event.clientX - box.left) / box.width;
      this.draw();
    });
    this.#svg.addEventListener('pointerleave', () => {
      this.#pointed = null;
      this.draw();
    });
    parent.append(make('div', { class: 'figure', id: options.id }, make('h2', { title: options.explain }, options.title), this.#value, make('div', { class: 'plot' }, this.#svg, this.#axis), this.#note));
  }

  /** Adds a point; old ones go. */
  add(value, at = Date.now()) {
    const last = this.#points.at(-1);
    // What happened between two points that are far apart is not known, and no line may say so.
    const begins = !last || this.#broken || at - last.at > GAP;
    this.#points.push({ at, value, begins });
    this.#broken = false;
    while (this.#points.length > 0 && this.#points[0].at < at - LONGEST) this.#points.shift();
  }

  /** What comes next does not go on from here. */
  interrupt() {
    this.#broken = true;
  }

  get points() {
    return this.#points;
  }

  /** The large figure, its unit, and the line below. */
  say(value, unit, note) {
    this.#text = { value, unit, note };
  }

  draw() {
    const now = Date.now();
    this.#window = WINDOWS.find((window) => now - OPENED <= window) ?? LONGEST;
    const top = Math.max(this.#options.floor ?? 1, ...this.#points.map((point) => point.value)) * 1.08;
    const x = (at) => WIDTH * (1 - (now - at) / this.#window);
    const y = (value) => HEIGHT - 1 - (HEIGHT - 3) * (value / top);
    const parts = [drawing('line', { class: 'base', x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 })];
    const points = this.#points.filter((point) => point.at >= now - this.#window);
    if (this.#options.form === 'bars') {
      for (const { at, value } of points.filter((point) => point.value > 0)) {
        parts.push(drawing('rect', { class: 'bar', x: x(at) - 1.5, width: 3, y: y(value), height: HEIGHT - 1 - y(value) }));
      }
    } else {
      for (const piece of pieces(points)) {
        const line = this.#line(piece, x, y);
        parts.push(drawing('path', { class: 'area', d: `${line} V${HEIGHT - 1} H${x(piece[0].at).toFixed(1)} Z` }));
        parts.push(drawing('path', { class: 'line', d: line }));
      }
    }
    const pointed = this.#pointedAt(points, now);
    if (pointed) parts.push(drawing('line', { class: 'cursor', x1: x(pointed.at), x2: x(pointed.at), y1: 0, y2: HEIGHT }));
    this.#svg.replaceChildren(...parts);
    this.#axis.textContent = `${this.#window / 60_000} min`;
    const { value, unit, note } = this.#text;
    this.#value.replaceChildren(value, unit ? make('small', {}, unit) : '');
    const shown = pointed ? `${this.#options.write(pointed.value)}, ${Math.round((now - pointed.at) / 1000)} s ago` : note;
    if (this.#note.textContent !== shown) this.#note.textContent = shown;
    this.#note.title = note;
    this.#svg.setAttribute('aria-label', this.#describe(points));
  }

  #line(points, x, y) {
    const to = (point) => `${x(point.at).toFixed(1)} ${y(point.value).toFixed(1)}`;
    if (this.#options.form !== 'steps') return `M${points.map(to).join('L')}`;
    let line = `M${to(points[0])}`;
    for (const point of points.slice(1)) line += `H${x(point.at).toFixed(1)}V${y(point.value).toFixed(1)}`;
    return line;
  }

  #pointedAt(points, now) {
    if (this.#pointed === null || points.length === 0) return null;
    const at = now - this.#window * (1 - this.#pointed);
    return points.reduce((best, point) => (Math.abs(point.at - at) < Math.abs(best.at - at) ? point : best));
  }

  #describe(points) {
    if (points.length === 0) return `${this.#options.title}: nothing yet`;
    const values = points.map((point) => point.value);
    const write = this.#options.write;
    return `${this.#options.title} over the last ${count(this.#window / 60_000, 'minute')}: now ${this.#text.value} ${this.#text.unit}, least ${write(Math.min(...values))}, most ${write(Math.max(...values))}`;
  }
}

/** The points up to each gap. */
function pieces(points) {
  const found = [];
  for (const point of points) {
    if (point.begins || found.length === 0) found.push([point]);
    else found.at(-1).push(point);
  }
  return found;
}
