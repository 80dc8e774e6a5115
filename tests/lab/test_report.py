"""The report: one file that needs nothing else, with every plot, and well-formed."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.lab.__main__ import main
from engine.lab.report import write_report
from engine.lab.run import run
from engine.lab.scenario import Scenario, uniform

VOID = {"meta", "br", "link", "use", "path"}


class Balance(HTMLParser):
    """Counts elements that are opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    players = (*uniform("cable", 2, "duel"), *uniform("4g", 4, "duel")[2:])
    path = tmp_path / "report.html"
    write_report(path, run(Scenario(name="A <b> & c", players=players, seconds=4.0, warmup=0.5)))
    page = path.read_text()
    reader = Balance()
    reader.feed(page)
    assert reader.open == ["html"] or not reader.open
    assert page.count("<svg") == 12 + page.count("<figure><h3>P")
    assert page.count("<figure><h3>P") >= 1
    assert "A &lt;b&gt; &amp; c" in page
    assert not re.search(r"""(?:src|href)=["']?https?:""", page.replace("http://www.w3.org", ""))
    assert len(set(reader.ids)) == len(reader.ids)  # clip paths and markers of one plot are not another's


def test_a_run_without_shots_has_a_page_too(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "report.html"
    write_report(path, run(Scenario(players=uniform("lan", 1, "afk"), seconds=1.0, warmup=0.9)))
    assert "Selected shots" not in path.read_text()


def test_without_matplotlib_the_report_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["run", "--seconds", "1000", "--report", str(tmp_path / "a.html")]) == 2
    told = capsys.readouterr()
    assert "pip install" in told.err
    assert told.err.count("\n") == 1
