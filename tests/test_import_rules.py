"""The arrows between the parts (design section 3), held by import-linter and by looking."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def imported_by(source: str) -> set[str]:
    """Top-level names of everything that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_import_linter_finds_nothing() -> None:
    found = subprocess.run(
        [sys.executable, "-c", LINT], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout
    assert "0 broken" in found.stdout


def test_import_linter_would_find_something(tmp_path: Path) -> None:
    configured = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    for package in configured["tool"]["importlinter"]["root_packages"]:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    # Contracts may name parts of a package, too.
    for contract in configured["tool"]["importlinter"]["contracts"]:
        for module in (*contract.get("source_modules", ()), *contract.get("forbidden_modules", ())):
            part = tmp_path.joinpath(*module.split("."))
            if part.parent.is_relative_to(tmp_path) and (part.parent / "__init__.py").exists():
                part.mkdir(exist_ok=True)
                (part / "__init__.py").touch()
    (tmp_path / "workflows" / "__init__.py").write_text("import store\n")
    (tmp_path / "pyproject.toml").write_text((CHECKOUT / "pyproject.toml").read_text())
    found = subprocess.run(
        [sys.executable, "-c", LINT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    assert "workflows import nothing of ours but contract BROKEN" in found.stdout


@pytest.mark.parametrize(
    "module", sorted((CHECKOUT / "contract").glob("*.py")), ids=lambda p: p.stem
)
def test_contract_is_standard_library_only(module: Path) -> None:
    allowed = sys.stdlib_module_names | {"contract"}
    assert imported_by(module.read_text()) <= allowed


def test_worker_does_not_know_the_sandbox() -> None:
    assert "sandbox" not in imported_by((CHECKOUT / "worker_main.py").read_text())
