"""The pack with one decision inverted, loaded beside the real one."""

from __future__ import annotations

import ast
import copy
import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import policy

PACKAGE = policy.__name__
FOLDER = Path(policy.__path__[0])
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True)
class Mutant:
    """A module with one inverted decision."""

    module: str
    line: int
    column: int
    what: str
    code: CodeType

    def __str__(self) -> str:
        return f"{self.module}:{self.line}:{self.column} {self.what}"


def mutants(module: str) -> Iterator[Mutant]:
    """Invert each comparison, condition, `and` and `or` in the functions of a module, one at a time."""
    path = FOLDER / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text())
    inside = [node for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) for node in _of(each)]
    for node in inside:
        for number in range(len(node.ops) if isinstance(node, ast.Compare) else 1):
            turned = copy.deepcopy(tree)
            twin = next(each for each in ast.walk(turned) if _place(each) == _place(node))
            assert isinstance(twin, ast.expr)
            what = _turn(turned, twin, number)
            code = compile(ast.fix_missing_locations(turned), str(path), "exec")
            yield Mutant(module, node.lineno, node.col_offset, what, code)


def _of(function: ast.FunctionDef) -> list[ast.expr]:
    """The decisions in a function's body, each once; its decorators are data."""
    inside = [node for statement in function.body for node in ast.walk(statement)]
    found: list[ast.expr] = [node for node in inside if isinstance(node, ast.Compare | ast.BoolOp)]
    found += [condition for node in inside for condition in _conditions(node)]
    return list({_place(node): node for node in found}.values())


def _conditions(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.If | ast.IfExp):
        return [node.test]
    if isinstance(node, ast.BoolOp):
        return node.values
    return node.ifs if isinstance(node, ast.comprehension) else []


def _place(node: ast.AST) -> tuple[Any, ...]:
    ends = ("lineno", "col_offset", "end_lineno", "end_col_offset")
    return type(node), *(getattr(node, end, 0) for end in ends)


def _turn(tree: ast.AST, node: ast.expr, number: int) -> str:
    before = ast.unparse(node)
    if isinstance(node, ast.Compare):
        node.ops[number] = _TURNED[type(node.ops[number])]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    else:
        _Negated(node).visit(tree)
        return f"{before} -> not {before}"
    return f"{before} -> {ast.unparse(node)}"


class _Negated(ast.NodeTransformer):
    """Puts a `not` before one condition."""

    def __init__(self, condition: ast.expr) -> None:
        self._condition = condition

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._condition:
            return ast.UnaryOp(ast.Not(), self._condition)
        return super().generic_visit(node)


class _Codes(MetaPathFinder, InspectLoader):
    """Imports a package's modules from compiled code."""

    def __init__(self, codes: Mapping[str, CodeType]) -> None:
        self._codes = codes

    def find_spec(self, fullname: str, path: object, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname not in self._codes:
            return None
        return spec_from_loader(fullname, self, is_package=fullname in PACKAGES)

    def get_code(self, fullname: str) -> CodeType:
        return self._codes[fullname]

    def get_source(self, fullname: str) -> None:
        return None


def _name(file: Path) -> str:
    parts = file.relative_to(FOLDER.parent).with_suffix("").parts
    return ".".join(parts[:-1] if file.stem == "__init__" else parts)


FILES = [FOLDER / "__init__.py", *sorted(FOLDER.glob("framework/*.py")), *sorted(FOLDER.glob("rules/*.py"))]
PACKAGES = {_name(file) for file in FILES if file.stem == "__init__"}
ORIGINAL = {_name(file): compile(file.read_text(), str(file), "exec") for file in FILES}


@contextmanager
def loaded(mutant: Mutant, *modules: str) -> Iterator[list[ModuleType]]:
    """Import these modules again with the mutant among their imports; restore the real ones at the end."""
    codes = {**ORIGINAL, f"{PACKAGE}.{mutant.module}": mutant.code}
    finder = _Codes(codes)
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name in codes}
    sys.meta_path.insert(0, finder)
    try:
        yield [importlib.import_module(f"{PACKAGE}.{module}") for module in modules]
    finally:
        sys.meta_path.remove(finder)
        for name in codes:
            sys.modules.pop(name, None)
        sys.modules.update(kept)
