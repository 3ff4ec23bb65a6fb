// Each figure is drawn from the JSON that follows its element. The page sends no data anywhere.
const touch = !matchMedia("(hover: hover)").matches;
const config = {
  displayModeBar: touch ? false : "hover",
  displaylogo: false,
  typesetMath: false,
  showSendToCloud: false,
  plotlyServerURL: "",
  responsive: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
};
// On a touch screen, dragging on a figure scrolls the page instead of zooming.
const dragmode = touch ? false : "zoom";
const plots = [...document.querySelectorAll(".plot")];

for (const plot of plots) {
  const { data, layout } = JSON.parse(plot.nextElementSibling.textContent);
  Plotly.newPlot(plot, data, { ...layout, dragmode }, config);
}

// A trial is highlighted in every figure: pointing at it highlights it, a click keeps the highlight, and Escape
// clears it. Every point of a trial has the trial's number as its customdata.
const trials = JSON.parse(document.querySelector("#trials")?.textContent ?? '{"names":[],"trials":{}}');
const bar = document.querySelector("#followed");
const SVG = "http://www.w3.org/2000/svg";
let kept = null;
let shown = null;

function pathsOf(plot, number) {
  const paths = [];
  for (const trace of plot._fullData) {
    if (!trace.customdata || trace.visible !== true) continue;
    const [xaxis, yaxis] = [trace.xaxis, trace.yaxis].map((id) => plot._fullLayout[id.replace(/^./, "$&axis")]);
    let path = "";
    let pen = "M";
    for (let i = 0; i < trace.customdata.length; i++) {
      if (trace.customdata[i] !== number) continue;
      const [x, y] = [xaxis.d2p(trace.x[i]), yaxis.d2p(trace.y[i])];
      if (!Number.isFinite(x) || !Number.isFinite(y) || trace.y[i] === null) { pen = "M"; continue; }
      if (trace.mode.includes("lines")) {
        path += `${pen}${x} ${y}`;
        pen = "L";
      } else {
        path += `M${x - 7} ${y}a7 7 0 1 0 14 0a7 7 0 1 0 -14 0`;
      }
    }
    if (path) paths.push([path, xaxis, yaxis, trace.mode.includes("lines") ? trace.line.width + 1.5 : 2]);
  }
  return paths;
}

function draw(plot) {
  const canvas = plot.querySelector(".main-svg");
  canvas.querySelectorAll(".followed").forEach((old) => old.remove());
  const paths = shown === null ? [] : pathsOf(plot, shown);
  plot.classList.toggle("following", paths.length > 0);
  for (const [d, xaxis, yaxis, width] of paths) {
    const frame = document.createElementNS(SVG, "svg");
    const place = { x: xaxis._offset, y: yaxis._offset, width: xaxis._length, height: yaxis._length };
    for (const [name, value] of Object.entries(place)) frame.setAttribute(name, value);
    frame.setAttribute("class", "followed");
    const path = frame.appendChild(document.createElementNS(SVG, "path"));
    path.setAttribute("d", d);
    path.setAttribute("stroke-width", width);
    canvas.append(frame);
  }
}

function follow(number) {
  if (number === shown) return;
  shown = number;
  plots.forEach(draw);
  const cells = trials.trials[number];
  bar.hidden = !cells;
  if (cells) {
    const cellTexts = trials.names.slice(1).map((name, i) => `${name} ${cells[i]}`);
    bar.firstElementChild.textContent = `Trial ${number}: ${cellTexts.join(" · ")}`;
  }
  document.querySelectorAll("[data-trial]").forEach((button) => {
    button.closest("tr").classList.toggle("followed", Number(button.dataset.trial) === number);
  });
}

function keep(number) {
  kept = kept === number ? null : number;
  follow(kept);
  document.querySelectorAll("[data-trial]").forEach((button) => {
    button.setAttribute("aria-pressed", Number(button.dataset.trial) === kept);
  });
}

for (const plot of plots) {
  plot.on("plotly_hover", ({ points }) => follow(points[0].customdata ?? kept));
  plot.on("plotly_unhover", () => follow(kept));
  plot.on("plotly_click", ({ points }) => points[0].customdata !== undefined && keep(points[0].customdata));
  plot.on("plotly_afterplot", () => shown !== null && draw(plot));
}
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-trial]");
  if (button) keep(Number(button.dataset.trial));
});
bar?.querySelector("button").addEventListener("click", () => keep(kept));
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  kept = null;
  follow(null);
});

// In print, each figure takes the width of its element; Plotly would resize it after the page is printed.
matchMedia("print").addEventListener("change", ({ matches }) => {
  const widths = plots.map((plot) => (matches ? plot.clientWidth : null));
  plots.forEach((plot, i) => Plotly.relayout(plot, { width: widths[i], autosize: !matches }));
});
