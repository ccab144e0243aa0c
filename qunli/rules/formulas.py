"""The small language of formulas: `clamp(minutes - 10, 0, planned_minutes) // 60`.

Python's own grammar, of which only this is understood: numbers, names, + - *, // (floor), / inside of floor(), ceil() or round(),
min, max, clamp(x, low, high), floor(x), ceil(x), round(x, digits), months(from, to), years(from, to), comparisons, and, or, not,
and `a if condition else b`. Nothing is executed: the text becomes terms (`terms`, `conditions`).
"""

import ast
from collections.abc import Mapping

from django.utils.translation import gettext as _

from qunli.kernel.lists import listed
from qunli.rules import conditions, kinds, terms
from qunli.rules.conditions import Condition, Not
from qunli.rules.terms import Constant, Largest, Smallest, Term, Unfit

LONGEST = 400
DEEPEST = 30
OPERATORS = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
FUNCTIONS = {"min": "2+", "max": "2+", "clamp": "3", "floor": "1", "ceil": "1", "round": "1-2", "months": "2", "years": "2"}


def parse(text: str, names: Mapping[str, Term]) -> Term:
    """The term that a formula says. `names` are the facts, parameters and values that it may use. Raises Unfit."""
    if len(text) > LONGEST:
        raise Unfit(_("算式太长（最多 %(most)d 个字符），请用 [values] 拆开。") % {"most": LONGEST})
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unfit(_("算式“%(text)s”写得不完整或有多余的符号。") % {"text": text}) from None
    return _Reader(names).term(tree.body, 0)


class _Reader:
    def __init__(self, names: Mapping[str, Term]) -> None:
        self.names = names

    def term(self, node: ast.expr, depth: int) -> Term:
        if depth > DEEPEST:
            raise Unfit(_("算式嵌套太深，请用 [values] 拆开。"))
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._number(node, value)
            case ast.Constant(value=bool() as value):
                return Constant(int(value), kinds.BOOLEAN)
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return terms.subtract(Constant(0, kinds.integer(0, 0)), self.term(operand, depth + 1))
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, left, right, depth + 1)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, args, depth + 1)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return conditions.choose(self.condition(test, depth + 1), self.term(body, depth + 1), self.term(orelse, depth + 1))
        raise self._stranger(node)

    def condition(self, node: ast.expr, depth: int) -> Condition:
        if depth > DEEPEST:
            raise Unfit(_("算式嵌套太深，请用 [values] 拆开。"))
        match node:
            case ast.Compare(left=left, ops=ops, comparators=rest) if all(type(op) in OPERATORS for op in ops):
                sides = [self.term(each, depth + 1) for each in (left, *rest)]
                pairs = zip(ops, sides, sides[1:], strict=False)
                return conditions.every(tuple(conditions.compare(OPERATORS[type(op)], a, b) for op, a, b in pairs))
            case ast.BoolOp(op=ast.And(), values=values):
                return conditions.every(tuple(self.condition(each, depth + 1) for each in values))
            case ast.BoolOp(op=ast.Or(), values=values):
                return conditions.some(tuple(self.condition(each, depth + 1) for each in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.condition(operand, depth + 1))
            case ast.Name(id=name):
                return conditions.compare("eq", self._name(name), Constant(1, kinds.BOOLEAN))
        raise self._stranger(node)

    def _number(self, node: ast.expr, value: float) -> Term:
        written = ast.unparse(node) if isinstance(value, float) else value
        number, kind = kinds.literal(written)
        if kind.digits > kinds.MOST_DIGITS or not -kinds.LIMIT < number < kinds.LIMIT:
            raise Unfit(_("数字 %(number)s 太大或小数位太多。") % {"number": written})
        return Constant(number, kind)

    def _name(self, name: str) -> Term:
        found = self.names.get(name)
        if found is None:
            near = listed(sorted(self.names)[:12])
            raise Unfit(_("没有“%(name)s”。能用的有：%(near)s。") % {"name": name, "near": near})
        return found

    def _binary(self, op: ast.operator, left: ast.expr, right: ast.expr, depth: int) -> Term:
        if isinstance(op, ast.Div):
            raise Unfit(_("“/”要放在 floor(…)、ceil(…) 或 round(…, 2) 里，说明怎样取整。"))
        sides = self.term(left, depth), self.term(right, depth)
        match op:
            case ast.Add():
                return terms.add(*sides)
            case ast.Sub():
                return terms.subtract(*sides)
            case ast.Mult():
                return terms.multiply(*sides)
            case ast.FloorDiv():
                return terms.divide(*sides, rounding="floor")
        raise Unfit(_("不能用这个运算符，能用的有 + - * // 和取整里的 /。"))

    def _call(self, name: str, args: list[ast.expr], depth: int) -> Term:
        if name not in FUNCTIONS:
            raise Unfit(_("没有函数“%(name)s”，能用的有：%(known)s。") % {"name": name, "known": listed(FUNCTIONS)})
        least, most = int(FUNCTIONS[name][0]), 20 if FUNCTIONS[name].endswith("+") else int(FUNCTIONS[name][-1])
        if not least <= len(args) <= most:
            raise Unfit(_("函数 %(name)s 的参数个数不对。") % {"name": name})
        if name in terms.ROUNDINGS:
            return self._rounded(name, args, depth)
        values = [self.term(arg, depth) for arg in args]
        match name:
            case "min":
                return terms.extreme(Smallest, *values)
            case "max":
                return terms.extreme(Largest, *values)
            case "clamp":
                return terms.extreme(Smallest, terms.extreme(Largest, values[0], values[1]), values[2])
            case "months":
                return terms.months(*values)
        return terms.divide(terms.months(*values), Constant(12, kinds.integer(12, 12)), rounding="floor")

    def _rounded(self, name: str, args: list[ast.expr], depth: int) -> Term:
        digits = 0
        if len(args) == 2:
            match args[1]:
                case ast.Constant(value=int() as value) if 0 <= value <= kinds.MOST_DIGITS:
                    digits = int(value)
                case _:
                    raise Unfit(_("round 的小数位要写成 0 至 %(most)d 的数字。") % {"most": kinds.MOST_DIGITS})
        match args[0]:
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return terms.divide(self.term(left, depth), self.term(right, depth), rounding=name, digits=digits)
        return terms.rounded(self.term(args[0], depth), rounding=name, digits=digits)

    def _stranger(self, node: ast.expr) -> Unfit:
        return Unfit(_("算式里不能这样写：%(text)s") % {"text": ast.unparse(node)[:60]})
