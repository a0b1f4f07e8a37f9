// The forms of nodes on a canvas. Each status has one of its own, so that nobody needs the colour; the legend has the same.

/** Traces the outline of a node, ready to be filled and stroked. */
export function outline(context, x, y, radius, status) {
  context.beginPath();
  if (status === 'suspect') corners(context, x, y, radius * 1.25, 4, -Math.PI / 2);
  else if (status === 'unverified') corners(context, x, y, radius * 1.12, 6, 0);
  else if (status === 'down') context.rect(x - radius * 0.85, y - radius * 0.85, radius * 1.7, radius * 1.7);
  else context.arc(x, y, radius, 0, 2 * Math.PI);
}

function corners(context, x, y, reach, number, first) {
  for (let i = 0; i < number; i += 1) {
    const angle = first + (2 * Math.PI * i) / number;
    context.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
  }
  context.closePath();
}

/** The cross in a node that is down. */
export function cross(context, x, y, reach) {
  context.beginPath();
  context.moveTo(x - reach, y - reach);
  context.lineTo(x + reach, y + reach);
  context.moveTo(x + reach, y - reach);
  context.lineTo(x - reach, y + reach);
  context.stroke();
}

/** A ring around a node. */
export function ring(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

/** A disc without an outline. */
export function disc(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
