// A quadtree of point masses in flat arrays, for forces between all pairs in n log n (Barnes and Hut, Nature 324, 1986).

/** Deeper than this, points count as one place: they differ by less than anyone can see. */
const MAX_DEPTH = 24;

export class Quadtree {
  #child = new Int32Array(0);
  #mass = new Float64Array(0);
  #x = new Float64Array(0);
  #y = new Float64Array(0);
  #size = new Float64Array(0);
  #used = 0;
  #stack = new Int32Array(512);

  /** Builds the tree anew from the first `count` points. */
  build(xs, ys, count) {
    this.#reserve(8 * count + 64);
    this.#used = 0;
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < count; i += 1) {
      left = Math.min(left, xs[i]);
      right = Math.max(right, xs[i]);
      top = Math.min(top, ys[i]);
      bottom = Math.max(bottom, ys[i]);
    }
    if (count === 0) return;
    const size = Math.max(right - left, bottom - top, 1) * 1.001;
    const root = this.#cell(size);
    for (let i = 0; i < count; i += 1) this.#insert(root, xs, ys, i, left, top, size);
    this.#weigh(root, xs, ys);
  }

  /**
   * Adds up the push on one point: `strength` divided by the distance, from each other mass; cells that look smaller than
   * `theta` count as one mass.
   * @returns the push in `out[0]`, `out[1]`
   */
  push(x, y, self, strength, theta, xs, ys, out) {
    let [fx, fy] = [0, 0];
    let depth = 0;
    const stack = this.#stack;
    if (this.#used > 0) stack[depth++] = 0;
    while (depth > 0) {
      const cell = stack[--depth];
      if (this.#mass[cell] === 0) continue;
      const [dx, dy] = [x - this.#x[cell], y - this.#y[cell]];
      const square = dx * dx + dy * dy;
      if (this.#size[cell] * this.#size[cell] < theta * theta * square) {
        const weight = (strength * this.#mass[cell]) / square;
        fx += dx * weight;
        fy += dy * weight;
        continue;
      }
      for (let quarter = 0; quarter < 4; quarter += 1) {
        const child = this.#child[4 * cell + quarter];
        if (child >= 0) stack[depth++] = child;
        else if (child < -1) {
          const other = -2 - child;
          if (other === self) continue;
          const [ox, oy] = [x - xs[other], y - ys[other]];
          const weight = strength / Math.max(ox * ox + oy * oy, 1);
          fx += ox * weight;
          fy += oy * weight;
        }
      }
    }
    out[0] = fx;
    out[1] = fy;
  }

  #reserve(cells) {
    if (this.#mass.length >= cells) return;
    this.#child = new Int32Array(4 * cells);
    this.#mass = new Float64Array(cells);
    this.#x = new Float64Array(cells);
    this.#y = new Float64Array(cells);
    this.#size = new Float64Array(cells);
  }

  /** A new cell; -1 stands for an empty quarter, -2 - i for point i, others for cells. */
  #cell(size) {
    const cell = this.#used++;
    if (cell >= this.#mass.length) this.#grow();
    this.#child.fill(-1, 4 * cell, 4 * cell + 4);
    this.#mass[cell] = 0;
    this.#size[cell] = size;
    return cell;
  }

  #grow() {
    const larger = (array, Kind) => {
      const copy = new Kind(array.length * 2);
      copy.set(array);
      return copy;
    };
    this.#child = larger(this.#child, Int32Array);
    this.#mass = larger(this.#mass, Float64Array);
    this.#x = larger(this.#x, Float64Array);
    this.#y = larger(this.#y, Float64Array);
    this.#size = larger(this.#size, Float64Array);
  }

  #insert(root, xs, ys, i, left, top, size) {
    let cell = root;
    for (let depth = 0; ; depth += 1) {
      size /= 2;
      const right = xs[i] >= left + size;
      const lower = ys[i] >= top + size;
      const place = 4 * cell + (right ? 1 : 0) + (lower ? 2 : 0);
      if (right) left += size;
      if (lower) top += size;
      const there = this.#child[place];
      if (there === -1) {
        this.#child[place] = -2 - i;
        return;
      }
      if (there >= 0) {
        cell = there;
        continue;
      }
      // Two points of one place: the later one is left out, its own push still counts.
      if (depth >= MAX_DEPTH) return;
      const inner = this.#cell(size);
      this.#child[place] = inner;
      const other = -2 - there;
      const at = 4 * inner + (xs[other] >= left + size / 2 ? 1 : 0) + (ys[other] >= top + size / 2 ? 2 : 0);
      this.#child[at] = there;
      cell = inner;
    }
  }

  /** Mass and its centre; children were made after their parents, so that one pass backwards is enough. */
  #weigh(root, xs, ys) {
    for (let cell = this.#used - 1; cell >= root; cell -= 1) {
      let [mass, x, y] = [0, 0, 0];
      for (let quarter = 0; quarter < 4; quarter += 1) {
        const child = this.#child[4 * cell + quarter];
        if (child >= 0) {
          mass += this.#mass[child];
          x += this.#x[child] * this.#mass[child];
          y += this.#y[child] * this.#mass[child];
        } else if (child < -1) {
          mass += 1;
          x += xs[-2 - child];
          y += ys[-2 - child];
        }
      }
      this.#mass[cell] = mass;
      this.#x[cell] = mass > 0 ? x / mass : 0;
      this.#y[cell] = mass > 0 ? y / mass : 0;
    }
  }
}
