// Mouse, finger and wheel on the graph: choosing, dragging, moving the view, zooming.

/** A press that moved less than this is a click. */
const STILL = 5;

export function handlePointer(canvas, graph) {
  const pressed = new Map();
  let drag = null;

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const spread = () => {
    const [a, b] = [...pressed.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  };
  const middle = () => {
    const [a, b] = [...pressed.values()];
    return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  };

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button > 0) return;
    canvas.setPointerCapture(event.pointerId);
    const at = place(event);
    pressed.set(event.pointerId, at);
    if (pressed.size === 1) drag = { key: graph.nodeAt(...at), from: at, at, moved: false };
    else if (pressed.size === 2) drag = { key: null, pinch: spread(), from: at, at, moved: true };
  });

  canvas.addEventListener('pointermove', (event) => {
    const at = place(event);
    if (!pressed.has(event.pointerId)) {
      const key = event.pointerType === 'touch' ? null : graph.nodeAt(...at);
      canvas.classList.toggle('over', key !== null);
      graph.hover(key);
      return;
    }
    pressed.set(event.pointerId, at);
    if (!drag) return;
    if (pressed.size === 2 && drag.pinch) {
      const now = spread();
      graph.zoom(now / drag.pinch, ...middle());
      drag.pinch = now;
      return;
    }
    if (!drag.moved && Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) < STILL) return;
    drag.moved = true;
    canvas.classList.add('dragging');
    if (drag.key === null) graph.pan(at[0] - drag.at[0], at[1] - drag.at[1]);
    else graph.moveNode(drag.key, ...at);
    drag.at = at;
  });

  const end = (event) => {
    if (!pressed.delete(event.pointerId)) return;
    if (drag && !drag.moved && event.type === 'pointerup') graph.choose(drag.key);
    if (pressed.size === 0) drag = null;
    canvas.classList.remove('dragging');
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', end);
  canvas.addEventListener('pointerleave', () => pressed.size === 0 && graph.hover(null));

  canvas.addEventListener('dblclick', (event) => {
    const key = graph.nodeAt(...place(event));
    if (key === null) graph.zoom(1.6, ...place(event));
    else graph.release(key);
  });

  canvas.addEventListener('wheel', (event) => {
    // Whoever only scrolls past shall not be caught by the graph.
    const meant = event.ctrlKey || event.metaKey || document.activeElement === canvas;
    if (!meant) {
      graph.note('Click the graph, or hold Ctrl, to zoom with the wheel.');
      return;
    }
    event.preventDefault();
    graph.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...place(event));
  }, { passive: false });

  // One finger on empty ground scrolls the page; on a node it moves the node, two zoom.
  canvas.addEventListener('touchstart', (event) => {
    const touch = event.touches[0];
    if (event.touches.length > 1 || graph.nodeAt(...place(touch)) !== null) event.preventDefault();
  }, { passive: false });
}
