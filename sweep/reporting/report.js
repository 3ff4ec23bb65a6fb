// Draws each figure from the JSON that follows its place. Nothing is ever sent anywhere.
const touch = !matchMedia("(hover: hover)").matches;
const config = {
  displayModeBar: touch ? false : "hover",
  displaylogo: false,
  showSendToCloud: false,
  plotlyServerURL: "",
  responsive: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
};
// On a touch screen a finger on a figure scrolls the page instead of zooming.
const dragmode = touch ? false : "zoom";
const plots = [...document.querySelectorAll(".plot")];

for (const plot of plots) {
  const { data, layout } = JSON.parse(plot.nextElementSibling.textContent);
  Plotly.newPlot(plot, data, { ...layout, dragmode }, config);
}
// On paper each figure takes the width of its place; plotly's own resizing would come too late.
matchMedia("print").addEventListener("change", ({ matches }) => {
  const widths = plots.map((plot) => (matches ? plot.clientWidth : null));
  plots.forEach((plot, i) => Plotly.relayout(plot, { width: widths[i], autosize: !matches }));
});
