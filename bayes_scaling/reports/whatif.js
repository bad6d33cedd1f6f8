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
    if (value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)) return value.toExponential(2);
    return String(Number(value.toPrecision(4)));
  };
  const show = (name, value, text) => {
    field(name).textContent = text === undefined ? short(value) : text;
    field(name).dataset.value = value;
  };
  const along = (name, range) => Math.exp(Math.log(range[0]) + field(name).value / 1000 * Math.log(range[1] / range[0]));
  const placeOf = (value, range) => 1000 * Math.log(value / range[0]) / Math.log(range[1] / range[0]);

  let flops = data.flops, params = data.params;
  const update = () => {
    if (field("best").checked) { params = best(flops); field("params").value = placeOf(params, data.sizes); }
    const law = losses(params, flops), tail = (1 - data.probability) / 2;
    const drawn = law.map((loss, index) => noise[index](loss));
    const sorted = Float64Array.from(drawn).sort();
    const target = Number(field("target").value), price = Number(field("price").value);
    show("flops-is", flops, `${short(flops)} FLOP`);
    show("params-is", params);
    show("tokens", flops / 6 / params);
    show("ratio", flops / 6 / params / params);
    show("loss", quantile(sorted, 0.5));
    show("low", quantile(sorted, tail));
    show("high", quantile(sorted, 1 - tail));
    show("chance", target > 0 ? drawn.filter(loss => loss <= target).length / drawn.length : NaN);
    show("cost", price > 0 ? price * flops : NaN);
  };

  field("flops").addEventListener("input", () => { flops = along("flops", data.budgets); update(); });
  field("params").addEventListener("input", () => { field("best").checked = false; params = along("params", data.sizes); update(); });
  ["target", "price", "best"].forEach(name => field(name).addEventListener("input", update));

  // The address may ask: report.html#whatif?flops=1e23&params=7e10&target=2
  const asked = new URLSearchParams((location.hash.split("?")[1] || "").replaceAll("+", "%2B"));
  if (asked.has("flops")) flops = Number(asked.get("flops"));
  if (asked.has("params")) { params = Number(asked.get("params")); field("best").checked = false; }
  if (asked.has("price")) field("price").value = asked.get("price");
  field("target").value = asked.get("target") || data.target || "";
  field("flops").value = placeOf(flops, data.budgets);
  field("params").value = placeOf(params, data.sizes);
  panel.hidden = false;
  update();
})();
