"""Rules for fault points: a function that writes can be made to fail on both sides of its commit."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.shape.rules_for_tests import Function

Fault = tuple[int, str]


def writes_without_fault_points(tree: ast.Module) -> Iterator[Fault]:
    """Each `with ….writing():` wants a `fault("…")` inside it, before the commit, and one behind it."""
    for function in _functions(tree):
        points = [getattr(node, "lineno", 0) for node in _own_nodes(function) if _is_fault(node)]
        for node in _own_nodes(function):
            if not isinstance(node, ast.With) or not any(_writes(node, name) for name in _opened_by(node)):
                continue
            end = node.end_lineno or node.lineno
            if not any(node.lineno <= line <= end for line in points):
                yield (
                    getattr(node, "lineno", 0),
                    f"{function.name} writes without a fault point before its commit",
                )
            if not any(line > end for line in points):
                yield (
                    getattr(node, "lineno", 0),
                    f"{function.name} writes without a fault point behind its commit",
                )


def changes_outside_of_transactions(tree: ast.Module) -> Iterator[Fault]:
    """`.change(` and `.change_many(` belong under `.writing()`, or into a function that is given the transaction."""
    for function in _functions(tree):
        arguments = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
        blocks = [node for node in _own_nodes(function) if isinstance(node, ast.With)]
        opened = {name for block in blocks for name in _opened_by(block)}
        for node in _own_nodes(function):
            if _is_change(node) and _holder(node) not in arguments | opened:
                yield (
                    getattr(node, "lineno", 0),
                    f"{function.name} changes rows of a transaction that it neither opened nor was given",
                )


def points_without_a_written_name(tree: ast.Module) -> Iterator[Fault]:
    """The harness finds points by their names, which are written where they are passed."""
    for node in ast.walk(tree):
        if _is_fault(node) and not _name(node):
            yield getattr(node, "lineno", 0), "a fault point whose name is not written here"


def names_of_points(tree: ast.Module) -> Iterator[str]:
    """The names of all fault points of a module."""
    for node in ast.walk(tree):
        if _is_fault(node):
            yield _name(node)


def _functions(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)


def _is_fault(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fault"


def _is_writing(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "writing"


def _opened_by(block: ast.With) -> Iterator[str]:
    """The names of the write transactions that a block opens."""
    for item in block.items:
        if _is_writing(item.context_expr):
            yield item.optional_vars.id if isinstance(item.optional_vars, ast.Name) else ""


def _writes(block: ast.With, transaction: str) -> bool:
    """Whether rows may change in a block: it changes some, or hands the transaction on. A `notify` writes nothing."""
    for node in ast.walk(block):
        if _is_change(node):
            return True
        if isinstance(node, ast.Call):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(isinstance(value, ast.Name) and value.id == transaction for value in given):
                return True
    return False


def _is_change(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"change", "change_many"}
    )


def _holder(node: ast.AST) -> str:
    """`transaction` of `transaction.change(…)`."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
            return name
    return ""


def _name(node: ast.AST) -> str:
    """The name of a point; of one that counts (`step_1`, `step_2`) its beginning and a star."""
    match node:
        case ast.Call(args=[ast.JoinedStr(values=[ast.Constant(value=str(name)), ast.FormattedValue()])]):
            return f"{name}*"
        case ast.Call(args=[ast.Constant(value=str(name))]):
            return name
    return ""
