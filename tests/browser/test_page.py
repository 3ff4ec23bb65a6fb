"""The report page in a real browser: layout, interaction, and the absence of network requests."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from sweep.reporting.page.comparison import comparison
from sweep.reporting.page.page import page
from sweep.terminal_text import one_line
from tests.browser.chromium import NARROW, WIDE, Visit, visiting, wait_for_figures
from tests.sweep.reporting import synthetic_studies as studies

LAYOUTS = [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")]
MIN_CONTRAST = 4.5  # WCAG 2.1, success criterion 1.4.3
MEASURE_CONTRAST = """
() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).slice(0, 3)
      .map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
  };
  const found = [];
  for (const element of document.querySelectorAll("main *:not(script):not(style)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest("svg, .hidden, script")) continue;
    const [a, b] = [getComputedStyle(element).color, background(element)].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, element.textContent.trim().slice(0, 40)]);
  }
  return found;
}
"""

NUM_HIGHLIGHTED = "document.querySelectorAll('.plot:has(svg.followed)').length"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of a synthetic study and return its path."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_bytes(page(studies.kmnist(num_trials=60)))
    return path


@pytest.fixture
def visit(chromium: Browser, file: Path) -> Iterator[Visit]:
    """Open the report and wait for its figures."""
    with visiting(chromium, file.as_uri(), allowed=file.as_uri()) as visit:
        wait_for_figures(visit.page)
        yield visit


def check_layout(visit: Visit, width: int, screenshot: Path) -> None:
    """Check that a page is complete, fits a width and has enough contrast, and take a screenshot of it."""
    wait_for_figures(visit.page)
    visit.page.screenshot(path=screenshot, full_page=True)
    assert (visit.blocked, visit.errors) == ([], [])
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    for ratio, text in visit.page.evaluate(MEASURE_CONTRAST):
        assert ratio >= MIN_CONTRAST, text


@pytest.mark.parametrize(("width", "scheme"), LAYOUTS)
def test_page_fits_every_width_and_has_contrast_in_both_color_schemes(
    chromium: Browser, file: Path, screenshots: Path, width: int, scheme: str
) -> None:
    with visiting(chromium, file.as_uri(), file.as_uri(), width, scheme) as visit:
        check_layout(visit, width, screenshots / f"report-{width}-{scheme}.png")


def test_every_figure_is_drawn_and_described(visit: Visit) -> None:
    drawn = visit.page.evaluate(
        "() => [...document.querySelectorAll('.plot')].map((plot) => ["
        "plot.getAttribute('aria-label'), plot.querySelectorAll('.trace, .barlayer path').length])"
    )
    assert len(drawn) >= 11
    for description, num_traces in drawn:
        assert description.endswith(".")
        assert num_traces > 0, description


def test_hovered_point_is_labelled_with_its_trial(visit: Visit) -> None:
    number = visit.page.evaluate("document.querySelector('.plot').data[0].x[0]")
    hover_over_point(visit.page, plot=0, trace=0, point=0)
    label = visit.page.locator(".plot").first.locator(".hoverlayer").text_content()
    assert label is not None
    assert label.startswith(f"trial {number}validation accuracy ")


def test_hovered_trial_is_highlighted_in_every_figure(visit: Visit) -> None:
    number = visit.page.evaluate("document.querySelector('.plot').data[0].x[0]")
    hover_over_point(visit.page, plot=0, trace=0, point=0)
    in_figures = visit.page.evaluate(NUM_HIGHLIGHTED)
    assert in_figures >= 1 + 1 + 1 + 5 + 4 + 1  # history, combinations, contour, slices, curves, timeline
    assert visit.page.locator("#followed").inner_text().startswith(f"Trial {number}: ")
    assert visit.page.locator("tr.followed button").inner_text() == str(number)
    visit.page.mouse.move(2, 2)
    visit.page.wait_for_function("document.querySelector('#followed').hidden")
    assert visit.page.evaluate(NUM_HIGHLIGHTED) == 0


def test_trial_is_selected_by_click_or_keyboard_and_released_by_escape(
    visit: Visit, screenshots: Path
) -> None:
    hover_over_point(visit.page, plot=0, trace=0, point=0)
    visit.page.mouse.down()
    visit.page.mouse.up()
    visit.page.mouse.move(2, 2)
    visit.page.wait_for_selector("td button[aria-pressed=true]")
    assert visit.page.evaluate(NUM_HIGHLIGHTED) > 0
    visit.page.screenshot(path=screenshots / "report-followed.png", full_page=True)
    visit.page.keyboard.press("Escape")
    assert visit.page.evaluate(NUM_HIGHLIGHTED) == 0
    button = visit.page.locator("td button").nth(3)
    button.focus()
    visit.page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert visit.page.evaluate(NUM_HIGHLIGHTED) > 0
    assert visit.errors == []


def test_highlight_moves_with_the_point_when_the_figure_is_zoomed(visit: Visit) -> None:
    visit.page.locator("td button").first.click()
    path = "document.querySelector('.plot svg.followed path').getAttribute('d')"
    before = visit.page.evaluate(path)
    visit.page.evaluate("Plotly.relayout(document.querySelector('.plot'), {'xaxis.range': [0, 200]})")
    visit.page.wait_for_function(f"{path} !== {before!r}")


def test_every_navigation_link_has_a_target(visit: Visit) -> None:
    for link in visit.page.locator("nav a").all():
        target = str(link.get_attribute("href"))
        assert visit.page.locator(target).count() == 1, target


def test_headings_are_nested_and_tables_are_reachable_by_keyboard(visit: Visit) -> None:
    levels = visit.page.evaluate(
        "() => [...document.querySelectorAll('h1, h2, h3')].map((h) => Number(h.tagName[1]))"
    )
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    reached = set()
    for _ in range(20):
        visit.page.keyboard.press("Tab")
        reached.add(
            visit.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")
        )
    assert {"Result", "Provenance", "Trials, best first"} <= reached


def test_request_of_a_page_is_recorded(chromium: Browser, tmp_path: Path) -> None:
    """This test checks the recording itself, with a page that loads an image from another host."""
    requesting = tmp_path / "requesting.html"
    requesting.write_text('<img src="http://198.51.100.1/a.png">')
    with visiting(chromium, requesting.as_uri(), requesting.as_uri()) as visit:
        visit.page.wait_for_load_state()
        assert visit.blocked == ["http://198.51.100.1/a.png"]
        assert len(visit.errors) == 1


def test_content_security_policy_blocks_requests(visit: Visit) -> None:
    assert (
        visit.page.evaluate("fetch('http://198.51.100.1/').then(() => 'sent', () => 'stopped')") == "stopped"
    )
    assert visit.blocked == []
    assert "Content Security Policy" in visit.errors[0]


def test_page_can_be_printed(visit: Visit) -> None:
    visit.page.emulate_media(media="print")
    assert visit.page.pdf().startswith(b"%PDF")
    assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def hover_over_point(page: Page, plot: int, trace: int, point: int) -> None:
    """Move the pointer to a point of a figure and wait for the label of the point."""
    page.locator(".plot").nth(plot).scroll_into_view_if_needed()
    x, y = page.evaluate(
        """([plot, trace, point]) => {
          const figure = document.querySelectorAll(".plot")[plot];
          const { xaxis, yaxis } = figure._fullLayout;
          const area = figure.querySelector(".nsewdrag").getBoundingClientRect();
          const { x, y } = figure._fullData[trace];
          return [area.x + xaxis.d2p(x[point]), area.y + yaxis.d2p(y[point])];
        }""",
        [plot, trace, point],
    )
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    page.locator(".plot").nth(plot).locator(".hoverlayer .hovertext").wait_for()


@pytest.mark.parametrize(("width", "scheme"), LAYOUTS)
def test_page_of_several_objectives_fits_every_width_and_links_the_front(
    chromium: Browser, tmp_path: Path, screenshots: Path, width: int, scheme: str
) -> None:
    path = tmp_path / "report.html"
    limit = {"metric": "val_loss", "at_most": 0.14}
    path.write_bytes(page(studies.several_objectives(num_trials=60, constraints=[limit])))
    with visiting(chromium, path.as_uri(), path.as_uri(), width, scheme) as visit:
        check_layout(visit, width, screenshots / f"objectives-{width}-{scheme}.png")
        if width == WIDE:
            last = visit.page.evaluate("document.querySelector('.plot').data.length") - 1
            hover_over_point(visit.page, plot=0, trace=last, point=0)
            assert visit.page.locator("#followed").inner_text().startswith("Trial ")
            # The front, the hypervolume, two histories, combinations, contours, slices, curves, the timeline.
            assert visit.page.evaluate(NUM_HIGHLIGHTED) >= 1 + 1 + 2 + 1 + 2 + 10 + 4 + 1
            assert visit.page.locator("tr.followed").count() == 2  # in the trade-offs and among all trials


@pytest.mark.parametrize(("width", "scheme"), LAYOUTS)
def test_comparison_fits_every_width_in_both_color_schemes(
    chromium: Browser, tmp_path: Path, screenshots: Path, width: int, scheme: str
) -> None:
    file = tmp_path / "comparison.html"
    other = studies.with_definition(studies.kmnist(num_trials=40, seed=3), name="kmnist-random")
    file.write_bytes(comparison([studies.kmnist(num_trials=60), other]))
    with visiting(chromium, file.as_uri(), file.as_uri(), width, scheme) as visit:
        wait_for_figures(visit.page)
        visit.page.screenshot(path=screenshots / f"comparison-{width}-{scheme}.png", full_page=True)
        hover_over_point(visit.page, plot=0, trace=1, point=0)
        assert (visit.blocked, visit.errors) == ([], [])
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        label = visit.page.locator(".plot").first.locator(".hoverlayer").text_content()
        assert str(label).startswith("kmnist-random: ")


EXECUTE = "document.title = 'executed'"
ATTACKS = {
    "element": f'<img src=x onerror="{EXECUTE}">',
    "end of a script": f"</script><script>{EXECUTE}</script><!--",
    "attribute": f'" onmouseover="{EXECUTE}" x=\'',
    "link of Plotly": f'<a href="javascript:{EXECUTE}"><b>x</b></a><br>&lt;i&gt;',
    "template": "%{x}${alert(1)}{{ 7 * 7 }}{% for %}$x^2$",
    "reordering": "a\u202eb\u2028c\x9b31m",
}


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_names_and_values_are_shown_literally_and_executed_nowhere(
    chromium: Browser, tmp_path: Path, screenshots: Path, text: str, request: pytest.FixtureRequest
) -> None:
    pages = {}
    for name, chosen in (("harmless", "calm"), ("hostile", text)):
        data = studies.hostile(chosen)
        pages[name] = tmp_path / f"{name}.html"
        pages[name].write_bytes(page(data))
        (tmp_path / f"{name}-comparison.html").write_bytes(
            comparison([data, studies.with_definition(data, name=f"{chosen}2")])
        )
    count = "document.querySelectorAll(':not(tspan, svg, svg *)').length"
    shown = one_line(text)
    for name, file in (("report", pages["hostile"]), ("comparison", tmp_path / "hostile-comparison.html")):
        with visiting(chromium, file.as_uri(), file.as_uri()) as visit:
            wait_for_figures(visit.page)
            drawn = visit.page.locator(".plot").all_text_contents()
            assert sum(shown in part.replace("\N{NO-BREAK SPACE}", " ") for part in drawn) >= 1
            hover_over_point(visit.page, plot=0, trace=0, point=0)
            assert shown in str(visit.page.locator(".plot").first.locator(".hoverlayer").text_content())
            visit.page.mouse.move(2, 2)
            for button in visit.page.locator("td button").all()[:1]:
                button.click()
                assert shown in visit.page.locator("#followed").inner_text()
            assert visit.page.locator(".plot a, .plot b, .plot i, img").count() == 0
            assert visit.page.title() == f"{shown} – sweep report" or name == "comparison"
            assert shown in visit.page.locator("h1").inner_text() or name == "comparison"
            assert (visit.blocked, visit.errors) == ([], [])
            num_elements = visit.page.evaluate(count)
            if name == "report":
                visit.page.screenshot(path=screenshots / f"report-hostile-{request.node.callspec.id}.png")
        harmless = tmp_path / file.name.replace("hostile", "harmless")
        with visiting(chromium, harmless.as_uri(), harmless.as_uri()) as visit:
            wait_for_figures(visit.page)
            hover_over_point(visit.page, plot=0, trace=0, point=0)
            assert visit.page.evaluate(count) == num_elements


def test_script_that_is_not_of_the_page_is_not_executed(visit: Visit) -> None:
    visit.page.evaluate(f"""() => {{
      const script = document.createElement("script");
      script.textContent = "{EXECUTE}";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", `<img src="data:," onerror="{EXECUTE}">`);
    }}""")
    visit.page.wait_for_timeout(200)
    assert visit.page.title() != "executed"
    assert "Content Security Policy" in visit.errors[0]
