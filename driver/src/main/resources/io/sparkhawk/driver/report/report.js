(() => {
  'use strict';

  const run = JSON.parse(document.getElementById('run').textContent);
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
   * pairs to show. `peers` are charts over the same x that move along.
   */
  function lineChart(host, { lines, height, floor, xText, xTicks, yText = tickText, read, peers }) {
    const left = 42;
    const bottom = 22;
    const { root, width } = canvas(host, height);
    const all = lines.flatMap((line) => line.y);
    const xs = lines.flatMap((line) => line.x);
    if (!all.length) {
      svg(root, 'text', { x: 0, y: 20 }, 'no finite values');
      return;
    }
    const ticks = linearTicks(floor ?? range(all)[0], range(all)[1],
      height > 120 ? 4 : 2, true);
    const [x0, x1] = range(xs);
    const x = linear(x0, x1, left, width - 4);
    const y = linear(ticks[0], ticks.at(-1), height - bottom, 12);
    for (const tick of ticks) {
      svg(root, 'line', { x1: left, x2: width, y1: y(tick), y2: y(tick), class: 'grid' });
      svg(root, 'text', { x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, yText(tick));
    }
    const wanted = xTicks ? xTicks(x0, x1, width) : linearTicks(x0, x1, Math.max(2, width / 90), false);
    for (const tick of wanted) {
      const edge = tick === x1 && x1 > x0;
      svg(root, 'text', { x: edge ? width : x(tick), y: height - 4, 'text-anchor': edge ? 'end' : 'middle' },
        (xText || tickText)(tick));
    }
    svg(root, 'line', { x1: left, x2: width, y1: height - bottom, y2: height - bottom, class: 'base' });
    for (const line of lines) {
      if (line.x.length === 1) {
        svg(root, 'circle', { cx: x(line.x[0]), cy: y(line.y[0]), r: 3.5, class: 'dot ' + line.style });
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
    follow(root, peers, chart, left, width - 4, x0, x1);
  }

  function range(values) {
    return values.reduce(([lo, hi], v) => [Math.min(lo, v), Math.max(hi, v)], [Infinity, -Infinity]);
  }

  /** Pointer, touch and arrow keys move the read-outs of all peers together. */
  function follow(root, peers, chart, r0, r1, d0, d1) {
    root.setAttribute('tabindex', '0');
    let position = d0;
    const show = (to) => {
      position = Math.max(d0, Math.min(d1, to));
      peers.forEach((peer) => peer.show(position));
    };
    const hide = () => peers.forEach((peer) => peer.hide());
    root.addEventListener('pointermove', (event) => {
      const at = event.clientX - root.getBoundingClientRect().left;
      show(d0 + ((at - r0) / (r1 - r0)) * (d1 - d0));
    });
    root.addEventListener('pointerleave', hide);
    root.addEventListener('focus', () => root.matches(':focus-visible') && show(position));
    root.addEventListener('blur', hide);
    root.addEventListener('keydown', (event) => {
      const step = (d1 - d0) / 60 || 1;
      const moves = { ArrowLeft: position - step, ArrowRight: position + step, Home: d0, End: d1 };
      if (event.key in moves) {
        event.preventDefault();
        show(moves[event.key]);
      }
    });
  }

  // ---- The charts ----

  const at = (curve, position) => {
    const i = nearest(curve.x, position);
    return { x: curve.x[i], y: curve.y[i] };
  };
  const step = (x) => ['step', x.toLocaleString('en-US')];

  /** Few round steps, always with the first and the last. */
  function stepTicks(first, last, width) {
    const between = linearTicks(first, last, Math.max(2, width / 90), false)
      .filter((tick) => tick - first > (last - first) * 0.12 && last - tick > (last - first) * 0.2
        && Number.isInteger(tick));
    return first === last ? [first] : [first, ...between, last];
  }

  const peersOfStage = new Map();
  function peersOf(host) {
    if (!peersOfStage.has(host.dataset.stage)) peersOfStage.set(host.dataset.stage, []);
    return peersOfStage.get(host.dataset.stage);
  }

  const plots = {
    loss(host) {
      const stage = run.stages[host.dataset.stage];
      lineChart(host, {
        lines: [
          { ...stage.loss, style: 'raw ' + stage.name },
          { ...stage.smooth_loss, style: stage.name },
        ],
        height: 210,
        xTicks: stepTicks,
        peers: peersOf(host),
        read(position) {
          const raw = at(stage.loss, position);
          const smooth = at(stage.smooth_loss, raw.x);
          return {
            x: raw.x, y: raw.y, style: stage.name,
            pairs: [step(raw.x), ['loss', measure(raw.y)], ['mean', measure(smooth.y)]],
          };
        },
      });
    },

    'gradient-norm'(host) {
      small(host, ['gradient_norm', 'smooth_gradient_norm'], measure);
    },

    'learning-rate'(host) {
      small(host, ['learning_rate'], (v) => v.toExponential(2).replace('e+', 'e'));
    },

    journey(host) {
      const { stations, teacher } = run.journey;
      if (!stations.length) {
        html(host, 'p', 'none', 'No perplexity was measured.');
        return;
      }
      const narrow = host.clientWidth < 560;
      const height = narrow ? 260 : 300;
      const { root, width } = canvas(host, height);
      const left = 44;
      const right = narrow ? 8 : 84;
      const values = stations.map((station) => station.perplexity).filter((v) => v !== null);
      const [lo, hi] = range(teacher === null ? values : [...values, teacher]);
      const ticks = logTicks(lo * 0.9, hi * 1.1);
      const y = log(ticks[0], ticks.at(-1), height - 34, 22);
      const x = (i) => left + ((i + 0.5) * (width - left - right)) / stations.length;
      for (const tick of ticks) {
        svg(root, 'line', { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: 'grid' });
        if (ticks.length < 7 || /^[15]/.test(String(tick))) {
          svg(root, 'text', { x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, tickText(tick));
        }
      }
      if (teacher !== null) {
        svg(root, 'line', { x1: left, x2: width - right, y1: y(teacher), y2: y(teacher), class: 'teacher-line' });
        const place = narrow
          ? { x: left + 6, y: y(teacher) - 7 }
          : { x: width - right + 8, y: y(teacher) - 3 };
        svg(root, 'text', { ...place, class: 'name' }, narrow ? `teacher ${measure(teacher)}` : 'teacher');
        if (!narrow) {
          svg(root, 'text', { x: width - right + 8, y: y(teacher) + 14, class: 'value' }, measure(teacher));
        }
      }
      stations.forEach((station, i) => {
        const before = stations[i - 1];
        if (before && before.perplexity !== null && station.perplexity !== null) {
          svg(root, 'line', {
            x1: x(i - 1), y1: y(before.perplexity), x2: x(i), y2: y(station.perplexity),
            class: 'line ' + (station.stage || 'start'),
          });
        }
      });
      stations.forEach((station, i) => {
        const style = station.stage || (i === 0 ? 'start' : 'finished');
        svg(root, 'text', { x: x(i), y: height - 10, 'text-anchor': 'middle', class: 'name' },
          narrow ? station.label.replace('after ', '') : station.label);
        if (station.perplexity === null) return;
        const dot = svg(root, 'circle', {
          cx: x(i), cy: y(station.perplexity), r: 6, class: (i === 0 ? 'ring ' : 'dot ') + style,
        });
        svg(dot, 'title', {}, `${station.label}: ${measure(station.perplexity)} on `
          + `${station.held_out_tokens.toLocaleString('en-US')} held-out tokens`);
        // The line comes from above on the left: to the right of the dot there is room.
        const inside = x(i) + 62 < width;
        svg(root, 'text', {
          x: x(i) + 9, y: y(station.perplexity) - 9, class: 'value', ...(inside ? {} : { x: width, 'text-anchor': 'end' }),
        }, measure(station.perplexity));
      });
    },

    distances(host) {
      const { states } = run.distances[host.dataset.index];
      const blocks = Math.max(...states.map((state) => state.values.length));
      const row = blocks > 40 ? 16 : 26;
      const left = 62;
      const top = 6;
      const height = top + blocks * row + 26;
      const { root, width } = canvas(host, height);
      const values = states.flatMap((state) => state.values).filter((v) => v !== null);
      if (!values.length) {
        svg(root, 'text', { x: left, y: 20 }, 'all blocks keep their attention');
        return;
      }
      const [lo, hi] = range(values);
      const wide = lo > 0 && hi / lo > 30;
      const ticks = wide ? logTicks(lo, hi) : linearTicks(0, hi, Math.max(3, width / 90), true);
      const x = (wide ? log : linear)(ticks[0], ticks.at(-1), left, width - 8);
      const output = host.parentElement.querySelector('output');
      for (const tick of ticks) {
        svg(root, 'line', { x1: x(tick), x2: x(tick), y1: top, y2: height - 22, class: 'grid' });
        svg(root, 'text', { x: x(tick), y: height - 5, 'text-anchor': 'middle' }, tickText(tick));
      }
      for (let block = 0; block < blocks; block++) {
        const y = top + (block + 0.5) * row;
        const known = states.map((state) => ({ ...state, value: state.values[block] ?? null }));
        const group = svg(root, 'g', {});
        svg(group, 'rect', { x: 0, y: y - row / 2, width, height: row, class: 'hit' });
        svg(group, 'text', { x: left - 12, y: y + 4, 'text-anchor': 'end', class: 'name' }, `block ${block}`);
        const there = known.filter((state) => state.value !== null);
        if (!there.length) {
          svg(group, 'text', { x: left + 6, y: y + 4 }, 'attention kept');
          continue;
        }
        const [a, b] = range(there.map((state) => state.value));
        svg(group, 'line', { x1: x(a), x2: x(b), y1: y, y2: y, class: 'span' });
        there.forEach((state, i) => {
          const style = state.stage || 'start';
          svg(group, 'circle', { cx: x(state.value), cy: y, r: 5.5, class: (state.stage ? 'dot ' : 'ring ') + style });
        });
        group.addEventListener('pointerenter', () => say(output, [
          ['block', String(block)],
          ...there.map((state) => [state.label.replace('after ', ''), measure(state.value)]),
        ]));
        group.addEventListener('pointerleave', () => output.replaceChildren());
      }
    },

    throughput(host) {
      const stages = run.stages.filter((stage) => stage.throughput.x.length);
      if (!stages.length) {
        html(host, 'p', 'none', 'No training steps were recorded.');
        return;
      }
      lineChart(host, {
        lines: stages.map((stage) => ({ ...stage.throughput, style: stage.name })),
        height: 200,
        floor: 0,
        xText: (seconds) =>
          (seconds > 0 && stages.at(-1).throughput.x.at(-1) > 7200 && seconds % 3600 === 0
            ? `${seconds / 3600} h` : clock(seconds)),
        xTicks: (first, last, width) => linearTicks(0, last, Math.max(2, width / 110), false,
          niceTime(last, Math.max(2, width / 110))),
        peers: [],
        read(position) {
          const candidates = stages.map((stage) => ({ ...at(stage.throughput, position), style: stage.name }));
          const best = candidates.reduce((a, b) =>
            Math.abs(b.x - position) < Math.abs(a.x - position) ? b : a);
          return {
            ...best,
            pairs: [['at', clock(best.x)], ['stage', best.style], ['tokens/s', measure(best.y)]],
          };
        },
      });
    },

    time(host) {
      const parts = ['compute', 'waiting', 'data', 'checkpoints', 'other'];
      if (!run.time.length) {
        host.remove();
        return;
      }
      const row = 34;
      const left = 62;
      const { root, width } = canvas(host, run.time.length * row);
      run.time.forEach((time, i) => {
        const total = parts.reduce((sum, part) => sum + time[part], 0) || 1;
        const y = i * row + 5;
        let from = left;
        svg(root, 'text', { x: 0, y: y + 16, class: 'name' }, time.stage);
        for (const part of parts) {
          const share = time[part] / total;
          const span = share * (width - left);
          const bar = svg(root, 'rect', { x: from, y, width: Math.max(0, span - 1), height: 24, rx: 2, class: part });
          svg(bar, 'title', {}, `${part}: ${clock(time[part])}, ${(100 * share).toFixed(1)}%`);
          if (span > 52) {
            svg(root, 'text', { x: from + 8, y: y + 16, class: 'share-' + part }, `${(100 * share).toFixed(1)}%`);
          }
          from += span;
        }
      });
    },
  };

  function niceTime(span, count) {
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
    return steps.find((s) => span / s <= count) ?? Math.ceil(span / count / 86400) * 86400;
  }

  /** One of the low charts under a loss: the values of each step and, if there is one, their mean. */
  function small(host, [field, mean], text) {
    const stage = run.stages[host.dataset.stage];
    const curve = stage[field];
    const lines = mean
      ? [{ ...curve, style: 'raw ' + stage.name }, { ...stage[mean], style: 'thin ' + stage.name }]
      : [{ ...curve, style: 'thin ' + stage.name }];
    lineChart(host, {
      lines,
      height: 104,
      floor: 0,
      xTicks: stepTicks,
      peers: peersOf(host),
      read(position) {
        const point = at(curve, position);
        return { ...point, style: stage.name, pairs: [step(point.x), ['', text(point.y)]] };
      },
    });
  }

  // ---- The page ----

  function legends() {
    const states = document.querySelector('[data-legend="states"]');
    const longest = run.distances.reduce((a, b) => (b.states.length > a.states.length ? b : a));
    for (const state of longest.states) html(states, 'span', state.stage || 'start', state.label);
    const time = document.querySelector('[data-legend="time"]');
    if (!run.time.length) return;
    for (const [part, label] of [['compute', 'computing'], ['waiting', "waiting for the others' gradients"],
      ['data', 'waiting for data'], ['checkpoints', 'saving checkpoints'],
      ['other', 'the rest']]) {
      html(time, 'span', part, label);
    }
  }

  /** Keys and comments of the configuration stand apart; its text stays as it is. */
  function colourConfiguration() {
    const code = document.getElementById('configuration');
    const lines = code.textContent.split('\n');
    code.replaceChildren();
    lines.forEach((line, i) => {
      if (i) code.append('\n');
      const [, indent, key, rest] = /^(\s*(?:- )?)([\w.-]+(?=:(?:\s|$)))?(.*)$/.exec(line);
      const comment = /(^|\s)#.*$/.exec(rest);
      code.append(indent);
      if (key) html(code, 'span', 'key', key);
      code.append(comment ? rest.slice(0, comment.index) : rest);
      if (comment) html(code, 'span', 'comment', comment[0]);
    });
  }

  function draw() {
    peersOfStage.clear();
    for (const host of document.querySelectorAll('[data-plot]')) plots[host.dataset.plot](host);
  }

  legends();
  colourConfiguration();
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
})();
