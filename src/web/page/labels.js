// Names beside nodes, so many as fit without lying on one another: the important ones first.

const CELL = 32;

/** Size of a name that fits into its node in no larger one. */
const SMALL = 11;

/** The places that are taken, found by a grid. */
class Taken {
  #cells = new Map();

  #each(box, visit) {
    for (let x = Math.floor(box.left / CELL); x <= Math.floor(box.right / CELL); x += 1) {
      for (let y = Math.floor(box.top / CELL); y <= Math.floor(box.bottom / CELL); y += 1) {
        if (visit(x * 100_003 + y)) return true;
      }
    }
    return false;
  }

  add(box) {
    this.#each(box, (cell) => {
      const held = this.#cells.get(cell);
      if (held) held.push(box);
      else this.#cells.set(cell, [box]);
      return false;
    });
  }

  /** Whether a box lies on one that is taken by another owner. */
  hit(box) {
    return this.#each(box, (cell) =>
      (this.#cells.get(cell) ?? []).some(
        (other) => other.owner !== box.owner && box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom,
      ),
    );
  }
}

/**
 * Finds places for labels.
 * @param nodes `{key, x, y, radius, important, crossed}` on the screen, the most important first; crossed ones have no room inside
 * @param measure the width of a text in a size
 * @param room `width` and `height` of the picture, beyond which no label reaches
 * @returns {{key: string, text: string, x: number, y: number, inside: boolean, size: number}[]}
 */
export function placeLabels(nodes, measure, size, limit, room) {
  const taken = new Taken();
  for (const { key, x, y, radius } of nodes) {
    taken.add({ owner: key, left: x - radius, right: x + radius, top: y - radius, bottom: y + radius });
  }
  const placed = [];
  for (const node of nodes) {
    if (placed.length >= limit) break;
    const fitting = [size, SMALL].find((size) => measure(node.key, size) < 2 * node.radius - 4);
    if (fitting && !node.crossed) {
      placed.push({ key: node.key, text: node.key, x: node.x, y: node.y, inside: true, size: fitting });
      continue;
    }
    const width = measure(node.key, size);
    const gap = node.radius + 4;
    const [half, line] = [width / 2, size * 0.6];
    // Above and below, a label at the edge moves inwards.
    const middle = Math.min(Math.max(node.x, half + 4), Math.max(half + 4, room.width - half - 4));
    const spots = [
      [middle, node.y + gap + line],
      [middle, node.y - gap - line],
      [node.x + gap + half, node.y],
      [node.x - gap - half, node.y],
    ];
    const boxes = spots.map(([x, y]) => ({ owner: node.key, x, y, left: x - half - 2, right: x + half + 2, top: y - line, bottom: y + line }));
    const inside = (box) => box.left >= 0 && box.right <= room.width && box.top >= 0 && box.bottom <= room.height;
    const free = boxes.find((box) => inside(box) && !taken.hit(box)) ?? (node.important ? boxes[0] : null);
    if (!free) continue;
    taken.add(free);
    placed.push({ key: node.key, text: node.key, x: free.x, y: free.y, inside: false, size });
  }
  return placed;
}
