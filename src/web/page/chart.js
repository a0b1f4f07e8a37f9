// One small chart over the last minutes: a line, steps or bars, with the value under the pointer.

import { drawing, make } from './format.js';

/** What the charts look back over, in milliseconds. */
export const WINDOW = 300_000;

const [WIDTH, HEIGHT] = [200, 44];

export class Chart {
  #options;
  #points = [];
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
    parent.append(make('div', { class: 'figure', id: options.id }, make('h2', { title: options.explain }, options.title), this.#value, make('div', { class: 'plot' }, this.#svg, make('span', { class: 'axis', 'aria-hidden': 'true' }, '5 min')), this.#note));
  }

  /** Adds a point; old ones go. */
  add(value, at = Date.now()) {
    this.#points.push({ at, value });
    while (this.#points.length > 0 && this.#points[0].at < at - WINDOW) this.#points.shift();
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
    const top = Math.max(this.#options.floor ?? 1, ...this.#points.map((point) => point.value)) * 1.08;
    const x = (at) => WIDTH * (1 - (now - at) / WINDOW);
    const y = (value) => HEIGHT - 1 - (HEIGHT - 3) * (value / top);
    const parts = [drawing('line', { class: 'base', x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 })];
    const points = this.#points.filter((point) => point.at >= now - WINDOW);
    if (this.#options.form === 'bars') {
      for (const { at, value } of points.filter((point) => point.value > 0)) {
        parts.push(drawing('rect', { class: 'bar', x: x(at) - 1, width: 2, y: y(value), height: HEIGHT - 1 - y(value) }));
      }
    } else if (points.length > 0) {
      const line = this.#line(points, x, y);
      parts.push(drawing('path', { class: 'area', d: `${line} V${HEIGHT - 1} H${x(points[0].at).toFixed(1)} Z` }));
      parts.push(drawing('path', { class: 'line', d: line }));
    }
    const pointed = this.#pointedAt(points, now);
    if (pointed) parts.push(drawing('line', { class: 'cursor', x1: x(pointed.at), x2: x(pointed.at), y1: 0, y2: HEIGHT }));
    this.#svg.replaceChildren(...parts);
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
    const at = now - WINDOW * (1 - this.#pointed);
    return points.reduce((best, point) => (Math.abs(point.at - at) < Math.abs(best.at - at) ? point : best));
  }

  #describe(points) {
    if (points.length === 0) return `${this.#options.title}: nothing yet`;
    const values = points.map((point) => point.value);
    const write = this.#options.write;
    return `${this.#options.title} over the last five minutes: now ${this.#text.value} ${this.#text.unit}, least ${write(Math.min(...values))}, most ${write(Math.max(...values))}`;
  }
}
