(() => {
  'use strict';

  const root = document.getElementById('mohawk');
  const base = root.dataset.base;
  const part = (name) => root.querySelector(`[data-is="${name}"]`);

  const LOOK_MILLIS = 1000;
  const LOOK_AGAIN_MILLIS = 5000;

  const STAGES = {
    matrix: { title: 'Matrix orientation', loss: 'Frobenius norm, mean over heads' },
    hidden: { title: 'Hidden-state alignment', loss: 'L2 norm, mean over positions' },
    distill: { title: 'End-to-end distillation', loss: 'cross-entropy, nats per token' },
  };
  const PARTS = [
    ['compute', 'compute'],
    ['wait', 'all-reduce'],
    ['data', 'data'],
    ['checkpoint', 'checkpoint'],
    ['other', 'other'],
  ];
  const STATES = {
    training: ['training', 'good'],
    working: ['working', 'good'],
    finished: ['finished', 'calm'],
    failed: ['failed', 'bad'],
    unfinished: ['unfinished', 'warn'],
    lost: ['no connection', 'bad'],
  };

  // ---- Numbers as text ----

  const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

  /** Four significant digits. */
  function measure(value) {
    if (!isNumber(value)) return 'n/a';
    const size = Math.abs(value);
    if (size >= 1000) return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
    if (size !== 0 && size < 0.001) return value.toExponential(2).replace('e+', 'e');
    return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4);
  }

  function tickText(value) {
    if (!isNumber(value)) return 'n/a';
    const size = Math.abs(value);
    if (size >= 1e9) return +(value / 1e9).toPrecision(3) + 'B';
    if (size >= 1e6) return +(value / 1e6).toPrecision(3) + 'M';
    if (size >= 1e4) return +(value / 1e3).toPrecision(3) + 'K';
    if (size !== 0 && size < 0.01) return (+value.toPrecision(6)).toExponential().replace('e+', 'e');
    return (+value.toPrecision(6)).toLocaleString('en-US', { maximumFractionDigits: 4 });
  }

  const count = (value) => (isNumber(value) ? Math.round(value).toLocaleString('en-US') : 'n/a');
  const percent = (share) => (isNumber(share) ? `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%` : 'n/a');

  function duration(seconds) {
    if (!isNumber(seconds)) return 'n/a';
    if (seconds < 60) return `${seconds.toFixed(0)} s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
    const hours = Math.floor(minutes / 60);
    return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
  }

  function bytes(value) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
  }

  const two = (n) => String(n).padStart(2, '0');

  function timeOfDay(millis) {
    const t = new Date(millis);
    return `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
  }

  function dateAndTime(millis) {
    const t = new Date(millis);
    return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${timeOfDay(millis)}`;
  }

  // ---- Elements ----

  /** An element with attributes and children; text is never read as HTML. */
  function el(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== false && value !== undefined) node.setAttribute(key, value);
    }
    node.append(...children.filter((child) => child !== '' && child !== null && child !== undefined));
    return node;
  }

  /** Puts children into a parent, unless they are what it has already. */
  function fill(parent, ...children) {
    const next = el('div', {}, ...children);
    if (parent.innerHTML !== next.innerHTML) parent.replaceChildren(...next.childNodes);
  }

  function table(node, heads, rows, empty) {
    const head = el('thead', {}, el('tr', {}, ...heads.map(([text, kind]) =>
      el('th', { scope: 'col', class: kind }, text))));
    const cells = rows.map((row) =>
      el('tr', {}, ...row.map((cell, i) => el('td', { class: heads[i][1] }, cell))));
    const none = el('tr', {}, el('td', { class: 'm-empty', colspan: heads.length }, empty));
    fill(node, head, el('tbody', {}, ...(cells.length ? cells : [none])));
  }

  const FONT = `11.5px ${getComputedStyle(root).getPropertyValue('--sans').trim()}`;

  const color = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

  // ---- What the page has of the curves ----

  const COLUMNS = ['first', 'last', 'loss', 'loss_min', 'loss_max', 'norm', 'norm_max', 'rate',
    'speed', 'compute', 'wait', 'data', 'checkpoint', 'seconds', 'blocks'];
  const curves = {};

  function take(series) {
    for (const [stage, news] of Object.entries(series)) {
      const had = curves[stage];
      if (!news.more || !had) {
        curves[stage] = news;
        continue;
      }
      const keep = had.first.filter((step) => step < news.first[0]).length;
      for (const column of COLUMNS) had[column] = had[column].slice(0, keep).concat(news[column]);
    }
  }

  function cursor() {
    return Object.entries(curves)
      .map(([stage, has]) => `${stage}~${has.level}~${has.first[has.first.length - 1]}`)
      .join(',');
  }

  // ---- Charts ----

  function niceTicks(lo, hi, most) {
    const span = hi - lo || Math.abs(hi) || 1;
    const power = 10 ** Math.floor(Math.log10(span / most));
    const step = power * [1, 2, 2.5, 5, 10].find((s) => span / (power * s) <= most + 1e-9);
    const ticks = [];
    for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + step * 1e-9; i++) ticks.push(i * step);
    return ticks;
  }

  function logTicks(lo, hi) {
    const of = (digits) => {
      const ticks = [];
      for (let p = Math.floor(Math.log10(lo)); p <= Math.ceil(Math.log10(hi)); p++) {
        for (const digit of digits) ticks.push(+(digit * 10 ** p).toPrecision(3));
      }
      return ticks.filter((tick) => tick >= lo * 0.999 && tick <= hi * 1.001);
    };
    const choices = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]].map(of);
    return choices.find((ticks) => ticks.length >= 3) || niceTicks(lo, hi, 4);
  }

  /** The finite values of some columns, positive ones alone for a logarithmic axis. */
  function extent(columns, positive) {
    let [lo, hi] = [Infinity, -Infinity];
    for (const column of columns) {
      for (const value of column) {
        if (isNumber(value) && (!positive || value > 0)) {
          lo = Math.min(lo, value);
          hi = Math.max(hi, value);
        }
      }
    }
    return lo <= hi ? [lo, hi] : [positive ? 0.1 : 0, 1];
  }

  /**
   * A chart over the steps of a stage.
   *
   * of: {height, log, zero, unit, sync, lines: [{name, stroke, width, dash, fill}], bands,
   *      data(curve, stage): columns, the first is the steps, read(index): text parts}
   */
  class Chart {
    constructor(node, of) {
      this.of = of;
      this.head = node.head;
      this.node = node.plot;
      new ResizeObserver(() => this.fit()).observe(this.node);
    }

    fit() {
      const width = this.node.clientWidth;
      if (this.plot && width > 0 && width !== this.plot.width) {
        this.plot.setSize({ width, height: this.of.height });
      }
    }

    /** Forgets the drawing, because colours or the stage have changed. */
    reset() {
      if (this.plot) this.plot.destroy();
      this.plot = undefined;
      this.node.replaceChildren();
    }

    show(columns, steps, read) {
      this.read = read;
      this.steps = steps;
      if (columns[0].length === 0) {
        this.reset();
        this.node.append(el('p', { class: 'm-none', style: `height:${this.of.height}px` }, 'No steps yet.'));
        return;
      }
      if (!this.plot) {
        this.node.replaceChildren();
        this.plot = new uPlot(this.options(), columns, this.node);
      } else {
        this.plot.setData(columns);
      }
      this.readOut(this.plot.cursor.idx);
    }

    range(columns) {
      const [lo, hi] = extent(columns, this.of.log);
      if (this.of.log) return [lo / 1.06, hi * 1.06];
      if (this.of.full) return [0, this.of.full];
      const room = (hi - lo || Math.abs(hi) || 1) * 0.06;
      return [this.of.zero ? 0 : lo - room, hi + room];
    }

    options() {
      const of = this.of;
      const axis = { stroke: color('soft'), font: FONT, ticks: { show: false } };
      const grid = { stroke: color('grid'), width: 1 };
      const chart = this;
      return {
        width: this.node.clientWidth,
        height: of.height,
        padding: [8, 10, 0, 0],
        legend: { show: false },
        cursor: {
          y: false,
          drag: { x: false, y: false },
          sync: of.sync ? { key: of.sync } : undefined,
          points: of.full ? { show: false } : { size: 6 },
        },
        scales: {
          x: { time: false, range: () => [1, Math.max(2, chart.steps)] },
          y: {
            distr: of.log ? 3 : 1,
            range: (u) => chart.range(u.data.slice(1)),
          },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 26,
            splits: (u, i, lo, hi) => niceTicks(0, hi, Math.max(2, u.width / 90)).map((t) => t || 1),
            values: (u, ticks) => ticks.map(tickText),
          },
          {
            ...axis,
            grid,
            size: 52,
            splits: (u, i, lo, hi) => (of.log ? logTicks(lo, hi) : niceTicks(lo, hi, 4)),
            filter: (u, ticks) => ticks,
            values: (u, ticks) => ticks.map(of.full ? (t) => `${t}%` : tickText),
          },
        ],
        series: [
          {},
          ...of.lines.map((line) => ({
            stroke: line.stroke ? color(line.stroke) : undefined,
            width: line.width ?? 2,
            dash: line.dash,
            fill: line.fill ? color(line.fill) : undefined,
            points: { show: false },
            spanGaps: false,
          })),
        ],
        bands: (of.bands || []).map((band) => ({ series: band.series, fill: color(band.fill) + '40' })),
        hooks: { setCursor: [(u) => chart.readOut(u.cursor.idx)] },
      };
    }

    readOut(index) {
      fill(this.head.querySelector('output'), ...this.read(index));
    }
  }

  // A few colours between which those of the heat map lie, from small to large.
  const RAMP = [[37, 30, 96], [93, 69, 184], [178, 78, 152], [236, 122, 84], [251, 214, 138]];

  function rampColor(share) {
    const at = Math.max(0, Math.min(1, share)) * (RAMP.length - 1);
    const i = Math.min(RAMP.length - 2, Math.floor(at));
    const mixed = RAMP[i].map((c, k) => Math.round(c + (RAMP[i + 1][k] - c) * (at - i)));
    return `rgb(${mixed.join(' ')})`;
  }

  /** The loss of each block over the steps, as colours on a logarithmic scale. */
  class HeatMap {
    constructor(node, height) {
      this.head = node.head;
      this.node = node.plot;
      this.height = height;
      this.canvas = el('canvas', { role: 'img', 'aria-label': 'Distance of each block over the steps' });
      new ResizeObserver(() => this.draw()).observe(this.node);
      this.canvas.addEventListener('pointermove', (event) => this.point(event));
      this.canvas.addEventListener('pointerleave', () => this.readOut());
    }

    reset() {}

    show(curve, steps) {
      this.curve = curve;
      this.steps = Math.max(2, steps);
      this.blocks = curve ? Math.max(0, ...curve.blocks.map((column) => column.length)) : 0;
      if (this.blocks === 0) {
        const why = curve ? 'This stage compares predictions, not blocks.' : 'No steps yet.';
        this.node.replaceChildren(el('p', { class: 'm-none', style: `height:${this.height}px` }, why));
        fill(this.head.querySelector('output'));
        return;
      }
      if (this.canvas.parentNode !== this.node) this.node.replaceChildren(this.canvas);
      this.range = extent(curve.blocks, true);
      this.draw();
      if (!this.pointed) this.readOut();
    }

    x(step) {
      return this.left + ((step - 1) / this.steps) * this.width;
    }

    draw() {
      if (!this.blocks || !this.node.clientWidth) return;
      const scale = window.devicePixelRatio || 1;
      const all = this.node.clientWidth;
      Object.assign(this, { left: 52, top: 8, width: all - 52 - 10, rows: this.height - 8 - 26 - 22 });
      this.canvas.width = all * scale;
      this.canvas.height = this.height * scale;
      this.canvas.style.width = `${all}px`;
      this.canvas.style.height = `${this.height}px`;
      const g = this.canvas.getContext('2d');
      g.scale(scale, scale);
      g.font = FONT;
      g.fillStyle = color('track');
      g.fillRect(this.left, this.top, this.width, this.rows);
      this.cells(g);
      this.axes(g);
      this.scale(g);
    }

    share(value) {
      const [lo, hi] = this.range;
      return hi > lo ? Math.log(value / lo) / Math.log(hi / lo) : 0.5;
    }

    cells(g) {
      const row = this.rows / this.blocks;
      this.curve.blocks.forEach((column, i) => {
        const x0 = this.x(this.curve.first[i]);
        const x1 = this.x(this.curve.last[i] + 1);
        column.forEach((value, block) => {
          if (!isNumber(value)) return;
          g.fillStyle = value > 0 ? rampColor(this.share(value)) : rampColor(0);
          g.fillRect(x0, this.top + block * row, Math.max(0.5, x1 - x0 + 0.4), row - (row > 6 ? 1 : 0));
        });
      });
    }

    axes(g) {
      g.fillStyle = color('soft');
      g.textBaseline = 'middle';
      g.textAlign = 'right';
      const every = Math.ceil(this.blocks / 12);
      for (let block = 0; block < this.blocks; block += every) {
        g.fillText(String(block), this.left - 8, this.top + ((block + 0.5) * this.rows) / this.blocks);
      }
      g.textAlign = 'center';
      g.textBaseline = 'top';
      for (const tick of niceTicks(0, this.steps, Math.max(2, this.width / 90))) {
        g.fillText(tickText(tick || 1), this.x(tick || 1), this.top + this.rows + 7);
      }
    }

    scale(g) {
      const y = this.height - 14;
      const width = 120;
      const x = this.left + this.width - width - 56;
      for (let i = 0; i < width; i++) {
        g.fillStyle = rampColor(i / width);
        g.fillRect(x + i, y, 1.5, 8);
      }
      g.fillStyle = color('soft');
      g.textBaseline = 'middle';
      g.textAlign = 'right';
      g.fillText(measure(this.range[0]), x - 8, y + 4);
      g.textAlign = 'left';
      g.fillText(measure(this.range[1]), x + width + 8, y + 4);
    }

    point(event) {
      const box = this.canvas.getBoundingClientRect();
      const step = 1 + ((event.clientX - box.left - this.left) / this.width) * this.steps;
      const block = Math.floor(((event.clientY - box.top - this.top) / this.rows) * this.blocks);
      const i = this.curve.last.findIndex((last, k) => this.curve.first[k] <= step && step < last + 1);
      this.pointed = i >= 0 && block >= 0 && block < this.blocks;
      this.readOut(i, block);
    }

    readOut(i, block) {
      const output = this.head.querySelector('output');
      const curve = this.curve;
      if (this.pointed && i !== undefined) {
        const value = curve.blocks[i][block];
        fill(output, `step ${stepText(curve, i)}, block ${block}  `,
          el('b', {}, isNumber(value) ? measure(value) : 'attention'));
        return;
      }
      this.pointed = false;
      const last = curve.blocks[curve.blocks.length - 1];
      const worst = last.reduce((w, v, b) => (isNumber(v) && (w < 0 || v > last[w]) ? b : w), -1);
      fill(output, ...(worst < 0 ? [] : [`block ${worst} is farthest  `, el('b', {}, measure(last[worst]))]));
    }
  }

  /** The steps of a point. */
  function stepText(curve, i) {
    const [first, last] = [curve.first[i], curve.last[i]];
    return first === last ? count(first) : `${count(first)} to ${count(last)}`;
  }

  function panel(title, unit) {
    const head = el('div', { class: 'm-axis' }, el('span', {}, title, el('i', {}, unit)), el('output', {}));
    const plot = el('div', { class: 'm-plot' });
    return { head, plot };
  }

  /** Read-out of one column: the pointed point, or the newest. */
  function reading(curve, column, text = measure) {
    return (index) => {
      if (!curve || curve.first.length === 0) return [];
      const i = index === null || index === undefined ? curve.first.length - 1 : index;
      return [`step ${stepText(curve, i)}  `, el('b', {}, text(curve[column][i]))];
    };
  }

  const steps = (curve) => (curve ? curve.last : []);
  const columnOf = (curve, name) => (curve ? curve[name] : []);

  // ---- Stages: one card each ----

  const cards = {};

  function stageCard(stage) {
    const text = STAGES[stage] || { title: stage, loss: '' };
    const axis = panel('Loss', text.loss);
    const card = {
      state: el('span', {}),
      bar: el('i', {}),
      facts: el('p', { class: 'm-facts' }),
      node: undefined,
    };
    card.node = el('article', { class: 'm-card m-stage', 'data-stage': stage },
      el('h3', {}, el('span', {}, text.title), card.state),
      el('div', { class: 'm-bar' }, card.bar), card.facts, axis.head, axis.plot);
    card.chart = new Chart(axis, {
      height: 190,
      log: true,
      lines: [
        { stroke: stage, width: 0 },
        { stroke: stage, width: 0 },
        { stroke: stage, width: 2 },
        { stroke: 'bad', width: 1.2, dash: [5, 4] },
      ],
      bands: [{ series: [2, 1], fill: stage }],
    });
    part('stages').append(card.node);
    return card;
  }

  function showStages(run) {
    for (const stage of run.stages) {
      const card = cards[stage.stage] || (cards[stage.stage] = stageCard(stage.stage));
      const share = stage.state === 'done' ? 1 : stage.step / stage.steps;
      card.bar.style.width = `${100 * share}%`;
      const left = stage.state === 'training' && isNumber(stage.seconds_left) ? `${duration(stage.seconds_left)} left` : '';
      fill(card.state, { waiting: 'waiting', training: left || 'training', done: `done in ${duration(stage.seconds)}` }[stage.state]);
      fill(card.facts,
        el('span', {}, 'step ', el('b', {}, count(stage.step)), ` of ${count(stage.steps)}`),
        el('span', {}, isNumber(stage.loss) ? el('span', {}, `loss ${measure(stage.first_loss)} to `, el('b', {}, measure(stage.loss))) : ''));
      const curve = curves[stage.stage];
      const limit = steps(curve).map(() => stage.largest_expected_loss);
      const inSight = isNumber(stage.largest_expected_loss) && stage.state !== 'done';
      card.chart.show(
        [steps(curve), columnOf(curve, 'loss_min'), columnOf(curve, 'loss_max'), columnOf(curve, 'loss'),
          inSight ? limit : limit.map(() => null)],
        stage.steps,
        reading(curve, 'loss'));
    }
  }

  // ---- Inside a stage ----

  let chosen = '';
  let follow = true;
  let shown = '';
  const details = {};

  function makeDetails() {
    const add = (name, title, unit, make) => {
      const axis = panel(title, unit);
      part('details').append(el('article', { class: 'm-card', 'data-panel': name }, axis.head, axis.plot));
      details[name] = make(axis);
    };
    const line = (of) => (axis) => new Chart(axis, { height: 200, sync: 'mohawk', ...of });
    add('heat', 'Distance of each block', 'block over steps', (axis) => new HeatMap(axis, 250));
    add('split', 'Time split', 'rank 0', line({
      height: 250,
      full: 100,
      lines: [...PARTS].reverse().map(([name]) => ({ fill: name, width: 0 })),
    }));
    add('norm', 'Gradient norm', 'before clipping', line({
      log: true,
      lines: [{ stroke: 'soft', width: 1 }, { stroke: 'stage', width: 2 }],
    }));
    add('rate', 'Learning rate', '', line({ zero: true, lines: [{ stroke: 'stage', width: 2 }] }));
    add('speed', 'Tokens per second', 'of all ranks', line({ zero: true, lines: [{ stroke: 'stage', width: 2 }] }));
  }

  function showChoice(run) {
    fill(part('choice'), ...run.stages.map((stage) => {
      const pressed = stage.stage === chosen;
      return el('button', {
        type: 'button',
        'data-stage': stage.stage,
        'aria-pressed': String(pressed),
        disabled: curves[stage.stage] ? false : '',
      }, (STAGES[stage.stage] || { title: stage.stage }).title);
    }));
  }

  part('choice').addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (button && newest) {
      chosen = button.dataset.stage;
      follow = chosen === newest.current;
      showAll(newest);
    }
  });

  function shares(curve) {
    const rows = curve ? curve.seconds.map((seconds, i) => {
      const parts = ['compute', 'wait', 'data', 'checkpoint'].map((name) => (100 * curve[name][i]) / seconds);
      const sums = [];
      parts.reduce((sum, value, k) => (sums[k] = Math.min(100, sum + value)), 0);
      return [100, ...sums.reverse()];
    }) : [];
    return PARTS.map((unused, k) => rows.map((row) => row[k]));
  }

  function splitReading(curve) {
    return (index) => {
      if (!curve || curve.first.length === 0) return [];
      const i = index === null || index === undefined ? curve.first.length - 1 : index;
      return PARTS.slice(0, 4).map(([name, text]) =>
        el('span', { class: 'm-key', 'data-part': name }, `${text} `, el('b', {}, percent(curve[name][i] / curve.seconds[i]))));
    };
  }

  /** The last stage has no distances: then those of the stage before it. */
  function showHeat(run, stage) {
    const hasBlocks = (s) => curves[s.stage] && curves[s.stage].blocks.some((column) => column.length > 0);
    const until = run.stages.slice(0, run.stages.indexOf(stage) + 1);
    const from = curves[stage.stage] && !hasBlocks(stage) ? until.reverse().find(hasBlocks) || stage : stage;
    details.heat.show(curves[from.stage], from.steps);
    const title = (STAGES[from.stage] || { title: from.stage }).title;
    fill(details.heat.head.querySelector('i'), from === stage ? 'block over steps' : `block over steps of ${title}`);
  }

  function showDetails(run) {
    const stage = run.stages.find((s) => s.stage === chosen);
    const curve = curves[chosen];
    if (!stage) return;
    if (shown !== chosen) {
      part('details').dataset.stage = chosen;
      root.style.setProperty('--stage', color(chosen));
      Object.values(details).forEach((detail) => detail.reset());
      shown = chosen;
    }
    const one = (name, column, text) =>
      details[name].show([steps(curve), columnOf(curve, column)], stage.steps, reading(curve, column, text));
    showHeat(run, stage);
    details.split.show([steps(curve), ...shares(curve)], stage.steps, splitReading(curve));
    details.norm.show([steps(curve), columnOf(curve, 'norm_max'), columnOf(curve, 'norm')], stage.steps, reading(curve, 'norm'));
    one('rate', 'rate', tickText);
    one('speed', 'speed', count);
  }

  // ---- Tables and figures ----

  function showHead(run) {
    const [word, tone] = STATES[lost ? 'lost' : run.state];
    fill(part('run'), run.run || 'A run is about to begin');
    const since = run.ended ? `${duration((run.ended - run.started) / 1000)} in all` : `for ${duration((now(run) - run.started) / 1000)}`;
    fill(part('subtitle'), run.started ? `started ${dateAndTime(run.started)}, ${since}` : '');
    const state = part('state');
    state.className = `m-state${run.live && !lost ? ' live' : ''}`;
    state.style.setProperty('--dot', color({ good: 'good', bad: 'bad', warn: 'warn', calm: 'soft' }[tone]));
    fill(state, run.state === 'working' && run.work && !lost ? run.work : word);
  }

  function showHeadline(run) {
    const stage = run.stages.find((s) => s.stage === run.current);
    const place = run.stages.indexOf(stage) + 1;
    const newestCheckpoint = run.checkpoints[0];
    const training = stage && stage.state === 'training';
    const figure = (name, value, small) =>
      el('div', {}, el('dt', {}, name), el('dd', { 'data-figure': name }, value, small ? el('small', {}, small) : ''));
    const evaluation = (model) => run.evaluations.find((e) => e.model === model);
    const student = evaluation('student');
    const teacher = evaluation('teacher');
    fill(part('headline'),
      figure('Stage', stage ? `${place} of ${run.stages.length}` : 'n/a', stage ? `${stage.stage}, ${stage.state}` : ''),
      figure('Step', stage ? count(stage.step) : 'n/a', stage ? `of ${count(stage.steps)}, ${percent(stage.step / stage.steps)}` : ''),
      run.live ? figure('Time left', training ? duration(stage.seconds_left) : 'n/a', training ? 'in this stage' : '') : '',
      figure('Loss', stage ? measure(stage.loss) : 'n/a', stage ? `recent mean ${measure(stage.mean_loss)}` : ''),
      figure('Speed', stage ? count(stage.tokens_per_second) : 'n/a', 'tokens/s'),
      figure('Learning rate', stage ? tickText(stage.learning_rate) : 'n/a', stage ? `gradient norm ${measure(stage.gradient_norm)}` : ''),
      figure('Restarts', count(run.restarts), run.lost_seconds > 0 ? `${duration(run.lost_seconds)} lost` : 'nothing lost'),
      figure('Checkpoints', count(run.checkpoint_count), newestCheckpoint ? `newest ${age(run, newestCheckpoint.time)}` : ''),
      teacher || student ? figure('Perplexity', measure((student || teacher).perplexity),
        !student ? 'of the teacher' : teacher ? `student; teacher ${measure(teacher.perplexity)}` : 'of the student') : '');
  }

  function age(run, time) {
    return run.live ? `${duration(Math.max(0, (now(run) - time) / 1000))} ago` : `at ${timeOfDay(time)}`;
  }

  function showAlarms(run) {
    const item = (alarm, over) => el('li', { class: over ? 'over' : alarm.severity },
      el('b', {}, over ? 'over' : alarm.severity === 'error' ? 'Alarm' : 'Warning'),
      el('div', {}, alarm.text),
      el('span', {}, over ? `${timeOfDay(alarm.since)} to ${timeOfDay(alarm.until)}` : `since ${timeOfDay(alarm.since)}`));
    part('alarms-section').hidden = run.alarms.length + run.past_alarms.length === 0 && !run.failure;
    const failure = run.failure ? [{ severity: 'error', text: `The run failed. ${run.failure}`, since: run.ended }] : [];
    fill(part('alarms'),
      ...failure.concat(run.alarms).map((alarm) => item(alarm, false)),
      ...run.past_alarms.map((alarm) => item(alarm, true)));
  }

  function showRanks(run) {
    const tag = (text, tone) => el('span', { class: `m-tag ${tone}` }, text);
    const state = (rank) =>
      rank.stalled ? tag('stalled', 'bad') : rank.straggler ? tag('straggler', 'warn')
        : run.live ? tag('in step', 'good') : tag('ended', 'calm');
    const split = (rank) => {
      const all = { compute: rank.utilisation, wait: rank.wait, data: rank.data, checkpoint: rank.checkpoint };
      return el('div', { class: 'm-split' }, ...PARTS.slice(0, 4).map(([name]) =>
        el('i', { 'data-part': name, style: `width:${(100 * (all[name] || 0)).toFixed(1)}%` })));
    };
    table(part('ranks'),
      [['rank', ''], ['executor', 'm-left'], ['address', 'm-left'], ['step', ''], ['tokens/s', ''],
        ['utilisation', ''], ['time of its last steps', ''], ['compute of a step', ''], ['heard', ''], ['state', '']],
      run.ranks.map((rank) => [
        String(rank.rank), rank.executor, rank.address, count(rank.step), count(rank.tokens_per_second),
        percent(rank.utilisation), split(rank),
        isNumber(rank.compute_seconds) ? `${measure(rank.compute_seconds)} s` : 'n/a',
        run.live ? `${rank.heard_seconds.toFixed(0)} s ago` : '', state(rank)]),
      'No rank has been heard yet.');
  }

  function showEvents(run) {
    const tones = { restart: 'bad', straggler: 'warn', recovered: 'good', training: 'calm', resize: 'calm' };
    table(part('events'),
      [['time', ''], ['', 'm-left'], ['', 'm-text']],
      run.events.map((event) => [
        timeOfDay(event.time), el('span', { class: `m-tag ${tones[event.kind] || 'calm'}` }, event.kind), event.sentence]),
      'Nothing yet: restarts, changes of size and stragglers are told here, with their reasons.');
  }

  function showCheckpoints(run) {
    table(part('checkpoints'),
      [['stage', ''], ['step', ''], ['size', ''], ['age', ''], ['location', 'm-text']],
      run.checkpoints.map((c) => [c.stage, count(c.step), bytes(c.bytes), age(run, c.time), c.location]),
      'No checkpoint yet.');
  }

  // ---- Looking again and again ----

  let newest = null;
  let lost = false;
  let clockOffset = 0;

  /** The server's time. */
  const now = (run) => (run.live ? Date.now() + clockOffset : run.now);

  function showAll(run) {
    newest = run;
    if (follow || !chosen) chosen = run.current || (run.stages[0] || {}).stage || '';
    showHead(run);
    showHeadline(run);
    showAlarms(run);
    showStages(run);
    showChoice(run);
    showDetails(run);
    showRanks(run);
    showEvents(run);
    showCheckpoints(run);
  }

  /** What is new; undefined where the application has ended, or cannot be reached for a while. */
  async function ask() {
    try {
      const answer = await fetch(`${base}/run/?since=${encodeURIComponent(cursor())}`, { cache: 'no-store' });
      return answer.ok ? await answer.json() : undefined;
    } catch (failure) {
      return undefined;
    }
  }

  async function look() {
    const run = document.hidden ? newest : await ask();
    lost = run === undefined;
    if (run === undefined) {
      if (newest) showHead(newest);
      setTimeout(look, LOOK_AGAIN_MILLIS);
      return;
    }
    if (run && run !== newest) {
      clockOffset = run.now - Date.now();
      take(run.series);
      showAll(run);
      root.dataset.looks = String(Number(root.dataset.looks || 0) + 1);
    }
    if (!run || run.live) setTimeout(look, LOOK_MILLIS);
  }

  fill(part('split-legend'), ...PARTS.slice(0, 4).map(([name, text]) => el('span', { 'data-part': name }, text)));
  makeDetails();
  new MutationObserver(() => {
    shown = '';
    Object.values(cards).forEach((card) => card.chart.reset());
    if (newest) showAll(newest);
  }).observe(document.documentElement, { attributes: true, attributeFilter: ['data-bs-theme'] });
  look();
})();
