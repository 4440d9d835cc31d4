const data = JSON.parse(document.getElementById('run').textContent);

/** The colour of a run, or of a teacher. */
const colour = (run) => (run < 0 ? 'teacher dashed' : `run-${run % 10}`);

/** Lines of several runs, with a read-out of all of them. */
function overlay(host, lines, options) {
  const drawn = lines.filter((line) => line.x.length);
  lineChart(host, {
    lines: drawn.map((line) => ({ x: line.x, y: line.y, style: colour(line.run) })),
    height: 260,
    peers: [],
    ...options,
    read(position) {
      const there = drawn.map((line) => ({ ...at(line, position), line }));
      const best = there.reduce((a, b) =>
        Math.abs(b.x - position) < Math.abs(a.x - position) ? b : a);
      // A run that has no point near here says nothing.
      const near = there.filter((point) => options.near(point.x, best.x));
      return {
        x: best.x, y: best.y, style: colour(best.line.run),
        pairs: [options.where(best.x), ...near.map((p) => [p.line.label, measure(p.y)])],
      };
    },
  });
}

const plots = {
  journey(host) {
    const { stations, lines, teachers } = data.journey;
    const all = stations.map((_, i) => i);
    overlay(host, [
      ...teachers.map((teacher) => ({
        run: -1, label: teacher.label, x: all, y: all.map(() => teacher.perplexity),
      })),
      ...lines,
    ], {
      logY: true,
      dots: true,
      xTicks: () => all,
      xText: (i) => (host.clientWidth < 560 ? stations[i].replace('after ', '') : stations[i]),
      near: (x, best) => x === best,
      where: (i) => ['', stations[i]],
    });
  },

  positions(host) {
    overlay(host, data.positions, {
      logX: true,
      logY: true,
      xTicks: binaryTicks,
      near: (x, best) => Math.abs(x - best) < 0.5,
      where: (x) => ['around position', String(Math.round(x))],
    });
  },

  sources(host) {
    groupedBars(host, data.sources.map((source) => ({
      name: source.name,
      bars: source.bars.map((bar) => ({
        value: bar.perplexity, label: bar.label, style: colour(bar.run),
      })),
    })));
  },

  loss(host) {
    const { lines } = data.stages[host.dataset.stage];
    const longest = Math.max(...lines.map((line) => line.x.at(-1)));
    overlay(host, lines, {
      near: (x, best) => Math.abs(x - best) <= longest / 50,
      where: (x) => ['tokens', tickText(x)],
    });
  },
};

drawAll(plots);
