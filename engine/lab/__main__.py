"""`python -m engine.lab`: the lab's commands. `... run --help` tells of one; docs/LAB.md is the guide.

Exit codes: 0 done, 1 a check failed (compared runs part, a sync test failed), 2 bad input (one line says which, before
anything runs), 130 stopped by Ctrl-C after writing what there was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from engine.address import format_address, parse_address
from engine.clock import SystemClock
from engine.errors import NetError, UsageError
from engine.lab.batch import default_jobs, run_all
from engine.lab.compare import SWITCHES, ablations, comparison_rows, parse_switches, with_switches
from engine.lab.export import check_folder, check_writable, write_csv, write_json
from engine.lab.real import band_rows, bands, check_real, run_real
from engine.lab.report import require_matplotlib, write_report
from engine.lab.run import run
from engine.lab.scenario import DEFAULT_GAME, Scenario, load_scenario, scenario_names, uniform
from engine.lab.sweep import grid, parse_set, points_of, recommended, sweep_rows, with_setting, write_pareto
from engine.lab.tables import aligned, fitting, heading, live, markdown, result_rows
from engine.lab.trace import first_parting, load_trace
from engine.memory import settle
from engine.transport.impairment import load_profile
from engine.transport.proxy import Proxy


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine.lab",
        description="Whole matches over simulated links, measured against the truth.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("run", help="run a scenario and measure it")
    add_scenario(one)
    one.add_argument(
        "--set", action="append", default=[], metavar="NAME=V", help="a setting: snapshot_hz=20, seed=3, ..."
    )
    one.add_argument("--switch", action="append", default=[], metavar="NAME=off", help="switch a mechanism off")
    one.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    one.add_argument("--report", type=Path, metavar="FILE", help="write a page with plots to FILE (needs matplotlib)")
    one.add_argument("--csv", type=Path, metavar="DIR", help="write players, samples, shots and delays to DIR")
    one.add_argument("--trace", type=Path, metavar="FILE", help="write the world and inputs of every tick to FILE.npz")
    one.add_argument("--record", type=Path, metavar="FILE", help="write a replay to FILE, as server.py --record would")
    one.add_argument(
        "--sync-test", type=int, metavar="K", help="every K ticks, rewind K, step them again, and compare (exit code 1)"
    )
    one.add_argument(
        "--real",
        action="store_true",
        help="play it over UDP too, with server.py and client.py through a proxy, and compare (exit code 1)",
    )
    one.set_defaults(do=_run)
    ablation = commands.add_parser("compare", help="the same match without this and that mechanism, side by side")
    add_scenario(ablation)
    ablation.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="NAME=off",
        help=f"a row of the table; several,in,one are switched together (default: each alone of {', '.join(SWITCHES)})",
    )
    add_batch(ablation)
    ablation.set_defaults(do=_compare)
    trial = commands.add_parser("sweep", help="try out settings, and recommend one for each link")
    add_scenario(trial)
    trial.add_argument("--set", action="append", default=[], metavar="NAME=V,V,...", help="a setting and its values")
    add_batch(trial)
    trial.add_argument("--plot", type=Path, metavar="FILE.svg", help="write the Pareto plot (needs matplotlib)")
    trial.set_defaults(do=_sweep)
    parting = commands.add_parser(
        "bisect", help="name the first tick, row and field where two traces, or two replays, part"
    )
    parting.add_argument("one", type=Path, metavar="A")
    parting.add_argument("other", type=Path, metavar="B")
    parting.set_defaults(do=_bisect)
    relay = commands.add_parser("proxy", help="put a link between real clients and a real server")
    relay.add_argument("--listen", required=True, metavar="HOST:PORT", help="where clients send to")
    relay.add_argument("--to", required=True, metavar="HOST:PORT", help="the server")
    relay.add_argument("--link", required=True, metavar="PROFILE", help="wifi, 4g, my_links.toml:attic, ...")
    relay.add_argument("--seed", type=int, default=1, metavar="N", help="of all links (default 1)")
    relay.add_argument("--seconds", type=float, metavar="S", help="stop after S seconds")
    relay.set_defaults(do=_proxy)
    return parser


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Add what decides a scenario; what is given overrides the file."""
    parser.add_argument(
        "scenario", nargs="?", metavar="SCENARIO", help=f"a FILE.toml, or one of: {', '.join(scenario_names())}"
    )
    parser.add_argument("--link", metavar="PROFILE", help="every player's link: wifi, 4g, ... (several,dealt,in turn)")
    parser.add_argument("--players", type=int, metavar="N", help="players, each with a client of its own (default 16)")
    parser.add_argument("--seconds", type=float, metavar="S", help="virtual seconds (default 60)")
    parser.add_argument("--seed", type=int, metavar="N", help="decides everything left to chance (default 1)")
    parser.add_argument("--bots", type=int, metavar="N", help="further bots that the server plays (default 0)")
    parser.add_argument("--behaviour", metavar="NAME", help="how the players play (default mixed)")
    parser.add_argument("--game", metavar="MODULE:NAME", help=f"the game (default {DEFAULT_GAME})")
    parser.add_argument(
        "--warmup",
        type=float,
        metavar="S",
        help="seconds of each player left unmeasured (default 3, or a quarter of a short run)",
    )


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Add what commands of many runs have in common."""
    parser.add_argument(
        "--jobs", type=int, default=default_jobs(), metavar="N", help="runs at once (default: as many as processors)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures to FILE")
    parser.add_argument("--markdown", action="store_true", help="print the table as markdown")


def scenario_of(options: argparse.Namespace) -> Scenario:
    """Return the scenario the options ask for, checked. Raises UsageError."""
    scenario = load_scenario(options.scenario) if options.scenario else Scenario(players=uniform())
    given = {name: getattr(options, name) for name in ("seconds", "seed", "bots", "game", "warmup")}
    changes = {name: value for name, value in given.items() if value is not None}
    if options.seconds is not None and options.seconds > 0.0 and options.warmup is None:
        # A short look need not say that it wants little of it unmeasured.
        changes["warmup"] = min(scenario.warmup, options.seconds / 4.0)
    scenario = replace(scenario, **changes)
    players = scenario.players if options.players is None else uniform(None, options.players)
    if options.link is not None:
        profiles = [load_profile(name) for name in options.link.split(",")]
        players = tuple(replace(each, link=profiles[at % len(profiles)]) for at, each in enumerate(players))
    if options.behaviour is not None:
        players = tuple(replace(each, behaviour=options.behaviour) for each in players)
    scenario = replace(scenario, players=players)
    scenario.check()
    return scenario


def _run(options: argparse.Namespace) -> int:
    scenario = scenario_of(options)
    for text in options.set:
        name, values = parse_set(text)
        if len(values) > 1:
            raise UsageError(f"--set {text}: one value for a run; `sweep` takes several")
        scenario = with_setting(scenario, name, values[0])
    for text in options.switch:
        scenario = with_switches(scenario, parse_switches(text))
    scenario.check()
    if options.report is not None:
        require_matplotlib()
    check_writable(options.json, options.report, options.trace, options.record)
    check_folder(options.csv)
    if options.real:
        check_real(scenario)
    kept = nullcontext() if options.record is None else options.record.open("wb")
    with live(f"{scenario.name} on {scenario.links}") as progress, kept as file:
        result = run(scenario, progress, sync_distance=options.sync_test, trace=options.trace is not None, replay=file)
    rows = result_rows(result)
    print(aligned(fitting(rows, get_terminal_size().columns) if sys.stdout.isatty() else rows))
    print()
    print(heading(result))
    print(f"digest {result.digest}")
    if result.replay is not None:
        print(f"replay {result.replay.digest} {options.record}")
        if result.replay.error:
            raise UsageError(f"can't write {options.record}: {result.replay.error}")
    agrees = True
    content = result.to_json()
    if options.real and not result.partial:
        print(f"\nnow over UDP, for {scenario.seconds:g} s", flush=True)
        real = run_real(scenario)
        found = bands(result.all, real)
        alike = all(band.agrees for band in found)
        agrees = alike or real.partial or real.too_busy
        print(aligned(band_rows(found), 1))
        busy = f"ticks of {real.server['tick_ms']['p99']:.1f} ms, sleeps {real.stall_ms:.1f} ms late"
        if alike:
            print("virtual and real agree" + (f", though this machine was busy ({busy})" if real.too_busy else ""))
        elif real.too_busy:
            print(f"no verdict: this machine was too busy ({busy})")
        content["real"] = {**asdict(real), "bands": [{**asdict(band), "agrees": band.agrees} for band in found]}
    if options.json is not None:
        write_json(options.json, content)
    if options.csv is not None:
        write_csv(options.csv, result)
    if options.report is not None:
        write_report(options.report, result)
    if options.trace is not None and result.trace is not None:
        result.trace.save(options.trace, scenario.seed)
    if result.sync is not None:
        print(f"sync test: {result.sync.failure or f'{result.sync.ticks} ticks stepped twice, all equal'}")
        if result.sync.failure:
            return 1
    return 130 if result.partial else int(not agrees)


def _compare(options: argparse.Namespace) -> int:
    scenario = scenario_of(options)
    check_writable(options.json)
    runs = ablations(scenario, options.switch)
    results, complete = run_all(runs, options.jobs)
    _print_batch(comparison_rows(results), options, results, complete, left=1)
    return 0 if complete else 130


def _sweep(options: argparse.Namespace) -> int:
    links = options.link.split(",") if options.link else [""]
    options.link = None
    scenario = scenario_of(options)
    runs = grid(scenario, links, options.set)
    check_writable(options.json, options.plot)
    if options.plot is not None:
        require_matplotlib()
    results, complete = run_all({name: each for name, (_, _, each) in runs.items()}, options.jobs)
    points, empty = points_of(runs, results)
    if points:
        _print_batch(sweep_rows(points), options, results, complete, left=3)
        for link in dict.fromkeys(point.link for point in points):
            print(f"{link}: take {recommended([point for point in points if point.link == link]).setting}")
        if options.plot is not None:
            write_pareto(options.plot, points)
    for point in empty:
        print(f"{point.name}: nothing measured")
    return 0 if complete else 130


def _print_batch(
    rows: list[list[str]], options: argparse.Namespace, results: dict[str, Any], complete: bool, left: int
) -> None:
    print(markdown(rows, left) if options.markdown else aligned(rows, left))
    if not complete:
        print("PARTIAL: stopped before all runs were done")
    if options.json is not None:
        write_json(options.json, {"partial": not complete, "runs": results})


def _bisect(options: argparse.Namespace) -> int:
    partings = first_parting(load_trace(options.one), load_trace(options.other))
    for parting in partings:
        print(parting)
    if not partings:
        print("the two runs are equal as far as both go")
    return 1 if partings else 0


def _proxy(options: argparse.Namespace) -> int:
    listen, to = parse_address(options.listen, 0), parse_address(options.to, 40000)
    profile = load_profile(options.link)
    clock = SystemClock()
    begin = clock.now()
    with Proxy(listen, to, profile, options.seed) as proxy:
        where = format_address(proxy.address)
        print(f"{profile.name} between {where} and {format_address(to)}, until Ctrl-C", flush=True)
        try:
            proxy.run(clock.now, lambda: options.seconds is not None and clock.now() - begin >= options.seconds)
        except KeyboardInterrupt:
            print()
        for address, up, down in proxy.links():
            for way, stats in (("up", up.stats), ("down", down.stats)):
                print(f"{format_address(address)} {way}: {stats.delivered} of {stats.sent} delivered")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = build_parser().parse_args(argv)
    settle()
    try:
        code: int = options.do(options)
        return code
    except NetError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
