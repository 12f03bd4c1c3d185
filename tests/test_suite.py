"""The rules that the suite keeps for itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.coverage_by_room import Count, by_room
from tests.mutants.run import Mutant, read, try_one

ROOT = Path(__file__).resolve().parent.parent

CASES = """
@pytest.mark.parametrize({names!r}, {values})
def test_{number}({names}):
    pass
"""


def collected(folder: Path, names: str, values: str, tests: int = 1) -> subprocess.CompletedProcess[str]:
    """What pytest says that collects parametrised tests, each of the same cases, under the suite's own rules."""
    file = folder / "test_cases.py"
    written = [CASES.format(names=names, values=values, number=number) for number in range(tests)]
    file.write_text("\n".join(["import gzip", "import pytest", *written]), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "--collect-only", "-q"]
    return subprocess.run(
        [*command, "--rootdir", str(folder), "-c", "/dev/null", str(file)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ("data", '[gzip.compress(b"a")]'),
        ("data, words", '[(b"a", "words")]'),
        ("data", "[bytearray(1)]"),
        ("data", '[pytest.param(b"a")]'),
        ("data", '[b"a"], ids=[None]'),
    ],
)
def test_no_case_is_named_by_bytes(tmp_path: Path, names: str, values: str) -> None:
    done = collected(tmp_path, names, values)
    assert done.returncode and "data holds bytes" in done.stdout


def test_bytes_under_a_name_are_welcome(tmp_path: Path) -> None:
    done = collected(tmp_path, "data", '[pytest.param(b"a", id="one")]')
    assert not done.returncode and "test_0[one]" in done.stdout


@pytest.mark.parametrize(("count", "kept"), [(1, [0]), (2, [0, 1]), (5, [0, 4])])
def test_one_more_interpreter_runs_the_first_and_the_last_case_of_each_test(
    count: int, kept: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VCPU_INSPECTOR_CASES", "ends")
    said = collected(tmp_path, "data", str(list(range(count)))).stdout
    assert re.findall(r"test_0\[(\d)\]", said) == [str(number) for number in kept]


def test_an_interpreter_in_the_middle_runs_one_case_of_some_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VCPU_INSPECTOR_CASES", "few")
    said = collected(tmp_path, "data", "[0, 1, 2]", tests=9).stdout
    assert re.findall(r"test_(\d)\[(\d)\]", said) == [("0", "0"), ("4", "0"), ("8", "0")]


def test_nothing_is_imported_from_a_test_module() -> None:
    """What two modules need lies in a room's material, so that a test can be moved or dropped alone."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / "tests").rglob("*.py")
        for module in re.findall(r"^\s*(?:from|import) (tests[\w.]*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        if module.rpartition(".")[2].startswith("test_")
    ]
    assert not wrong


def test_the_guides_name_what_is_there() -> None:
    """Paths and modules that CONTRIBUTING.md and the material's README name exist."""
    for guide in (ROOT / "CONTRIBUTING.md", ROOT / "tests" / "material" / "README.md"):
        named = re.findall(r"`((?:inspector|tests|themes)/[\w./-]*)`", guide.read_text(encoding="utf-8"))
        modules = re.findall(r"python -m (tests[\w.]*)", guide.read_text(encoding="utf-8"))
        paths = [*named, *(f"{module.replace('.', '/')}.py" for module in modules)]
        assert paths
        assert not [path for path in paths if not (ROOT / path).exists()], guide.name


def test_the_lock_holds_what_the_project_asks_for() -> None:
    """Every package that pyproject.toml names is locked, from the public index alone, with hashes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    packages = {package["name"]: package for package in lock["package"]}
    assert {re.split(r"[<>=!~ \[]", each)[0] for each in wanted} <= set(packages)
    sources = [package["source"] for name, package in packages.items() if name != project["name"]]
    assert sources and all(source == {"registry": "https://pypi.org/simple"} for source in sources)
    files = [file for package in lock["package"] for file in package.get("wheels", [])]
    assert all(file["url"].startswith("https://files.pythonhosted.org/") and file["hash"] for file in files)


def test_types_are_shipped() -> None:
    """PEP 561: checkers look for this file in the installed package; the wheel takes the package whole."""
    assert (ROOT / "inspector" / "py.typed").is_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["inspector"]
    assert "Typing :: Typed" in project["project"]["classifiers"]


def test_rooms_are_counted() -> None:
    summary = {"covered_lines": 3, "num_statements": 4, "covered_branches": 1, "num_branches": 4}
    report = {"files": {f"/x/inspector/{name}": {"summary": summary} for name in ("cli.py", "kvm/a.py", "kvm/b/c.py")}}
    rooms = by_room(json.dumps(report).encode())
    assert rooms == {"inspector": Count(4, 8), "kvm": Count(8, 16)}
    assert rooms["kvm"].share == 50 and Count().share == 100


def test_every_change_of_the_mutation_list_has_its_place() -> None:
    """The list is run by .ci/run; that its places and tests are still there is seen at once."""
    mutants = read()
    assert len({mutant.name for mutant in mutants}) == len(mutants) >= 12
    for mutant in mutants:
        assert mutant.place(ROOT).is_file() and mutant.old != mutant.new
        assert all((ROOT / test.partition("::")[0]).exists() for test in mutant.tests), mutant.name


def test_a_change_without_a_place_is_a_complaint(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\ntwo\n")
    lost, twice = (Mutant(name="x", file="a.py", old=old, new="", tests=()) for old in ("three", "two"))
    assert "0 times" in try_one(lost, tmp_path) and "2 times" in try_one(twice, tmp_path)


def test_a_change_that_no_test_notices_is_a_complaint(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("VALUE = 1\n")
    (tmp_path / "test_a.py").write_text("from a import VALUE\n\n\ndef test_a():\n    assert VALUE\n")
    harmless, harmful = (Mutant("x", "a.py", "= 1", new, ("test_a.py",)) for new in ("= 2", "= 0"))
    assert "no test noticed it" in try_one(harmless, tmp_path)
    assert try_one(harmful, tmp_path) == ""
    assert (tmp_path / "a.py").read_text() == "VALUE = 1\n"


def test_the_readme_names_tests_that_exist_for_its_promises() -> None:
    """The table of the Security section: each promise with the test that keeps it."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Security\n")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    for _, promise, kept, *_ in rows:
        named = re.findall(r"`(tests/[\w/.]+)`", kept)
        assert named, promise
        assert not [path for path in named if not (ROOT / path).exists()], promise


def test_fault_40_the_readme_shows_a_picture_of_each_screen_that_the_script_draws() -> None:
    from tests.make_picture import PICTURES

    shown = re.findall(r"!\[([^\]]+)\]\(tests/golden/([a-z]+)\.png\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert [name for _, name in shown] == ["readme", "summary", "migrate", "patch", "cache"] == list(PICTURES)
    assert PICTURES["readme"][1], "the first picture shows a register in which something differs"
    for words, name in shown:
        assert len(words) > 30 and (ROOT / "tests" / "golden" / f"{name}.png").stat().st_size > 20_000
