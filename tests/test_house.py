"""The house rules of docs/ARCHITECTURE.md, held by reading every module: who may import whom, whose business what is.

A broken rule is reported as file:line and the rule. The tables below are the rules: to change one is to change the
design, so change the page with it.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

ENTRY_POINTS = ("server.py", "client.py", "play.py")
"""Wiring: they may import anything of ours."""

ENGINE_FLOORS = ("world", "wire", "link", "transport", "server", "client", "replay", "ops", "lab")

FLOORS: dict[str, tuple[str, ...]] = {
    # floor: the floors it may import, besides itself
    "engine": (),
    "engine.world": ("engine",),
    "engine.wire": ("engine", "engine.world"),
    "engine.link": ("engine",),
    "engine.transport": ("engine",),
    "engine.server": ("engine", "engine.world", "engine.wire", "engine.link"),
    "engine.client": ("engine", "engine.world", "engine.wire", "engine.link"),
    "engine.replay": ("engine", "engine.world", "engine.wire"),
    "engine.ops": ("engine", "engine.link", "engine.server"),
    "engine.lab": ("engine", *(f"engine.{name}" for name in ENGINE_FLOORS)),
    "game": ("engine", "engine.world"),
    "game.view": ("engine", "engine.world", "engine.client", "engine.replay", "game"),
}

EXCEPTIONS: dict[str, tuple[str, ...]] = {
    # file: floors it may import in addition, with the reason
    "engine/__init__.py": tuple(FLOORS),  # re-exports what a game author needs
    "engine/game.py": ("engine.world",),  # the Game protocol speaks of worlds, rows and pictures
}

LOBBY = "engine/ops/lobby/"

CONFINED: dict[str, tuple[str, ...]] = {
    # top-level module: the files and folders whose business it is
    "asyncio": (LOBBY + "app.py",),
    "cryptography": ("engine/link/netcode/", LOBBY + "jwt.py", LOBBY + "tls.py"),
    "datetime": ("engine/ops/logs.py", LOBBY + "tls.py"),
    "http": ("engine/ops/browser.py", LOBBY + "client.py", LOBBY + "plain.py"),
    "importlib": (),
    "joserfc": (LOBBY + "jwt.py",),
    "matplotlib": ("engine/lab/",),
    "msgpack": ("engine/wire/", "engine/replay/", "engine/link/channels.py"),
    "multiprocessing": (LOBBY + "process.py", "engine/lab/"),
    "prometheus_client": ("engine/ops/metrics.py",),
    "pygame": ("game/view/",),
    "random": (),
    "rich": ("engine/lab/",),
    "secrets": (),
    "select": ("engine/transport/", "engine/ops/terminal.py"),
    "selectors": ("engine/transport/",),
    "signal": ("engine/ops/command.py", LOBBY + "process.py"),
    "socket": (
        "engine/transport/",
        "engine/ops/discovery.py",
        LOBBY + "app.py",
        LOBBY + "client.py",
        LOBBY + "plain.py",
        LOBBY + "process.py",
        "server.py",
        "play.py",
    ),
    "ssl": (LOBBY + "app.py", LOBBY + "client.py", LOBBY + "process.py", LOBBY + "tls.py"),
    "starlette": (LOBBY + "app.py",),
    "subprocess": ("play.py", "engine/lab/real.py"),
    "threading": ("engine/ops/terminal.py", LOBBY + "asking.py", LOBBY + "process.py"),
    "time": ("engine/clock.py",),
    "urllib": (),
    "uuid": (),
    "uvicorn": (LOBBY + "app.py",),
}

ENTROPY = (*ENTRY_POINTS, LOBBY + "process.py", "engine/lab/real.py")
"""Who may call os.urandom; all others are handed `entropy`."""

SEEDED_RANDOM = frozenset(("BitGenerator", "Generator", "PCG64", "PCG64DXSM", "Philox", "SeedSequence", "default_rng"))
"""What numpy.random has without a hidden global state."""

EXTRAS = ("joserfc", "matplotlib", "prometheus_client", "pygame", "rich", "starlette", "uvicorn")
"""Modules of optional extras: a server runs without them."""


def sources() -> list[str]:
    """Return the modules that the rules are about, relative to the root."""
    files = [path for folder in ("engine", "game") for path in sorted((ROOT / folder).rglob("*.py"))]
    files += [ROOT / name for name in ENTRY_POINTS if (ROOT / name).exists()]
    return [path.relative_to(ROOT).as_posix() for path in files]


def module_name(file: str) -> str:
    """Return the dotted name of the module in `file`; a package's for its __init__."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def floor_of(module: str) -> str | None:
    """Return the floor on which the dotted `module` of ours lives; None when it is not ours or on none."""
    parts = module.split(".")
    if parts[0] == "engine" and len(parts) > 1 and (ROOT / "engine" / parts[1]).is_dir():
        return f"engine.{parts[1]}"
    if parts[:2] == ["game", "view"]:
        return "game.view"
    return parts[0] if parts[0] in ("engine", "game") else None


def imports_of(file: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of everything that `file` imports, wherever it does so.

    For `from a import b` that is a.b, which may be a module or a name in one; relative imports are made absolute.
    """
    package = module_name(file).split(".")
    if not file.endswith("__init__.py"):
        package = package[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = [node.module] if node.module else []
            if node.level:
                base = package[: len(package) + 1 - node.level] + base
            for alias in node.names:
                yield node.lineno, ".".join([*base, alias.name])


def import_findings(file: str, source: str) -> list[str]:
    """Return the rules about imports that `source`, as the text of `file`, breaks."""
    found = []
    floor = floor_of(module_name(file))
    permitted = {floor, *FLOORS.get(floor or "", ()), *EXCEPTIONS.get(file, ())}
    if file not in ENTRY_POINTS and floor not in FLOORS:
        found.append(f"{file}:1: {floor or file} is no floor of the house: see FLOORS")
    for line, name in imports_of(file, ast.parse(source)):
        top = name.partition(".")[0]
        target = floor_of(name)
        if file not in ENTRY_POINTS:
            if target is not None and target not in permitted:
                found.append(f"{file}:{line}: {floor} may not import {target} ({name})")
            if top in ("server", "client", "play", "tests", "bench", "examples"):
                found.append(f"{file}:{line}: nothing imports {name}: it is an entry point or outside the packages")
        # importlib.resources reads our own data files; the rest of importlib would import behind this table's back.
        if top in CONFINED and not name.startswith("importlib.resources") and not _is_in(file, CONFINED[top]):
            where = ", ".join(CONFINED[top]) or "nowhere"
            found.append(f"{file}:{line}: {top} is the business of {where}")
    return found


def chance_findings(file: str, source: str) -> list[str]:
    """Return where `source` draws from the machine's or numpy's hidden randomness."""
    found = []
    for node in ast.walk(ast.parse(source)):
        name = _dotted(node)
        if name == "os.urandom" and not _is_in(file, ENTROPY):
            found.append(f"{file}:{node.lineno}: os.urandom is the business of {', '.join(ENTROPY)}; take `entropy`")
        match = re.fullmatch(r"(?:np|numpy)\.random\.(\w+)", name)
        if match and match[1] not in SEEDED_RANDOM:
            found.append(f"{file}:{node.lineno}: {name} draws from a global state; take a seeded Generator")
        if isinstance(node, ast.Call) and _dotted(node.func).endswith("default_rng") and not node.args:
            found.append(f"{file}:{node.lineno}: default_rng() without a seed can't be repeated")
    return found


def _is_in(file: str, places: tuple[str, ...]) -> bool:
    return any(file == place or (place.endswith("/") and file.startswith(place)) for place in places)


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


# The rules, held -----------------------------------------------------------------------------------------------------


def test_who_may_import_whom() -> None:
    found = [line for file in sources() for line in import_findings(file, (ROOT / file).read_text("utf-8"))]
    assert not found, "\n" + "\n".join(found)


def test_randomness_is_injected() -> None:
    found = [line for file in sources() for line in chance_findings(file, (ROOT / file).read_text("utf-8"))]
    assert not found, "\n" + "\n".join(found)


def test_every_public_module_says_what_it_is() -> None:
    found = []
    for file in sources():
        name = Path(file).stem
        text = (ROOT / file).read_text("utf-8")
        public = not name.startswith("_") or name == "__init__"
        # An __init__ without a line is a folder's marker, not a module.
        if public and text.strip() and ast.get_docstring(ast.parse(text)) is None:
            found.append(f"{file}:1: a public module opens with a docstring: what it is, and why so")
    assert not found, "\n" + "\n".join(found)


def test_no_file_names_a_folder_of_one_machine() -> None:
    # Put together here, so that this file does not find itself.
    folders = "|".join(("work", "home", "root", "Users", "opt", "usr", "mnt"))
    pattern = re.compile(rf"[\"'\s=(](/(?:{folders})/[\w.]|[A-Z]:\\\\?[A-Z])")
    found = []
    for folder in ("engine", "game", "tests", "bench", "examples", "."):
        pick = (ROOT / folder).glob("*.py") if folder == "." else (ROOT / folder).rglob("*.py")
        for path in sorted(pick):
            for line, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
                if pattern.search(text):
                    found.append(
                        f"{path.relative_to(ROOT).as_posix()}:{line}: names a folder of one machine: {text.strip()}"
                    )
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "module", ["engine", "engine.server", "engine.server.session", "engine.ops.lobby.process", "server"]
)
def test_a_server_runs_on_the_core_dependencies(module: str) -> None:
    """None of the extras is imported: each is made to fail, and looked for afterwards."""
    script = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({EXTRAS!r}))\n"
        f"import {module}\n"
        f"loaded = [name for name in {EXTRAS!r} if sys.modules[name] is not None]\n"
        "assert not loaded, loaded\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# The rules' own tests: each kind of breach is seen -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        ("engine/wire/new.py", "import engine.server.session", ":1: engine.wire may not import engine.server"),
        ("engine/wire/new.py", "from engine import link", ":1: engine.wire may not import engine.link"),
        ("engine/wire/new.py", "\nfrom ..server import session", ":2: engine.wire may not import engine.server"),
        ("engine/wire/__init__.py", "from ..link import header", ":1: engine.wire may not import engine.link"),
        ("engine/link/new.py", "def f():\n    from engine.world import table", ":2: engine.link may not import"),
        ("engine/link/new.py", "if TYPE_CHECKING:\n    import engine.wire", ":2: engine.link may not import"),
        ("engine/new.py", "from engine.link.netcode import NetcodeServer", ":1: engine may not import engine.link"),
        ("engine/server/new.py", "from engine.client.session import X", "may not import engine.client"),
        ("engine/server/new.py", "from engine.transport.udp import X", "may not import engine.transport"),
        ("engine/lab/new.py", "import game.rules", "engine.lab may not import game"),
        ("game/new.py", "from game.view import scene", "game may not import game.view"),
        ("game/new.py", "from engine.client import session", "game may not import engine.client"),
        ("engine/new.py", "import server", "nothing imports server"),
        ("game/new.py", "import play", "nothing imports play"),
        ("engine/new.py", "import time", "time is the business of engine/clock.py"),
        ("engine/wire/new.py", "from random import choice", "random is the business of nowhere"),
        ("game/new.py", "def f():\n    import pygame.draw", ":2: pygame is the business of game/view/"),
        ("server.py", "import pygame", "pygame is the business of game/view/"),
    ],
)
def test_a_breach_is_named_with_file_line_and_rule(file: str, source: str, expected: str) -> None:
    (finding,) = import_findings(file, source)
    assert finding.startswith(file + ":")
    assert expected in finding


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("engine/wire/new.py", "from engine.world.schema import Kind\nfrom engine.errors import NetError"),
        ("engine/ops/new.py", "from engine.link.netcode import mint_connect_token"),
        ("engine/lab/new.py", "import engine.server.session, engine.client.session, engine.transport.virtual"),
        ("game/view/new.py", "import pygame\nfrom engine.client.session import X\nfrom game.rules import Y"),
        ("engine/clock.py", "import time"),
        ("server.py", "import game.view.scene\nimport engine.transport.udp\nimport socket"),
        ("engine/game.py", "from engine.world.table import World"),
    ],
)
def test_what_is_allowed_is_not_found(file: str, source: str) -> None:
    assert import_findings(file, source) == []


def test_hidden_randomness_is_found() -> None:
    calls = ("os.urandom(8)", "np.random.rand()", "np.random.default_rng()", "np.random.default_rng(1)")
    source = "\n".join(("import os", "import numpy as np", *calls))
    lines = [finding.split(": ")[0] for finding in chance_findings("engine/link/new.py", source)]
    assert sorted(lines) == [f"engine/link/new.py:{line}" for line in (3, 4, 5)]
    assert chance_findings("server.py", "import os\nos.urandom(8)") == []
