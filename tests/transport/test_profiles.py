"""Profiles: those that come with the engine, and users' own files."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.transport.impairment import PERFECT, LinkEvent, LinkModel, load_profile, profile_names
from engine.transport.impairment.__main__ import main, markdown, profile_rows

EXPECTED = [
    "perfect",
    "lan",
    "fiber",
    "cable",
    "wifi",
    "wifi-busy",
    "4g",
    "3g",
    "satellite",
    "leo",
    "transatlantic",
    "bufferbloat",
    "bursty",
    "blackout",
    "asymmetric",
    "awful",
    "rtt100",
    "loss5",
]


def test_the_profiles_there_are() -> None:
    assert profile_names() == EXPECTED


@pytest.mark.parametrize("name", EXPECTED)
def test_every_profile_loads_and_says_what_it_is(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.about
    assert profile.is_perfect == (name == "perfect")


def test_every_profile_names_its_source() -> None:
    text = files("engine.transport.impairment").joinpath("profiles.toml").read_text()
    for name in EXPECTED[1:]:
        block = re.search(rf"^\[{re.escape(name)}\]\n((?:#.*\n)+)", text, re.MULTILINE)
        assert block, f"[{name}] has no comment with a source below its heading"
        assert re.search(r"\b(19|20)\d\d\b|arithmetic|Made up|Gettys|Telchemy", block[1]), name


def test_profiles_come_in_the_order_they_claim() -> None:
    """Nearer lines are faster: the figures were not mixed up."""

    def typical_rtt(name: str) -> float:
        profile = load_profile(name)
        return sum(model.delay + model.jitter(0.5) for model in (profile.up, profile.down))

    order = ["perfect", "lan", "fiber", "cable", "wifi", "4g", "3g", "transatlantic", "satellite"]
    rtts = [typical_rtt(name) for name in order]
    assert rtts == sorted(rtts)
    assert typical_rtt("rtt100") == pytest.approx(0.100)
    assert load_profile("loss5").up.mean_loss == pytest.approx(0.05)
    assert load_profile("loss5").down.mean_loss == pytest.approx(0.05)
    assert load_profile("awful").up.mean_loss > 0.08


def test_both_directions_share_the_keys_above_them(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(
        """
        [office]
        about = "the office"
        delay_ms = 10
        loss = 0.01
        events = [{ at_s = 3, blackout_s = 0.5 }, { at_s = 4, delay_ms = 20 }]
        [office.up]
        rate_kbit_s = 1000
        queue_bytes = 20000
        [office.down]
        loss = 0
        """
    )
    events = (LinkEvent(3.0, blackout=0.5), LinkEvent(4.0, delay=0.02))
    for which in (str(path), f"{path}:office"):
        profile = load_profile(which)
        assert profile.name == "office"
        assert profile.about == "the office"
        assert profile.up == LinkModel(delay=0.01, loss=0.01, rate_bit_s=1e6, queue_bytes=20_000, events=events)
        assert profile.down == LinkModel(delay=0.01, events=events)
    assert profile_names(path) == ["office"]


def test_like_another_profile(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(
        """
        [wifi]
        like = "wifi"
        loss = 0.5
        [attic]
        like = "wifi"
        [attic.up]
        delay_ms = 50
        """
    )
    ours, attic, theirs = load_profile(f"{path}:wifi"), load_profile(f"{path}:attic"), load_profile("wifi")
    assert ours.up.loss == attic.down.loss == 0.5
    assert ours.up.rate_bit_s == theirs.up.rate_bit_s
    assert attic.up.delay == 0.05
    assert attic.down.delay == theirs.down.delay


def test_traces_lie_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "cell.down").write_text("1\n2\n4\n")
    (tmp_path / "ping.csv").write_text("time_s,delay_ms,lost\n0,20,0\n1,30,0\n")
    path = tmp_path / "my.toml"
    path.write_text('[cell]\nlike = "4g"\ndown = { rate_trace = "cell.down" }\nup = { delay_trace = "ping.csv" }\n')
    profile = load_profile(str(path))
    assert profile.down.rate_trace is not None
    assert profile.down.rate_trace.times == (0.001, 0.002, 0.004)
    assert profile.down.rate_bit_s is None  # the trace takes the place of the rate it inherited
    assert profile.up.delay_trace is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no profile in it"),
        ("delay_ms = 3", "outside of any profile"),
        ("[a]\ndelay_ms = -1", "profile a.up: link model: delay is -0.001"),
        ("[a]\ndelay_ms = 'x'", "delay_ms = 'x' is not a number"),
        ("[a]\ndelay_ms = true", "is not a number"),
        ("[a]\nloss = 1.5", "loss is 1.5; it must be 0 to 1"),
        ("[a]\ndelay = 3", "unknown key 'delay'; did you mean delay_ms?"),
        ("[a]\nup = 3", "up is 3, not a table"),
        ("[a]\nqueue_bytes = 1.5", "not a whole number"),
        ("[a]\nlike = 'a'", "no link profile 'a'; "),
        ("[a]\nlike = 'b'\n[b]\nlike = 'a'", "leads back to itself"),
        ("[a]\nlike = 3", "not the name of a profile"),
        ("[a]\nevents = 3", "not an array"),
        ("[a]\nevents = [{ blackout_s = 1 }]", "has no at_s"),
        ("[a]\nevents = [{ at_s = 1, dark = 1 }]", "unknown key 'dark' in an event"),
        ("[a]\nrate_trace = 'missing'", "cannot read the trace"),
        ("[a]\ndelay_trace = 3", "not the name of a file"),
        ("[a\n", "my.toml"),
    ],
)
def test_a_broken_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_profile(f"{path}:a")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_profile_lists_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        load_profile("wify")
    text = str(caught.value)
    assert "no link profile 'wify'" in text
    assert "did you mean wifi" in text
    assert all(name in text for name in EXPECTED)
    with pytest.raises(UsageError, match="there are: perfect"):
        load_profile("zzz")


def test_a_missing_file_and_one_with_several(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the profiles"):
        load_profile(str(tmp_path / "none.toml"))
    path = tmp_path / "two.toml"
    path.write_text("[a]\n[b]\n")
    with pytest.raises(UsageError, match=r"holds 2 profiles; say which: .*:NAME, with a, b"):
        load_profile(str(path))


def test_perfect() -> None:
    assert load_profile("perfect").up == PERFECT.up == LinkModel()


def test_the_command_prints_every_profile(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n{name} " in printed for name in EXPECTED)
    path = tmp_path / "none.toml"
    assert main([str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_the_table_in_the_guide_is_what_the_command_prints() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "LINKS.md").read_text()
    table = markdown(profile_rows([load_profile(name) for name in profile_names()]))
    assert table in guide, "renew it with: python -m engine.transport.impairment --markdown"


def test_the_examples_in_the_guide_load(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "LINKS.md").read_text()
    examples = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    assert examples
    (tmp_path / "train.down").write_text("1\n2\n")
    (tmp_path / "ping.csv").write_text("time_s,delay_ms,lost\n0,20,0\n1,30,0\n")
    path = tmp_path / "guide.toml"
    for example in examples:
        path.write_text(example)
        for name in tomllib.loads(example):
            load_profile(f"{path}:{name}")
