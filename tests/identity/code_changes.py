"""Changes of the code of blocks, as texts; a change is what a person types into the next cell of a notebook."""

from __future__ import annotations

from counting import Blocks, use

_HELPER = {"HELPER": "number = 1.0\n\n\ndef f():\n    return number\n"}
_IMPORT = "import HELPER as helper\n"
_OBJECT = """
class Helper:
    def __init__(self):
        self.by = 1.0

    def add(self):
        return self.by

    def __call__(self):
        return self.by
"""
_CLOSING = """
def made():
    by = 1.0

    class Use(Block):
        class Out(Outputs):
            number: float

        def run(self, number: float) -> Out:
            return self.Out(number=number + by)

    def set_by(value):
        nonlocal by
        by = value

    return Use, set_by


Use, set_by = made()
"""
_DECORATED = """
import functools

BOX = [1.0]


def scaled(box):
    def outer(function):
        @functools.wraps(function)
        def inner():
            return function() * box[0]

        return inner

    return outer


@scaled(BOX)
def f():
    return 2.0
"""
_TWO = (
    use("1.0")
    + """
class Double(Block):
    class Out(Outputs):
        number: float

    def run(self, number: float) -> Out:
        return self.Out(number=2 * number)


BLOCKS = {"first": Use(), "second": Double()}
"""
)
_OWN_LOOP = (
    use("1.0")
    + """
class Own(LoopSequentialPipelineBlocks):
    class Vars(Outputs):
        iteration: int

    def iterate(self):
        for iteration in range(2):
            yield self.Vars(iteration=iteration)


def more(self):
    for iteration in range(3):
        yield self.Vars(iteration=iteration)


iterate = Own.iterate
BLOCKS = {"first": Use(), "repeat": Own.from_blocks_dict({"use": Use()})}
"""
)
_AGAIN = "pipe.blocks.replace('first', Use())\npipe.blocks.replace('repeat.use', Use())\n"
_START = "from typing import Any\nfrom brickwork import Block, Outputs\n"


def _code(head: str, adds: str, change: str, back: str, **more: object) -> Blocks:
    return Blocks(head=head, adds=adds, change=change, back=back, **more)  # type: ignore[arg-type] # named in the table


CODE: dict[str, Blocks] = {
    "function of a module assigned": _code(
        _IMPORT + "kept = helper.f", "helper.f()", "helper.f = lambda: 2.0", "helper.f = kept", files=_HELPER
    ),
    "module edited and reloaded": _code(
        _IMPORT,
        "helper.f()",
        "rewrite('helper', 'def f():\\n    return 2.25\\n')\nimport importlib\nimportlib.reload(helper)",
        f"rewrite('helper', {_HELPER['HELPER']!r})\nimport importlib\nimportlib.reload(helper)",
        files=_HELPER,
    ),
    "helper of a helper": _code(
        _IMPORT + "kept = helper.other.g",
        "helper.f()",
        "helper.other.g = lambda: 2.0",
        "helper.other.g = kept",
        files={
            "HELPER2": "def g():\n    return 1.0\n",
            "HELPER": "import HELPER2 as other\n\n\ndef f():\n    return other.g()\n",
        },
    ),
    "function defined again": _code(
        "def f():\n    return 1.0", "f()", "def f():\n    return 2.0", "def f():\n    return 1.0"
    ),
    "class defined again": _code("", "1.0", _START + use("2.0") + _AGAIN, _START + use("1.0") + _AGAIN),
    "method replaced": _code(
        "",
        "self.by()",
        "kept = Use.by\nUse.by = lambda self: 2.0",
        "Use.by = kept",
        members="def by(self):\n    return 1.0",
    ),
    "run replaced": _code(
        "",
        "1.0",
        "kept = Use.run\ndef run(self, number: float) -> Use.Out:\n    return self.Out(number=number + 2.0)\nUse.run = run",
        "Use.run = kept",
    ),
    "method replaced twice": _code(
        "",
        "self.by()",
        "Use.by = lambda self: 3.0",
        "Use.by = lambda self: 2.0",
        members="def by(self):\n    return 1.0",
        first="Use.by = lambda self: 2.0",
    ),
    "helper's method replaced": _code(
        _OBJECT, "Helper().add()", "kept = Helper.add\nHelper.add = lambda self: 2.0", "Helper.add = kept"
    ),
    "method on the instance": _code(
        "",
        "self.by()",
        "for each in uses():\n    each.by = lambda: 2.0",
        "for each in uses():\n    del each.by",
        members="def by(self):\n    return 1.0",
    ),
    "__code__ swapped": _code(
        "def f():\n    return 1.0", "f()", "kept = f.__code__\nf.__code__ = (lambda: 2.0).__code__", "f.__code__ = kept"
    ),
    "__defaults__ swapped": _code(
        "def f(by=1.0):\n    return by", "f()", "f.__defaults__ = (2.0,)", "f.__defaults__ = (1.0,)"
    ),
    "mutable default": _code(
        "def f(by=[1.0]):\n    return by[0]", "f()", "f.__defaults__[0][0] = 2.0", "f.__defaults__[0][0] = 1.0"
    ),
    "keyword default": _code(
        "def f(*, by=1.0):\n    return by", "f()", "f.__kwdefaults__['by'] = 2.0", "f.__kwdefaults__['by'] = 1.0"
    ),
    "partial replaced": _code(
        "from functools import partial\ndef add(by):\n    return by\nP = partial(add, 1.0)",
        "P()",
        "P = partial(add, 2.0)",
        "P = partial(add, 1.0)",
    ),
    "partial's keywords": _code(
        "from functools import partial\ndef add(by):\n    return by\nP = partial(add, by=1.0)",
        "P()",
        "P.keywords['by'] = 2.0",
        "P.keywords['by'] = 1.0",
    ),
    "global number": _code("K = 1.0", "K", "K = 2.0", "K = 1.0"),
    "global list": _code("K = [1.0]", "sum(K)", "K.append(1.0)", "K.pop()"),
    "global tensor": _code("K = torch.ones(2)", "K.sum().item()", "K.data.mul_(2.0)", "K.data.div_(2.0)"),
    "global array": _code("import numpy\nK = numpy.ones(2)", "float(K.sum())", "K[0] = 2.0", "K[0] = 1.0"),
    "UserDict": _code(
        "from collections import UserDict\nK = UserDict(by=1.0)", "K['by']", "K['by'] = 2.0", "K['by'] = 1.0"
    ),
    "ChainMap": _code(
        "from collections import ChainMap\nK = ChainMap({}, {'by': 1.0})",
        "K['by']",
        "K.maps[1]['by'] = 2.0",
        "K.maps[1]['by'] = 1.0",
    ),
    "mappingproxy": _code(
        "from types import MappingProxyType\nBEHIND = {'by': 1.0}\nK = MappingProxyType(BEHIND)",
        "K['by']",
        "BEHIND['by'] = 2.0",
        "BEHIND['by'] = 1.0",
    ),
    "mapping in a list": _code(
        "from collections import UserDict\nK = [UserDict(by=1.0)]", "K[0]['by']", "K[0]['by'] = 2.0", "K[0]['by'] = 1.0"
    ),
    "enum's value": _code(
        "import enum\nclass Kind(enum.Enum):\n    A = 1.0",
        "Kind.A.value",
        "Kind.A._value_ = 2.0",
        "Kind.A._value_ = 1.0",
    ),
    "enum's attribute": _code(
        "import enum\nclass Kind(enum.Enum):\n    A = 1.0\nKind.A.by = 1.0",
        "Kind.A.by",
        "Kind.A.by = 2.0",
        "Kind.A.by = 1.0",
    ),
    "weak reference": _code(
        _OBJECT + "import weakref\nHELD = Helper()\nK = weakref.ref(HELD)", "K().by", "HELD.by = 2.0", "HELD.by = 1.0"
    ),
    "bases of a class": _code(
        "class One:\n    by = 1.0\nclass Two:\n    by = 2.0\nclass K(One):\n    pass",
        "K.by",
        "K.__bases__ = (Two,)",
        "K.__bases__ = (One,)",
    ),
    "module __getattr__": _code(
        "import types\nK = types.ModuleType('made_up')\ndef one(name):\n    return 1.0\nK.__getattr__ = one",
        "K.by",
        "K.__getattr__ = lambda name: 2.0",
        "K.__getattr__ = one",
    ),
    "module's property": _code(
        "import types\nclass Made(types.ModuleType):\n    held = 1.0\n    @property\n    def by(self):\n        return Made.held\n"
        "K = Made('made')",
        "K.by",
        "Made.held = 2.0",
        "Made.held = 1.0",
    ),
    "math function": _code(
        "import math\nkept = math.sqrt", "math.sqrt(1.0)", "math.sqrt = lambda x: 2.0", "math.sqrt = kept"
    ),
    "numpy function": _code(
        "import numpy\nkept = numpy.linalg.norm",
        "float(numpy.linalg.norm([1.0]))",
        "numpy.linalg.norm = lambda x: 2.0",
        "numpy.linalg.norm = kept",
    ),
    "numpy function by another": _code(
        "import numpy\nkept = numpy.sqrt", "float(numpy.sqrt(4.0))", "numpy.sqrt = numpy.square", "numpy.sqrt = kept"
    ),
    "builtin function": _code(
        "import builtins\nkept = abs", "float(abs(-1.0))", "builtins.abs = lambda x: 2.0", "builtins.abs = kept"
    ),
    "array of Python's": _code("import array\nK = array.array('d', [1.0])", "K[0]", "K[0] = 2.0", "K[0] = 1.0"),
    "SimpleNamespace": _code(
        "from types import SimpleNamespace\nK = SimpleNamespace(by=1.0)", "K.by", "K.by = 2.0", "K.by = 1.0"
    ),
    "object with slots": _code(
        "class Slotted:\n    __slots__ = ('by',)\nK = Slotted()\nK.by = 1.0", "K.by", "K.by = 2.0", "K.by = 1.0"
    ),
    "object with a dict": _code(_OBJECT + "K = Helper()", "K.by", "K.by = 2.0", "K.by = 1.0"),
    "callable object": _code(_OBJECT + "K = Helper()", "K()", "K.by = 2.0", "K.by = 1.0"),
    "bound method": _code(_OBJECT + "K = Helper()\nadd = K.add", "add()", "K.by = 2.0", "K.by = 1.0"),
    "table of functions": _code(
        "TABLE = {'add': lambda: 1.0}", "TABLE['add']()", "TABLE['add'] = lambda: 2.0", "TABLE['add'] = lambda: 1.0"
    ),
    "global network": _code(
        "NET = torch.nn.Linear(1, 1)\nNET.weight.data.fill_(1.0)\nNET.bias.data.fill_(0.0)",
        "NET(torch.ones(1)).item()",
        "NET.weight.data.fill_(2.0)",
        "NET.weight.data.fill_(1.0)",
    ),
    "globals()": _code("K = 1.0", "globals()['K']", "K = 2.0", "K = 1.0"),
    "getattr of a module": _code(
        _IMPORT,
        "getattr(helper, ''.join(['num', 'ber']))",
        "helper.number = 2.0",
        "helper.number = 1.0",
        files=_HELPER,
    ),
    "sys.modules": _code(
        "import sys\nimport HELPER",
        "sys.modules['HELPER'].number",
        "HELPER.number = 2.0",
        "HELPER.number = 1.0",
        files=_HELPER,
    ),
    "attribute put on later": _code(
        "",
        "getattr(self, 'extra', 1.0)",
        "for each in uses():\n    each.extra = 2.0",
        "for each in uses():\n    del each.extra",
    ),
    "block's option": _code(
        "",
        "self.by",
        "pipe.blocks.replace('first', Use(by=2.0))\npipe.blocks.replace('repeat.use', Use(by=2.0))",
        _AGAIN,
        members="by: float = 1.0",
    ),
    "option edited in place": _code(
        "",
        "self.by[0]",
        "for each in uses():\n    each.by[0] = 2.0",
        "for each in uses():\n    each.by[0] = 1.0",
        members="by: list = [1.0]",
    ),
    "closure": _code(_CLOSING, "", "set_by(2.0)", "set_by(1.0)"),
    "import inside": _code(
        "",
        "inner.f()",
        "import HELPER\nHELPER.number = 2.0",
        "HELPER.number = 1.0",
        lines="import HELPER as inner",
        files=_HELPER,
    ),
    "constant of a lambda": _code("f = lambda: 1.0", "f()", "f = lambda: 2.0", "f = lambda: 1.0"),
    "constant inside a nested function": _code(
        "def f():\n    def g():\n        return 1.0\n    return g()",
        "f()",
        "def f():\n    def g():\n        return 2.0\n    return g()",
        "def f():\n    def g():\n        return 1.0\n    return g()",
    ),
    "three dots": _code("K = 1.0", "torch.arange(6.0).reshape(2, 3)[..., 1].sum().item() * K", "K = 2.0", "K = 1.0"),
    "class attribute": _code("", "self.by", "Use.by = 2.0", "Use.by = 1.0", members="by = 1.0"),
    "inherited class": _code(
        _OBJECT + "class Heir(Helper):\n    pass",
        "Heir().add()",
        "kept = Helper.add\nHelper.add = lambda self: 2.0",
        "Helper.add = kept",
    ),
    "base class of the block": _code(
        use("1.0").replace("Use", "Base")
        + "\nclass Use(Base):\n    def run(self, number: float) -> Base.Out:\n        return super().run(number)\n",
        "",
        "kept = Base.run\ndef run(self, number: float) -> Base.Out:\n    return self.Out(number=number + 2.0)\nBase.run = run",
        "Base.run = kept",
    ),
    "decorator": _code(_DECORATED, "f()", "BOX[0] = 2.0", "BOX[0] = 1.0"),
    "function behind lru_cache": _code(
        "import functools\n@functools.lru_cache\ndef f():\n    return 1.0",
        "f()",
        "@functools.lru_cache\ndef f():\n    return 2.0",
        "@functools.lru_cache\ndef f():\n    return 1.0",
    ),
    "singledispatch": _code(
        "import functools\n@functools.singledispatch\ndef f(x):\n    return 1.0\nf.register(float, lambda x: 1.5)",
        "f(number)",
        "f.register(float, lambda x: 2.0)",
        "f.register(float, lambda x: 1.5)",
    ),
    "property": _code(
        "",
        "self.by",
        "kept = Use.by\nUse.by = property(lambda self: 2.0)",
        "Use.by = kept",
        members="@property\ndef by(self):\n    return 1.0",
    ),
    "staticmethod of a helper": _code(
        "class Helper:\n    @staticmethod\n    def add():\n        return 1.0",
        "Helper.add()",
        "kept = vars(Helper)['add']\nHelper.add = staticmethod(lambda: 2.0)",
        "Helper.add = kept",
    ),
    "blocks in another order": _code(
        _TWO,
        "",
        "first = pipe.blocks.pop('first')\npipe.blocks.insert_after('second', 'first', first)",
        "first = pipe.blocks.pop('first')\npipe.blocks.insert_before('second', 'first', first)",
    ),
    "block inserted in the loop": _code(
        "", "1.0", "pipe.blocks.insert_after('repeat.use', 'more', Use())", "pipe.blocks.pop('repeat.more')"
    ),
    "loop's iterations": _code(_OWN_LOOP, "", "Own.iterate = more", "Own.iterate = iterate"),
}
