"""Rules for the source, each a function from a syntax tree to faults, a line and a sentence each."""

from __future__ import annotations

import ast
from collections.abc import Iterator

PATTERN_FUNCTIONS = frozenset(
    {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
)

Fault = tuple[int, str]


def missing_docstrings(tree: ast.Module) -> Iterator[Fault]:
    """The module, public classes, and public functions on the module's or a class's own level."""
    if not ast.get_docstring(tree):
        yield 1, "the module has no docstring"
    yield from _missing_inside(tree)


def _missing_inside(parent: ast.Module | ast.ClassDef) -> Iterator[Fault]:
    for node in parent.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("_") or _says_elsewhere(node):
            continue
        if not ast.get_docstring(node):
            yield node.lineno, f"{node.name} has no docstring"
        if isinstance(node, ast.ClassDef):
            yield from _missing_inside(node)


def _says_elsewhere(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the docstring stands at another place: overloads, setters, and what overrides a documented method."""
    names = {_last_name(decorator) for decorator in node.decorator_list}
    return bool(names & {"overload", "setter", "deleter", "override"})


def law_is_missing(tree: ast.Module) -> bool:
    """Whether the docstring of a room does not say what the room may import, or what it never does."""
    text = ast.get_docstring(tree) or ""
    return "law" not in text or not any(word in text for word in ("import", "never", "only", "no "))


def revealing(tree: ast.Module) -> Iterator[Fault]:
    """Each use of `.reveal`, and each call of `core.messages.plain`, which reveals: the doors of a secret."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "reveal":
            yield node.lineno, "reveals a secret"
        if isinstance(node, ast.Call) and _last_name(node.func) == "plain":
            yield node.lineno, "reveals a secret through plain()"


def unverified_tls(tree: ast.Module) -> Iterator[Fault]:
    """`verify=False`, `ssl=False`, `check_hostname = False`, `CERT_NONE`: a certificate nobody looks at."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.keyword)
            and node.arg in {"verify", "ssl", "check_hostname"}
            and _is_false(node.value)
        ):
            yield node.value.lineno, f"{node.arg}=False"
        if isinstance(node, ast.Assign) and _is_false(node.value):
            names = {_last_name(target) for target in node.targets}
            if names & {"verify", "check_hostname"}:
                yield node.lineno, "certificate check switched off"
        if _last_name(node) in {"CERT_NONE", "_create_unverified_context"}:
            yield getattr(node, "lineno", 0), "certificate check switched off"


def unsafe_loading(tree: ast.Module) -> Iterator[Fault]:
    """Loaders that build any object a document asks for: pickle, marshal, shelve, unsafe YAML, `eval`, `exec`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            yield from (
                (node.lineno, f"imports {name}") for name in modules & {"pickle", "marshal", "shelve"}
            )
        if not isinstance(node, ast.Call):
            continue
        if ast.unparse(node.func) in {"yaml.load", "yaml.unsafe_load", "eval", "exec"}:
            yield node.lineno, f"calls {ast.unparse(node.func)}"
        if _last_name(node.func) == "YAML":
            kinds = [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "typ"]
            yield from (
                (node.lineno, "an unsafe YAML loader") for kind in kinds if "unsafe" in kind or "base" in kind
            )


def joining_urls(tree: ast.Module) -> Iterator[Fault]:
    """Each `urljoin`: with a hostile second part it goes to another host (attack row O6)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _last_name(node.func) == "urljoin":
            yield node.lineno, "joins URLs"


def patterns_from_outside(tree: ast.Module) -> Iterator[Fault]:
    """Calls of `re` whose pattern is not written in the source: a user's pattern runs on RE2 only (row G4)."""
    written = _names_of_constants(tree)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if ast.unparse(node.func.value) != "re" or node.func.attr not in PATTERN_FUNCTIONS:
            continue
        named = [keyword.value for keyword in node.keywords if keyword.arg == "pattern"]
        if not all(_is_written_here(pattern, written) for pattern in (node.args[:1] or named)):
            yield node.lineno, f"re.{node.func.attr} with a pattern that is not written here"


def _names_of_constants(tree: ast.Module) -> set[str]:
    """The loop variables that run over constants: `for form in ("a", "b")`."""
    return {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.comprehension | ast.For)
        and isinstance(node.target, ast.Name)
        and isinstance(node.iter, ast.Tuple | ast.List)
        and all(isinstance(element, ast.Constant) for element in node.iter.elts)
    }


def _is_written_here(node: ast.expr, written: set[str]) -> bool:
    """Constants, names in capitals, loops over constants, and what is put together of these."""
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.isupper() or name in written
        case ast.BinOp(left=left, right=right):
            return _is_written_here(left, written) and _is_written_here(right, written)
        case ast.JoinedStr(values=values):
            return all(_is_written_here(value, written) for value in values)
        case ast.FormattedValue(value=value):
            return _is_written_here(value, written)
    return False


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _last_name(node: ast.AST) -> str:
    """`c` of `a.b.c`, of `a.b.c(…)`, and of `c`; empty for anything else."""
    match node:
        case ast.Call(func=function):
            return _last_name(function)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
