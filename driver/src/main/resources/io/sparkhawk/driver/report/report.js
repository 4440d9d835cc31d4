const run = JSON.parse(document.getElementById('run').textContent);

// ---- The charts ----

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
    const height = narrow ? 276 : 316;
    const { root, width } = canvas(host, height);
    const left = 44;
    const right = narrow ? 8 : 84;
    const values = stations.map((station) => station.perplexity).filter((v) => v !== null);
    const [lo, hi] = range(teacher === null ? values : [...values, teacher]);
    const ticks = logTicks(lo * 0.9, hi * 1.1);
    const y = log(ticks[0], ticks.at(-1), height - 50, 22);
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
      svg(root, 'text', { x: x(i), y: height - 26, 'text-anchor': 'middle', class: 'name' },
        narrow ? station.label.replace('after ', '') : station.label);
      if (station.gap_closed !== null) {
        const share = (100 * station.gap_closed).toFixed(1).replace('-', '−');
        svg(root, 'text', { x: x(i), y: height - 9, 'text-anchor': 'middle' },
          narrow ? `${share}%` : `${share}% of the gap`);
      }
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

  positions(host) {
    const { positions } = run.profile;
    const middle = (p) => Math.sqrt(p.first * p.last);
    const line = (model) => {
      const known = positions.filter((p) => p[model] !== null);
      return { x: known.map(middle), y: known.map((p) => p[model]), style: model };
    };
    lineChart(host, {
      lines: [line('teacher'), line('student')],
      height: 240,
      logX: true,
      logY: true,
      xTicks: binaryTicks,
      peers: [],
      read(position) {
        const p = positions[nearest(positions.map(middle), position)];
        const name = p.first === p.last ? String(p.first) : `${p.first}–${p.last}`;
        return {
          x: middle(p), y: p.student, style: 'student',
          pairs: [['position', name], ['teacher', measure(p.teacher)], ['student', measure(p.student)]],
        };
      },
    });
  },

  sources(host) {
    groupedBars(host, run.profile.sources.map((source) => ({
      name: source.name,
      bars: ['teacher', 'student'].map((model) => ({ value: source[model], style: model, label: model })),
    })));
  },

  timeline(host) {
    timeline(host, run.timeline);
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

// ---- The timeline ----

const LANES = [
  ['stages', []], ['checkpoints', ['checkpoint']], ['restarts', ['restart']],
  ['workers', ['resize']], ['stragglers', ['straggler', 'recovered']], ['sessions', ['session']],
];
const iso = (seconds) => new Date(seconds * 1000).toISOString();

/** A tick of the time axis: the day where it begins, otherwise the time of day. */
function dayTime(seconds, every) {
  const text = iso(seconds);
  if (seconds % 86400 === 0) return text.slice(5, 10);
  return text.slice(11, every < 60 ? 19 : 16);
}

/** Round times, of those that divide a day. */
function timeTicks(from, to, width) {
  const every = niceTime(to - from, Math.max(2, width / 120));
  const ticks = [];
  for (let t = Math.ceil(from / every) * every; t <= to; t += every) ticks.push(t);
  return { ticks, every };
}

/** One axis of wall-clock time, with a lane for each kind of thing that happened. */
function timeline(host, { spans, marks }) {
  const lanes = LANES.filter(([, kinds]) => !kinds.length || marks.some((m) => kinds.includes(m.kind)));
  const left = 86;
  const lane = 34;
  const height = lanes.length * lane + 28;
  const { root, width } = canvas(host, height);
  const [from, to] = range([...spans.flatMap((s) => [s.from, s.to]), ...marks.map((m) => m.time)]);
  const x = linear(from, Math.max(to, from + 1), left, width - 8);
  const { ticks, every } = timeTicks(from, Math.max(to, from + 1), width - left);
  for (const tick of ticks) {
    svg(root, 'line', { x1: x(tick), x2: x(tick), y1: 0, y2: height - 22, class: 'grid' });
    svg(root, 'text', { x: x(tick), y: height - 5, 'text-anchor': 'middle' }, dayTime(tick, every));
  }
  const items = [];
  lanes.forEach(([name, kinds], row) => {
    const y = row * lane + lane / 2;
    svg(root, 'text', { x: 0, y: y + 4, class: 'name' }, name);
    svg(root, 'line', { x1: left, x2: width, y1: (row + 1) * lane, y2: (row + 1) * lane, class: 'grid' });
    if (!kinds.length) {
      spans.forEach((span) => items.push(drawSpan(root, span, x, y)));
    }
    marks.filter((mark) => kinds.includes(mark.kind))
      .forEach((mark) => items.push(drawMark(root, mark, x, y)));
  });
  const minute = (seconds) => iso(seconds).slice(0, 16).replace('T', ' ');
  walk(root, host.parentElement.querySelector('output'), items,
    [['from', minute(from)], ['to', minute(to) + ' UTC'], ['', clock(to - from)]]);
}

function drawSpan(root, span, x, y) {
  const wide = Math.max(2, x(span.to) - x(span.from));
  const node = svg(root, 'rect', {
    x: x(span.from), y: y - 11, width: wide, height: 22, rx: 3, class: 'bar ' + span.stage,
  });
  if (wide > 64) {
    svg(root, 'text', { x: x(span.from) + 8, y: y + 4, class: 'on' }, span.stage);
  }
  return {
    node, time: span.from, x0: x(span.from), x1: x(span.from) + wide, y,
    pairs: [['', iso(span.from).slice(0, 19) + 'Z'], ['stage', span.stage],
      ['for', clock(span.to - span.from)], ['workers', String(span.workers)],
      ['from step', span.step.toLocaleString('en-US')], ['until', span.end]],
  };
}

function drawMark(root, mark, x, y) {
  const at = x(mark.time);
  const node = mark.kind === 'checkpoint' || mark.kind === 'session'
    ? svg(root, 'rect', { x: at - 1, y: y - 8, width: 2.4, height: 16, rx: 1, class: 'mark ' + mark.kind })
    : svg(root, 'path', {
      d: `M${at},${y - 7}l7,7l-7,7l-7,-7z`, class: 'mark ' + mark.kind,
    });
  return {
    node, time: mark.time, x0: at, x1: at, y,
    pairs: [['', iso(mark.time).slice(0, 19) + 'Z'], ['', mark.text]],
  };
}

/** Pointer and arrow keys go from one thing that happened to the next. */
function walk(root, output, items, rest) {
  root.setAttribute('tabindex', '0');
  items.sort((a, b) => a.time - b.time);
  let shown = -1;
  const show = (i) => {
    items[shown]?.node.classList.remove('shown');
    shown = i;
    items[i].node.classList.add('shown');
    say(output, items[i].pairs);
  };
  const hide = () => {
    items[shown]?.node.classList.remove('shown');
    say(output, rest);
  };
  hide();
  root.addEventListener('pointermove', (event) => {
    const box = root.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const far = items.map((item) =>
      Math.max(item.x0 - px, px - item.x1, 0) + (Math.abs(item.y - py) > 17 ? 1000 : 0));
    const best = far.indexOf(Math.min(...far));
    if (far[best] < 1000) show(best); else hide();
  });
  root.addEventListener('pointerleave', hide);
  root.addEventListener('focus', () => root.matches(':focus-visible') && show(Math.max(0, shown)));
  root.addEventListener('blur', hide);
  root.addEventListener('keydown', (event) => {
    const last = items.length - 1;
    const moves = { ArrowLeft: shown - 1, ArrowRight: shown + 1, Home: 0, End: last };
    if (event.key in moves) {
      event.preventDefault();
      show(Math.max(0, Math.min(last, moves[event.key])));
    }
  });
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

/** Pointing at an element of a matrix says which token reads which. */
function readMatrices() {
  const output = document.getElementById('element');
  const token = (i) => `${i + 1} “${run.tokens[i].replaceAll('\n', '↵')}”`;
  for (const map of document.querySelectorAll('img.map')) {
    map.addEventListener('pointermove', (event) => {
      const box = map.getBoundingClientRect();
      const place = (at, size) => Math.min(run.tokens.length - 1,
        Math.max(0, Math.floor((at / size) * run.tokens.length)));
      if (!run.tokens.length) return;
      say(output, [
        ['token', token(place(event.clientY - box.top, box.height))],
        ['takes from token', token(place(event.clientX - box.left, box.width))],
      ]);
    });
    map.addEventListener('pointerleave', () => output.replaceChildren());
  }
}

legends();
colourConfiguration();
readMatrices();
drawAll(plots, () => peersOfStage.clear());
