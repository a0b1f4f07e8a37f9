// What part of the plane is in sight, and how large. Until someone moves the view, it follows the whole network.

const [NEAREST, FARTHEST] = [6, 0.05];

export class Camera {
  width = 1;
  height = 1;
  scale = 1;
  x = 0;
  y = 0;
  follows = true;

  /** From the plane to the screen. */
  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /** From the screen to the plane. */
  toPlane(x, y) {
    return [(x - this.width / 2) / this.scale + this.x, (y - this.height / 2) / this.scale + this.y];
  }

  /** Zooms around a place on the screen. */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    this.follows = false;
    const [px, py] = this.toPlane(x, y);
    this.scale = Math.min(NEAREST, Math.max(FARTHEST, this.scale * factor));
    const [qx, qy] = this.toPlane(x, y);
    this.x += px - qx;
    this.y += py - qy;
  }

  pan(dx, dy) {
    this.follows = false;
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
  }

  /** Brings a place into sight, if it is not. */
  reveal(x, y) {
    const margin = 60;
    const [sx, sy] = this.toScreen(x, y);
    const dx = Math.max(0, margin - sx) - Math.max(0, sx - this.width + margin);
    const dy = Math.max(0, margin - sy) - Math.max(0, sy - this.height + margin);
    if (dx !== 0 || dy !== 0) this.pan(dx, dy);
  }

  /** Moves a part of the way to where everything is in sight; true while there is way left. */
  follow(bounds, part) {
    if (!this.follows || !Number.isFinite(bounds.left)) return false;
    const margin = Math.min(56, this.width / 9);
    const wide = Math.max(bounds.right - bounds.left, 1);
    const high = Math.max(bounds.bottom - bounds.top, 1);
    const fitting = Math.min((this.width - 2 * margin) / wide, (this.height - 2 * margin) / high);
    const scale = Math.min(2.4, Math.max(FARTHEST, fitting));
    const [x, y] = [(bounds.left + bounds.right) / 2, (bounds.top + bounds.bottom) / 2];
    const way = Math.abs(scale / this.scale - 1) + (Math.abs(x - this.x) + Math.abs(y - this.y)) * scale * 0.01;
    if (way < 0.002) return false;
    this.scale *= (scale / this.scale) ** part;
    this.x += (x - this.x) * part;
    this.y += (y - this.y) * part;
    return true;
  }
}
