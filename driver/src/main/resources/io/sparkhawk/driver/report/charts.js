const SVG = 'http://www.w3.org/2000/svg';

// ---- Numbers and scales ----

/** Four significant digits, as in the tables. */
function measure(value) {
  if (value === null || value === undefined) return 'n/a';
  const size = Math.abs(value);
  if (size >= 1000) return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
  if (size !== 0 && size < 0.001) return value.toExponential(2).replace('e+', 'e');
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4);
}

function tickText(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return +(value / 1e9).toPrecision(3) + 'B';
  if (size >= 1e6) return +(value / 1e6).toPrecision(3) + 'M';
  if (size >= 1e4) return +(value / 1e3).toPrecision(3) + 'K';
  if (size !== 0 && size < 0.01) return value.toExponential().replace('e+', 'e');
  return (+value.toPrecision(6)).toLocaleString('en-US', { maximumFractionDigits: 4 });
}

function clock(seconds) {
  const whole = Math.round(seconds);
  const two = (n) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function niceStep(span, count, steps = [1, 2, 2.5, 5, 10]) {
  const power = 10 ** Math.floor(Math.log10(span / count));
  return power * steps.find((step) => span / (power * step) <= count + 1e-9);
}

/** Round numbers from lo to hi; with `grow` the first and last enclose lo and hi. */
function linearTicks(lo, hi, count, grow, nice = niceStep(hi - lo || Math.abs(hi) || 1, count)) {
  const first = grow ? Math.floor(lo / nice + 1e-9) : Math.ceil(lo / nice - 1e-9);
  const last = grow ? Math.ceil(hi / nice - 1e-9) : Math.floor(hi / nice + 1e-9);
  const ticks = [];
  for (let i = first; i <= Math.max(last, first + (grow ? 1 : 0)); i++) ticks.push(i * nice);
  return ticks;
}

function logTicks(lo, hi) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(lo)); power <= Math.ceil(Math.log10(hi)); power++) {
    for (const digit of [1, 2, 5]) ticks.push(digit * 10 ** power);
  }
  const below = ticks.filter((tick) => tick <= lo).pop();
  const above = ticks.find((tick) => tick >= hi);
  return ticks.filter((tick) => tick >= below && tick <= above);
}

const linear = (d0, d1, r0, r1) => (v) => r0 + ((v - d0) / (d1 - d0 || 1)) * (r1 - r0);
const log = (d0, d1, r0, r1) => {
  const scale = linear(Math.log(d0), Math.log(d1), r0, r1);
  return (v) => scale(Math.log(v));
};

// ---- Drawing ----

function svg(parent, name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

function html(parent, name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

function canvas(host, height) {
  host.replaceChildren();
  const style = getComputedStyle(host);
  const width = Math.floor(
    host.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
  // An image cannot hold something that takes the focus: the drawing itself becomes the image.
  host.dataset.label ??= host.getAttribute('aria-label');
  host.removeAttribute('role');
  host.removeAttribute('aria-label');
  const root = svg(host, 'svg', {
    viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': host.dataset.label,
  });
  return { root, width };
}

function path(xs, ys, x, y) {
  return xs.map((v, i) => `${i ? 'L' : 'M'}${x(v).toFixed(1)},${y(ys[i]).toFixed(1)}`).join('');
}

/** Fills a read-out with pairs of label and value. */
function say(output, pairs) {
  if (!output) return;
  output.replaceChildren();
  pairs.forEach(([label, value], i) => {
    output.append((i ? ' \u00a0' : '') + label + ' ');
    html(output, 'b', '', value);
  });
}

function nearest(xs, target) {
  let lo = 0;
  let hi = xs.length - 1;
  while (hi - lo > 1) {
    const mid = (lo + hi) >> 1;
    if (xs[mid] < target) lo = mid; else hi = mid;
  }
  return target - xs[lo] <= xs[hi] - target ? lo : hi;
}

/**
 * A line chart.
 * lines: [{x, y, style}] ; the read-out follows `read(position)`, which says the nearest x and the
 * pairs to show. `peers` are charts over the same x that move along. Axes are linear unless `logX`
 * or `logY` says otherwise.
 */
function lineChart(host, {
  lines, height, floor, xText, xTicks, yText = tickText, read, peers, logX = false, logY = false, dots = false,
}) {
  const left = 42;
  const bottom = 22;
  const { root, width } = canvas(host, height);
  const all = lines.flatMap((line) => line.y);
  const xs = lines.flatMap((line) => line.x);
  if (!all.length) {
    svg(root, 'text', { x: 0, y: 20 }, 'no finite values');
    return;
  }
  const [y0, y1] = range(all);
  const ticks = logY ? logTicks(y0, y1) : linearTicks(floor ?? y0, y1, height > 120 ? 4 : 2, true);
  const [x0, x1] = range(xs);
  const x = (logX ? log : linear)(x0, x1, left, width - 4);
  const y = (logY ? log : linear)(ticks[0], ticks.at(-1), height - bottom, 12);
  for (const tick of ticks) {
    svg(root, 'line', { x1: left, x2: width, y1: y(tick), y2: y(tick), class: 'grid' });
    if (ticks.length < 8 || /^0*\.?0*1/.test(String(tick))) {
      svg(root, 'text', { x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, yText(tick));
    }
  }
  const wanted = xTicks ? xTicks(x0, x1, width) : linearTicks(x0, x1, Math.max(2, width / 90), false);
  for (const tick of wanted) {
    const edge = tick === x1 && x1 > x0;
    svg(root, 'text', { x: edge ? width : x(tick), y: height - 4, 'text-anchor': edge ? 'end' : 'middle' },
      (xText || tickText)(tick));
  }
  svg(root, 'line', { x1: left, x2: width, y1: height - bottom, y2: height - bottom, class: 'base' });
  for (const line of lines) {
    if (line.x.length === 1 || (dots && !line.style.includes('dashed'))) {
      line.x.forEach((v, i) =>
        svg(root, 'circle', { cx: x(v), cy: y(line.y[i]), r: dots ? 4.5 : 3.5, class: 'dot ' + line.style }));
    }
    const dense = line.x.length > width - left ? ' dense' : '';
    svg(root, 'path', { d: path(line.x, line.y, x, y), class: 'line ' + line.style + dense });
  }
  const cross = svg(root, 'line', { y1: 8, y2: height - bottom, class: 'cross', visibility: 'hidden' });
  const dot = svg(root, 'circle', { r: 4, class: 'dot', visibility: 'hidden' });
  const output = host.parentElement.querySelector('output');
  const chart = {
    show(position) {
      const found = read(position);
      for (const node of [cross, dot]) node.setAttribute('visibility', 'visible');
      cross.setAttribute('x1', x(found.x));
      cross.setAttribute('x2', x(found.x));
      dot.setAttribute('cx', x(found.x));
      dot.setAttribute('cy', y(found.y));
      if (found.style) dot.setAttribute('class', 'dot ' + found.style);
      say(output, found.pairs);
      return found.x;
    },
    hide() {
      for (const node of [cross, dot]) node.setAttribute('visibility', 'hidden');
      output?.replaceChildren();
    },
  };
  peers.push(chart);
  follow(root, peers, chart, left, width - 4, x0, x1, logX);
}

function range(values) {
  return values.reduce(([lo, hi], v) => [Math.min(lo, v), Math.max(hi, v)], [Infinity, -Infinity]);
}

/** Pointer, touch and arrow keys move the read-outs of all peers together. */
function follow(root, peers, chart, r0, r1, d0, d1, logX) {
  root.setAttribute('tabindex', '0');
  const value = (share) => (logX ? d0 * (d1 / d0) ** share : d0 + share * (d1 - d0));
  let share = 0;
  const show = (to) => {
    share = Math.max(0, Math.min(1, to));
    peers.forEach((peer) => peer.show(value(share)));
  };
  const hide = () => peers.forEach((peer) => peer.hide());
  root.addEventListener('pointermove', (event) => {
    show((event.clientX - root.getBoundingClientRect().left - r0) / (r1 - r0));
  });
  root.addEventListener('pointerleave', hide);
  root.addEventListener('focus', () => root.matches(':focus-visible') && show(share));
  root.addEventListener('blur', hide);
  root.addEventListener('keydown', (event) => {
    const moves = { ArrowLeft: share - 1 / 60, ArrowRight: share + 1 / 60, Home: 0, End: 1 };
    if (event.key in moves) {
      event.preventDefault();
      show(moves[event.key]);
    }
  });
}

const at = (curve, position) => {
  const i = nearest(curve.x, position);
  return { x: curve.x[i], y: curve.y[i] };
};

function niceTime(span, count) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  return steps.find((s) => span / s <= count) ?? Math.ceil(span / count / 86400) * 86400;
}

/** Powers of two, few enough to have room. */
function binaryTicks(lo, hi, width) {
  const first = Math.ceil(Math.log2(lo) - 1e-9);
  const last = Math.floor(Math.log2(hi) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(2, width / 64)));
  const ticks = [];
  for (let power = first; power <= last; power += every) ticks.push(2 ** power);
  return ticks;
}

/** Horizontal bars in groups: groups: [{name, bars: [{value, style, label}]}]. */
function groupedBars(host, groups) {
  const bar = 15;
  const gap = 30;
  const heights = groups.map((group) => gap + group.bars.length * bar);
  const { root, width } = canvas(host, heights.reduce((a, b) => a + b, 0));
  const values = groups.flatMap((group) => group.bars.map((b) => b.value)).filter((v) => v !== null);
  const x = linear(0, range([0, ...values])[1], 0, width - 62);
  let y = 0;
  groups.forEach((group, i) => {
    svg(root, 'text', { x: 0, y: y + 20, class: 'name' }, group.name);
    group.bars.forEach((b, j) => {
      const top = y + gap - 4 + j * bar;
      if (b.value === null) return;
      const rect = svg(root, 'rect', {
        x: 0, y: top, width: Math.max(1, x(b.value)), height: bar - 3, rx: 2, class: 'bar ' + b.style,
      });
      svg(rect, 'title', {}, `${group.name}, ${b.label}: ${measure(b.value)}`);
      svg(root, 'text', { x: x(b.value) + 7, y: top + 10, class: 'amount' }, measure(b.value));
    });
    y += heights[i];
  });
}

/** Draws every chart of the page, and again when its width has changed. */
function drawAll(plots, before = () => {}) {
  const draw = () => {
    before();
    for (const host of document.querySelectorAll('[data-plot]')) plots[host.dataset.plot](host);
  };
  draw();
  let drawnAt = document.documentElement.clientWidth;
  let pending = 0;
  addEventListener('resize', () => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => {
      if (drawnAt !== document.documentElement.clientWidth) {
        drawnAt = document.documentElement.clientWidth;
        draw();
      }
    });
  });
}

