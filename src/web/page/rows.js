// Long lists of rows of one height, of which only those in sight stand in the document.

import { drawing, make } from './format.js';

/** Rows drawn above and below what is in sight. */
const MARGIN = 8;

export class Rows {
  #scroller;
  #top;
  #bottom;
  #height;
  #create;
  #fill;
  #rows = [];
  #shown = new Map();
  #waiting = false;

  /**
   * @param scroller the element that scrolls
   * @param top, bottom elements before and after the rows, which take the room of those out of sight
   * @param height of a row in pixels, asked for each time, as it may follow the width of the window
   * @param create makes an element for a row
   * @param fill writes a row into its element; called again when the row may have changed
   */
  constructor({ scroller, top, bottom, height, create, fill }) {
    this.#scroller = scroller;
    this.#top = top;
    this.#bottom = bottom;
    this.#height = height;
    this.#create = create;
    this.#fill = fill;
    scroller.addEventListener('scroll', () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#soon()).observe(scroller);
  }

  get rows() {
    return this.#rows;
  }

  /** Shows these rows; each has a `key`. */
  set(rows) {
    this.#rows = rows;
    this.draw();
  }

  /** The element of a row, if it is in sight. */
  element(key) {
    return this.#shown.get(key);
  }

  /** Scrolls so that a row is in sight. */
  reveal(index) {
    const height = this.#height();
    const top = index * height;
    const box = this.#scroller;
    const head = box.querySelector('thead')?.offsetHeight ?? 0;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + height + head > box.scrollTop + box.clientHeight) {
      box.scrollTop = top + height + head - box.clientHeight;
    }
    this.draw();
  }

  #soon() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.draw();
    });
  }

  draw() {
    const box = this.#scroller;
    if (box.clientHeight === 0) return;
    const height = this.#height();
    const first = Math.max(0, Math.floor(box.scrollTop / height) - MARGIN);
    const last = Math.min(this.#rows.length, Math.ceil((box.scrollTop + box.clientHeight) / height) + MARGIN);
    const wanted = this.#rows.slice(first, last);
    const keys = new Set(wanted.map((row) => row.key));
    for (const [key, element] of this.#shown) {
      // What has the focus stays, or the keyboard would lose its place.
      if (!keys.has(key) && !element.contains(document.activeElement)) {
        element.remove();
        this.#shown.delete(key);
      }
    }
    let before = this.#top;
    wanted.forEach((row, i) => {
      let element = this.#shown.get(row.key);
      if (!element) {
        element = this.#create(row);
        this.#shown.set(row.key, element);
      }
      this.#fill(element, row, first + i);
      if (before.nextElementSibling !== element) before.after(element);
      before = element;
    });
    this.#top.style.height = `${first * height}px`;
    this.#bottom.style.height = `${Math.max(0, this.#rows.length - last) * height}px`;
  }
}

/** The rows of a table: the room of those out of sight is taken by rows of its own. */
export function tableRows(body, scroller, columns, fill, choose) {
  const space = () => {
    const row = make('tr', { 'aria-hidden': 'true' }, make('td', { class: 'space', colspan: columns.length }));
    body.append(row);
    return row.firstElementChild;
  };
  const [top, bottom] = [space(), space()];
  const rows = new Rows({
    scroller,
    // The height stands at the cell, the place in the document at the row.
    top: proxy(top),
    bottom: proxy(bottom),
    height: () => Number.parseInt(getComputedStyle(document.documentElement).getPropertyValue('--row'), 10) || 38,
    create: (row) => {
      const element = make('tr', { class: 'item' }, ...columns.map((column) => make('td', { class: column.class })));
      element.addEventListener('click', () => choose(row.key));
      return element;
    },
    fill,
  });
  return rows;
}

function proxy(cell) {
  const row = cell.parentElement;
  return {
    style: cell.style,
    get nextElementSibling() {
      return row.nextElementSibling;
    },
    after: (element) => row.after(element),
  };
}

/** The head of a table whose columns can be sorted by. */
export function sortableHead(head, columns, order, changed) {
  const cells = columns.map((column) => {
    const arrow = drawing('svg', { viewBox: '0 0 8 8', width: 8, height: 8, class: 'order', 'aria-hidden': 'true' }, drawing('path', { d: 'M4 1 7.5 7h-7Z', fill: 'currentColor' }));
    const button = make('button', { type: 'button', 'data-column': column.name }, make('span', { class: 'label' }, column.title), arrow);
    const cell = make('th', { class: column.class, scope: 'col' }, button);
    button.addEventListener('click', () => {
      order.descending = order.column === column.name ? !order.descending : column.descending === true;
      order.column = column.name;
      show();
      changed();
    });
    return cell;
  });
  const show = () => {
    columns.forEach((column, i) => {
      const chosen = order.column === column.name;
      if (chosen) cells[i].setAttribute('aria-sort', order.descending ? 'descending' : 'ascending');
      else cells[i].removeAttribute('aria-sort');
      cells[i].querySelector('.order').style.transform = chosen && order.descending ? 'rotate(180deg)' : '';
    });
  };
  head.replaceChildren(...cells);
  show();
}

/** Marks a row as just changed, again if it changes again. */
export function flash(element, changedAt) {
  const fresh = changedAt > 0 && performance.now() - changedAt < 1_800;
  if (!fresh) {
    element.classList.remove('changed');
    return;
  }
  if (element.dataset.changed === String(changedAt)) return;
  element.dataset.changed = String(changedAt);
  element.classList.remove('changed');
  // The browser starts the animation anew only if it saw the row without it.
  void element.offsetWidth;
  element.classList.add('changed');
}
