"""Subgroups and sites on the page."""

from __future__ import annotations

import csv
import io
import re
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from grouped_cohorts import POINT, drawn

from medtransfer.core.evaluated.heterogeneity import Sites, Subgroups
from medtransfer.core.results import Estimate
from medtransfer.evaluation.heterogeneity.sites import sites
from medtransfer.evaluation.heterogeneity.subgroups import subgroups
from medtransfer.evaluation.positive import Positive
from medtransfer.reporting.forest import ForestRow, forest_plot
from medtransfer.reporting.group_table import forest_figure
from medtransfer.reporting.groups_csv import groups_csv
from medtransfer.reporting.section import Section
from medtransfer.reporting.sections import sites as on_page_sites
from medtransfer.reporting.sections import subgroups as on_page
from medtransfer.reporting.sections.sites import sites_section
from medtransfer.reporting.sections.subgroups import MOST_DRAWINGS, subgroups_section

HOSTILE = ("=HYPERLINK(1)", "<script>x</script>", "\x1b[2J\u202eGE", "$\\frac 肺炎", "W" * 300)


@pytest.fixture(scope="module")
def cohort() -> tuple[Positive, pd.DataFrame]:
    view, table = drawn(5, n=1200, patients=900)
    sex = table["attribute_sex"].to_numpy(dtype=object)
    sex[np.flatnonzero(~view.truth)[:12]] = ""
    maker = np.random.default_rng(0).choice(np.array(HOSTILE, dtype=object), view.truth.size)
    return view, table.assign(attribute_sex=sex, attribute_manufacturer=maker)


@pytest.fixture(scope="module")
def records(cohort: tuple[Positive, pd.DataFrame]) -> tuple[Subgroups, ...]:
    return subgroups(*cohort, ["age", "manufacturer"], point=POINT, prespecified=["sex"])


@pytest.fixture(scope="module")
def by_site(cohort: tuple[Positive, pd.DataFrame]) -> Sites:
    found = sites(*cohort, point=POINT)
    assert found is not None
    return found


def markup(part: Section) -> str:
    page = str(part.body) + "".join(f"{one.heading}{one.svg}{one.caption}" for one in part.figures)
    for one in part.figures:
        ET.fromstring(str(one.svg))
    assert "nan" not in re.sub(r"<[^>]*>", " ", page).lower().split()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    return page


def test_every_attribute_has_a_table_and_a_forest(records: tuple[Subgroups, ...]) -> None:
    part = subgroups_section(records)
    page = markup(part)
    assert [one.heading for one in part.figures] == ["AUROC by sex", "AUROC by age", "AUROC by manufacturer"]
    assert "<h3>By sex</h3>" in page
    assert '<h3>By age <span class="muted">(exploratory)</span></h3>' in page
    assert "Age in years, in bands." in page
    assert records[0].family in page
    assert "not estimable: 0 patients with the finding; 10 or more are needed" in page
    assert "not estimable: 0 patients with the finding<" in page
    for record in records:
        for group in record.groups:
            assert f"{group.n:,}<br>" in page


def test_names_from_files_reach_neither_markup_nor_terminal_nor_mathematics(
    records: tuple[Subgroups, ...], cohort: tuple[Positive, pd.DataFrame]
) -> None:
    page = markup(subgroups_section(records))
    named = sites(cohort[0], cohort[1].assign(site=cohort[1]["attribute_manufacturer"]), point=POINT)
    assert named is not None
    for text in (page, markup(sites_section([named]))):
        assert "<script" not in text
        assert "&lt;script&gt;" in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "肺炎" in text


def test_what_stays_after_adjustment_is_said(records: tuple[Subgroups, ...]) -> None:
    assert (
        on_page.summary(records[:1])
        == "After adjustment no group differs from all other studies (8 differences tested)."
    )
    view, table = drawn(9, n=1500)
    women = (table["attribute_sex"] == "F").to_numpy()
    worse = np.where(women, np.random.default_rng(0).permutation(view.probability), view.probability)
    order = np.argsort(worse, kind="stable")
    blind = Positive(truth=view.truth[order], probability=worse[order], groups=view.groups[order])
    found = subgroups(blind, table.iloc[order], ["sex"])
    words = on_page.summary(found)
    assert words.startswith("After adjustment 1 of 2 differences tested remain: AUROC of sex ")
    assert "p < 0.001, exploratory" in words
    (known,) = subgroups(blind, table.iloc[order], ["sex"], prespecified=["sex"])
    assert "exploratory" not in on_page.summary([known])
    assert on_page.summary([]).startswith("No group could be compared")


def test_sites_show_the_average_site_and_the_next(by_site: Sites) -> None:
    part = sites_section([by_site])
    page = markup(part)
    (one,) = part.figures
    assert "average site" in one.caption
    assert "Average site" in str(one.svg)
    pooled = by_site.pooled[0]
    assert f"between {pooled.prediction_low:.3f} and {pooled.prediction_high:.3f}" in page
    assert f"{pooled.q:.2f} (6 df)" in page
    assert f"most: {pooled.moved_most_by}" in page


def test_few_sites_are_shown_and_not_pooled(cohort: tuple[Positive, pd.DataFrame]) -> None:
    view, table = cohort
    found = sites(view, table.assign(site=table["site"].map(lambda name: "A" if name < "D" else "B")), point=POINT)
    assert found is not None
    page = markup(sites_section([found]))
    assert "AUROC is not pooled: there are 2 sites" in page
    assert "Average site" not in page
    assert on_page_sites.summary(found) == "2 sites, 2 of them with enough patients to be judged alone."


def test_several_findings_stand_one_below_the_other(cohort: tuple[Positive, pd.DataFrame]) -> None:
    found = [one for of in ("effusion", "hernia") for one in subgroups(*cohort, ["sex"], of=of)]
    page = markup(subgroups_section(found))
    assert "By sex: effusion" in page
    assert "AUROC by sex: hernia" in page
    every = [one for of in ("effusion", "hernia") if (one := sites(*cohort, of=of))]
    assert "<h3>hernia</h3>" in markup(sites_section(every))


def test_too_many_drawings_and_rows_are_left_to_the_tables(records: tuple[Subgroups, ...], by_site: Sites) -> None:
    part = subgroups_section([records[0]] * (MOST_DRAWINGS + 2))
    assert len(part.figures) == MOST_DRAWINGS
    assert "2 more tables without a drawing." in part.body
    many = by_site.by_site.model_copy(update={"groups": by_site.by_site.groups * 7})
    drawn_figure = forest_figure(many, name="many")
    assert drawn_figure is not None
    assert "9 more groups in the table." in drawn_figure.caption
    assert len(str(drawn_figure.svg)) < 100_000


def test_groups_that_cannot_be_estimated_have_no_drawing(cohort: tuple[Positive, pd.DataFrame]) -> None:
    view, table = cohort
    few = Positive(truth=view.truth[:12], probability=view.probability[:12], groups=view.groups[:12])
    found = subgroups(few, table.iloc[:12], ["sex"], point=POINT)
    part = subgroups_section(found)
    assert part.figures == ()
    assert "No group could be compared" in markup(part)


def test_the_csv_has_a_row_for_every_figure_of_every_group(records: tuple[Subgroups, ...]) -> None:
    rows = list(csv.DictReader(io.StringIO(groups_csv(records))))
    assert len(rows) == sum(4 * (1 + len(one.groups)) for one in records)
    first = next(row for row in rows if row["group"] == "'=HYPERLINK(1)" and row["name"] == "AUROC")
    group = next(one for one in records[2].groups if one.name == "=HYPERLINK(1)")
    contrast = group.figure("AUROC").contrast
    assert contrast
    assert (int(first["studies"]), int(first["events"])) == (group.n, group.events)
    assert float(first["difference_low"]) == contrast.difference.low
    assert float(first["p_holm"]) == contrast.p_holm
    assert first["prespecified"] == "False"
    lost = next(row for row in rows if row["attribute"] == "sex" and row["group"] == "unknown")
    assert (lost["value"], lost["difference"], lost["p"]) == ("", "", "")
    assert lost["note"]
    assert not any("\x1b" in cell for row in rows for cell in row.values())


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_any_estimate_draws(value: float) -> None:
    low, high = max(0.0, value - 0.3), min(1.0, value + 0.3)
    rows = [
        ForestRow(
            name="a",
            below="n",
            estimate=Estimate(name="AUROC", value=value, low=low, high=high, method="x", n=3),
            difference=rows_summary(value),
        ),
        ForestRow(name="b", below="n", estimate=Estimate(name="AUROC", value=value, method="x", n=3)),
        ForestRow(name="c", below="n", estimate=Estimate(name="AUROC", value=None, method="x", n=3)),
        ForestRow(name="d", below="n", estimate=rows_summary(value), summary=True, reach=(0.0, 1.0)),
    ]
    svg = forest_plot(rows, overall=rows_summary(value), axis="AUROC", described="Forest", name="x")
    assert ET.fromstring(svg).get("aria-label")
    assert "nan" not in svg.lower()
    colours = re.sub(r"var\(--plot-\w+, #\w+\)", "", svg)
    assert not re.findall(r"#[0-9a-f]{6}\b", colours)
    nothing = [row for row in rows if row.name == "c"]
    ET.fromstring(forest_plot(nothing, overall=nothing[0].estimate, axis="AUROC", described="Forest", name="y"))


def rows_summary(value: float) -> Estimate:
    return Estimate(name="AUROC", value=value, low=value, high=value, method="x", n=3)
