// The slider of the hull at temperature: it moves a drawing (of two elements) and the table below it.
(() => {
  const data = JSON.parse(document.getElementById("temperature-data").textContent);
  const range = document.getElementById("temperature-range");
  const svg = document.getElementById("temperature-hull");
  const phone = window.matchMedia("(max-width: 600px)");
  let width = 640;
  const [height, left, right, top, bottom] = [360, 62, 14, 14, 46];
  const say = (value) => {
    const text = Math.abs(value) < 0.05 ? "0.0" : value.toFixed(1);
    return text.replace("-", "−");
  };
  const shape = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const subscripts = (name) => name.replace(/(?<=^[A-Za-z0-9]*)\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);

  const table = (now) => {
    document.querySelectorAll("table.warm tr[data-phase]").forEach((row) => {
      const phase = row.dataset.phase;
      const values = [data.above[phase][now], data.formation[phase][now]];
      values.forEach((value, k) => {
        row.cells[2 + k].textContent = say(value);
        row.cells[2 + k].dataset.value = value;
      });
      row.classList.toggle("stable", values[0] < 1e-3);
    });
  };

  // One frame for all temperatures, or nothing would be seen to move
  const near = data.formation.map((row, k) => row.filter((_, t) => data.above[k][t] <= 60)).flat();
  const [low, high] = [Math.min(0, ...near), Math.max(0, ...near)];
  const margin = 0.08 * Math.max(high - low, 1);
  const x = (fraction) => left + 12 + fraction * (width - left - right - 24);
  const y = (energy) => top + ((high + margin - energy) / (high - low + 2 * margin)) * (height - top - bottom);

  const frame = () => {
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((s) => (high - low) / s <= 6) ?? 2000;
    for (let tick = Math.ceil((low - margin) / step) * step; tick <= high + margin; tick += step) {
      svg.append(shape("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: tick ? "grid" : "zero" }));
      svg.append(shape("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(tick).replace("-", "−")));
    }
    for (const fraction of [0, 0.25, 0.5, 0.75, 1]) {
      svg.append(shape("text", { x: x(fraction), y: height - bottom + 18, "text-anchor": "middle" }, String(fraction)));
    }
    svg.append(shape("text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }, `atomic fraction of ${data.elements[1]}`));
    const middle = (top + height - bottom) / 2;
    svg.append(shape("text", { x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }, "formation free energy (meV/atom)"));
  };

  const drawing = (now) => {
    svg.querySelector("g.moving")?.remove();
    const group = shape("g", { class: "moving" });
    const phases = data.x.map((fraction, k) => ({ fraction, k, energy: data.formation[k][now], above: data.above[k][now] }));
    const stable = phases.filter((p) => p.above < 1e-3).sort((a, b) => a.fraction - b.fraction);
    group.append(shape("polyline", { class: "hull", points: stable.map((p) => `${x(p.fraction)},${y(p.energy)}`).join(" ") }));
    for (const p of phases.filter((p) => p.above >= 1e-3 && p.above <= 60)) {
      const point = shape("circle", { cx: x(p.fraction), cy: y(p.energy), r: 3.5, class: "above" });
      point.append(shape("title", {}, `${data.names[p.k]}: ${say(p.above)} meV/atom above the hull`));
      group.append(point);
    }
    for (const p of stable) {
      const point = shape("circle", { cx: x(p.fraction), cy: y(p.energy), r: 5, class: "on" });
      point.append(shape("title", {}, `${data.names[p.k]}: on the hull`));
      const anchor = p.fraction < 0.1 ? "start" : p.fraction > 0.9 ? "end" : "middle";
      const name = subscripts(data.names[p.k].split(" ")[0]);
      group.append(point, shape("text", { x: x(p.fraction), y: y(p.energy) + 19, "text-anchor": anchor, class: "name" }, name));
    }
    svg.append(group);
  };

  const show = () => {
    const now = Number(range.value);
    const words = `${Math.round(data.temperatures[now])} K`;
    document.getElementById("temperature-now").textContent = words;
    document.querySelectorAll(".temperature-now").forEach((place) => (place.textContent = words));
    range.setAttribute("aria-valuetext", words);
    table(now);
    if (svg) drawing(now);
  };

  document.getElementById("temperature-slider").hidden = false;
  const begin = () => {
    if (svg) {
      width = phone.matches ? 360 : 640;
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.removeAttribute("hidden");
      svg.replaceChildren();
      frame();
    }
    show();
  };
  range.addEventListener("input", show);
  phone.addEventListener("change", begin);
  begin();
})();
