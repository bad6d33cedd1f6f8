// Answers other budgets, sizes, targets and prices from the draws in the page; nothing is fetched.
(() => {
  const panel = document.getElementById("whatif-panel");
  const data = JSON.parse(document.getElementById("whatif-data").textContent);
  const field = name => document.getElementById(`whatif-${name}`);

  const effective = (walk, draw, size) => {
    const x = Math.log(size / walk.reference), knots = walk.knots, slope = walk.slope[draw];
    const last = knots.length - 2;
    let found = walk.start[draw], place = 0;
    while (place < last && x > knots[place + 1]) {
      found += (knots[place + 1] - knots[place]) * (slope[place] + slope[place + 1]) / 2;
      place += 1;
    }
    const spacing = knots[place + 1] - knots[place], first = slope[place], second = slope[place + 1];
    const share = Math.min(Math.max((x - knots[place]) / spacing, 0), 1);
    found += spacing * (first * share + (second - first) * share * share / 2);
    found += first * Math.min(0, x - knots[place]) + second * Math.max(0, x - knots[place] - spacing);
    return walk.reference * Math.exp(found);
  };

  // Noise and error of the form act on the log of a loss, or on the log odds of an error rate.
  const shifted = (loss, by, bounded) => {
    if (!bounded) return loss * Math.exp(by);
    const odds = loss / Math.max(1 - loss, 1e-9) * Math.exp(by);
    return odds / (1 + odds);
  };

  // Noise-free loss under every draw of every law.
  const losses = (params, flops) => {
    const sizes = { params, tokens: flops / 6 / params, flops }, found = [];
    data.laws.forEach((law, index) => {
      const constants = { ...sizes, ...law.references };
      for (let draw = 0; draw < law.draws; draw += 1) {
        const v = { ...constants };
        for (const name in law.values) v[name] = law.values[name][draw];
        for (const name in law.walks) v[law.walks[name].as] = effective(law.walks[name], draw, sizes[name]);
        let loss = laws[index](v);
        if (law.form) {
          const scale = law.form.inputs.reduce((sum, name) => sum + Math.log(sizes[name]), 0);
          loss = shifted(loss, law.form.errors[draw] * Math.max(0, scale - law.form.from), law.bounded);
        }
        found.push(loss);
      }
    });
    return found;
  };
  const noise = data.laws.flatMap(law => law.noise.map(by => loss => shifted(loss, by, law.bounded)));
  const drawn = (params, flops) => Float64Array.from(losses(params, flops), (loss, index) => noise[index](loss)).sort();

  // Quantile by linear interpolation between order statistics.
  const quantile = (sorted, level) => {
    const place = level * (sorted.length - 1), low = Math.floor(place);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
  };
  const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;

  // Params of least mean loss, by a scan of the slider's range and a closer one.
  const best = flops => {
    let [low, high] = data.sizes.map(Math.log), at = low;
    for (let round = 0; round < 3; round += 1) {
      let least = Infinity;
      const step = (high - low) / 24;
      for (let place = 0; place <= 24; place += 1) {
        const loss = mean(losses(Math.exp(low + place * step), flops));
        if (loss < least) { least = loss; at = low + place * step; }
      }
      [low, high] = [at - step, at + step];
    }
    return Math.exp(at);
  };

  const short = value => {
    if (!Number.isFinite(value)) return "–";
    if (value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)) return Number(value.toPrecision(3)).toExponential().replace("e+", "e");
    return String(Number(value.toPrecision(4)));
  };
  const show = (name, value, text) => {
    field(name).textContent = text === undefined ? short(value) : text;
    field(name).dataset.value = value;
  };
  const along = (name, range) => Math.exp(Math.log(range[0]) + field(name).value / 1000 * Math.log(range[1] / range[0]));
  const placeOf = (value, range) => 1000 * Math.log(value / range[0]) / Math.log(range[1] / range[0]);
  const tail = (1 - data.probability) / 2, levels = [tail, 0.25, 0.5, 0.75, 1 - tail];
  const target = () => Number(field("target").value), price = () => Number(field("price").value);
  const reached = sorted => target() > 0 ? sorted.filter(loss => loss <= target()).length / sorted.length : NaN;
  const cost = flops => price() > 0 ? price() * flops / data.flops_per_hour : NaN;

  let flops = data.flops, params = data.params;

  // The curve: along the best split of each budget, or at the size that was chosen.
  const svg = field("curve"), small = matchMedia("(max-width: 34rem)").matches;
  const width = small ? 380 : 680, height = small ? 300 : 340;
  const left = 44, right = width - 12, top = 10, bottom = height - 44;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const element = (tag, given, inside = "") => {
    const written = Object.entries(given).map(([name, value]) => ` ${name}="${value}"`).join("");
    return `<${tag}${written}>${inside}</${tag}>`;
  };
  const words = text => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  let curve = [], pointed = null;
  const range = list => [Math.min(...list), Math.max(...list)];
  const compute = () => {
    const kept = field("best").checked;
    curve = data.path.flops.map((budget, place) => {
      const size = kept ? data.path.params[place] : params;
      const sorted = drawn(size, budget);
      return { flops: budget, params: size, chance: () => reached(sorted), ends: levels.map(level => quantile(sorted, level)) };
    });
  };
  const draw = now => {
    const [least, most] = range([...data.path.flops, ...data.runs.map(run => run.flops)]);
    const seen = [...curve.flatMap(at => [at.ends[0], at.ends[4]]), ...data.runs.map(run => run.loss), now[0], now[4]];
    const [low, high] = range(seen.filter(loss => loss > 0)).map(Math.log);
    const x = value => left + (right - left) * Math.log(value / least) / Math.log(most / least);
    const y = value => bottom - (bottom - top) * (Math.log(value) - low + 0.02) / (high - low + 0.04);
    const points = list => list.map(([u, v]) => `${x(u).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
    const band = (one, two, name) => element("polygon", { class: name, points: points([...curve.map(at => [at.flops, at.ends[one]]), ...curve.toReversed().map(at => [at.flops, at.ends[two]])]) });
    let inside = "";
    const step = Math.ceil(Math.log10(most / least) / (small ? 4 : 8));
    for (let power = Math.ceil(Math.log10(least)); power <= Math.log10(most); power += step) {
      const place = x(10 ** power);
      inside += element("line", { class: "grid", x1: place, x2: place, y1: top, y2: bottom });
      inside += element("text", { x: place, y: bottom + 16, "text-anchor": "middle" }, `1e${power}`);
    }
    const marks = [];
    for (let power = Math.floor(low / Math.LN10); power <= high / Math.LN10; power += 1)
      for (const mark of [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]) marks.push(mark * 10 ** power);
    const shown = marks.filter(mark => Math.log(mark) >= low && Math.log(mark) <= high);
    for (const value of shown.filter((_, place) => place % Math.ceil(shown.length / 6) === 0)) {
      inside += element("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) });
      inside += element("text", { x: left - 5, y: y(value) + 4, "text-anchor": "end" }, short(value));
    }
    inside += band(0, 4, "wide-band") + band(1, 3, "half-band");
    inside += element("polyline", { class: "middle", points: points(curve.map(at => [at.flops, at.ends[2]])) });
    if (target() > 0 && Math.log(target()) > low && Math.log(target()) < high)
      inside += element("line", { class: "target", x1: left, x2: right, y1: y(target()), y2: y(target()) });
    for (const run of data.runs)
      inside += element("circle", { class: "run", cx: x(run.flops), cy: y(run.loss), r: 2.6 }, element("title", {}, words(`${run.name}: ${short(run.loss)} at ${short(run.flops)} FLOP`)));
    inside += element("line", { class: "plan", x1: x(flops), x2: x(flops), y1: y(now[0]), y2: y(now[4]) });
    inside += element("circle", { class: "plan", cx: x(flops), cy: y(now[2]), r: 4 });
    if (pointed !== null) inside += element("line", { class: "pointer", x1: x(curve[pointed].flops), x2: x(curve[pointed].flops), y1: top, y2: bottom });
    inside += element("text", { x: (left + right) / 2, y: bottom + 36, "text-anchor": "middle" }, "compute [FLOP]");
    svg.innerHTML = inside;
    svg.dataset.least = least;
    svg.dataset.most = most;
  };
  const look = near => {
    if (pointed === null) { field("look").textContent = "Point at the curve for its values, and at a dot for the run."; return; }
    const at = curve[pointed], chance = at.chance(), money = cost(at.flops);
    const parts = [
      `At ${short(at.flops)} FLOP, ${short(at.params)} parameters on ${short(at.flops / 6 / at.params)} tokens:`,
      `loss ${short(at.ends[2])} [${short(at.ends[0])}, ${short(at.ends[4])}]`,
      Number.isFinite(chance) ? `, chance of the target ${short(chance)}` : "",
      Number.isFinite(money) ? `, cost ${short(money)}` : "",
      near ? `. Run ${near.name}: ${short(near.loss)} at ${short(near.flops)} FLOP` : "",
    ];
    field("look").textContent = `${parts[0]} ${parts.slice(1).join("")}.`;
    Object.assign(field("look").dataset, { value: at.ends[2], low: at.ends[0], high: at.ends[4], params: at.params, flops: at.flops });
  };
  const nearest = (list, value) => list.reduce((found, each, place) => Math.abs(Math.log(each.flops / value)) < Math.abs(Math.log(list[found].flops / value)) ? place : found, 0);

  let now = levels;
  const update = changed => {
    if (field("best").checked) { params = best(flops); field("params").value = placeOf(params, data.sizes); }
    const sorted = drawn(params, flops);
    now = levels.map(level => quantile(sorted, level));
    show("flops-is", flops, `${short(flops)} FLOP`);
    show("params-is", params);
    show("tokens", flops / 6 / params);
    show("ratio", flops / 6 / params / params);
    show("loss", now[2]);
    show("low", now[0]);
    show("high", now[4]);
    show("chance", reached(sorted));
    show("cost", cost(flops));
    show("hours", flops / data.flops_per_hour);
    if (changed) compute();
    draw(now);
    look();
  };

  field("flops").addEventListener("input", () => { flops = along("flops", data.budgets); update(false); });
  field("params").addEventListener("input", () => { field("best").checked = false; params = along("params", data.sizes); update(true); });
  ["target", "price"].forEach(name => field(name).addEventListener("input", () => update(false)));
  field("best").addEventListener("input", () => update(true));
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect(), [least, most] = [svg.dataset.least, svg.dataset.most].map(Number);
    const share = ((event.clientX - box.left) / box.width * width - left) / (right - left);
    const value = least * (most / least) ** share;
    pointed = nearest(curve, value);
    draw(now);
    const run = data.runs.length ? data.runs[nearest(data.runs, value)] : null;
    const named = event.target.tagName === "circle" && event.target.querySelector("title");
    look(named ? { ...run, ...data.runs.find(each => named.textContent.startsWith(`${each.name}: ${short(each.loss)} `)) } : null);
  });
  svg.addEventListener("pointerleave", () => { pointed = null; draw(now); look(); });
  svg.addEventListener("keydown", event => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    pointed = Math.min(Math.max((pointed ?? nearest(curve, flops)) + by, 0), curve.length - 1);
    draw(now);
    look();
    event.preventDefault();
  });

  // The address may ask: report.html#what-if?flops=1e23&params=7e10&target=2&price=2.5&look=1e22
  const asked = new URLSearchParams((location.hash.split("?")[1] || "").replaceAll("+", "%2B"));
  if (asked.has("flops")) flops = Number(asked.get("flops"));
  if (asked.has("params")) { params = Number(asked.get("params")); field("best").checked = false; }
  field("price").value = asked.get("price") || data.price || "";
  field("target").value = asked.get("target") || data.target || "";
  field("flops").value = placeOf(flops, data.budgets);
  field("params").value = placeOf(params, data.sizes);
  panel.hidden = false;
  compute();
  if (asked.has("look")) pointed = nearest(curve, Number(asked.get("look")));
  update(false);
})();
