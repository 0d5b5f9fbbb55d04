"""Changes of values: of what is given, of what blocks hand on, of what a run has returned."""

from __future__ import annotations

from counting import Blocks

_IMAGE = "from PIL import Image, ImageOps\n"
_PALETTE = _IMAGE + "PICTURE = Image.new('P', (2, 1))\nPICTURE.putpalette([10, 20, 30, 40, 50, 60])\n"


def _chain(make: str, edit: str, read: str, kind: str) -> str:
    """Three blocks: one makes a thing, one changes it in place, one reads it."""
    return f"""
class Make(Block):
    class Out(Outputs):
        thing: {kind}

    def run(self, number: float) -> Out:
        return self.Out(thing={make})


class Edit(Block):
    class Out(Outputs):
        edited: bool

    def run(self, thing: {kind}) -> Out:
        {edit}
        return self.Out(edited=True)


class Read(Block):
    class Out(Outputs):
        found: float

    def run(self, thing: {kind}) -> Out:
        return self.Out(found=float({read}))


BLOCKS = {{"make": Make(), "edit": Edit(), "read": Read()}}
"""


def _making(thing: str, kind: str) -> str:
    """Two blocks: one makes a thing, one puts it on the number."""
    return f"""
from PIL import Image


class Make(Block):
    class Out(Outputs):
        thing: {kind}

    def run(self, number: float) -> Out:
        return self.Out(thing={thing})


class Hold(Block):
    class Out(Outputs):
        held: float

    def run(self, thing: {kind}) -> Out:
        return self.Out(held=1.0)


BLOCKS = {{"make": Make(), "hold": Hold()}}
"""


def _edited(how: str) -> str:
    return f"for each in results:\n    {how}"


VALUES: dict[str, Blocks] = {
    "dict changed by a block": Blocks(
        head=_chain("{'by': 1.0}", "thing['by'] = thing['by'] + 1.0", "thing['by']", "dict"), change="pass"
    ),
    "list changed by a block": Blocks(head=_chain("[1.0]", "thing.append(2.0)", "sum(thing)", "list"), change="pass"),
    "kept tensor written in place": Blocks(
        head=_chain("torch.ones(2)", "thing.add_(1.0)", "thing.sum()", "torch.Tensor"), change="pass"
    ),
    "mutable default of run": Blocks(
        head="""
class Use(Block):
    class Out(Outputs):
        number: float

    def run(self, number: float, items: list = []) -> Out:
        items.append(1.0)
        return self.Out(number=number + sum(items))
""",
        change="pass",
        may_be_refused=True,
    ),
    "result edited": Blocks(
        head=_making("torch.ones(2)", "torch.Tensor"),
        change=_edited("each.thing.add_(1.0)"),
        back=_edited("each.thing.sub_(1.0)"),
    ),
    "result edited by .data": Blocks(
        head=_making("torch.ones(2)", "torch.Tensor"),
        change=_edited("each.thing.data.add_(1.0)"),
        back=_edited("each.thing.data.sub_(1.0)"),
    ),
    "result image edited": Blocks(
        head=_making("Image.new('L', (2, 2), 5)", "Any"),
        change=_edited("each.thing.putpixel((0, 0), 9)"),
        back=_edited("each.thing.putpixel((0, 0), 5)"),
    ),
    "given tensor edited": Blocks(
        adds="given.sum().item()", head="K = torch.ones(2)", given="given=K", change="K.mul_(2.0)", back="K.div_(2.0)"
    ),
    "given tensor edited by numpy": Blocks(
        adds="given.sum().item()",
        head="K = torch.ones(2)\nVIEW = K.numpy()",
        given="given=K",
        change="VIEW[0] = 3.0",
        back="VIEW[0] = 1.0",
    ),
    "tensor's strides": Blocks(
        adds="float(given.stride(0))",
        head="K = torch.ones(2, 3)",
        given="given=K",
        change="K = torch.ones(3, 2).t()",
        back="K = torch.ones(2, 3)",
    ),
    "tensor's dtype": Blocks(
        adds="float(given.element_size())",
        head="K = torch.ones(2)",
        given="given=K",
        change="K = torch.ones(2, dtype=torch.float64)",
        back="K = torch.ones(2)",
    ),
    "tensor that needs gradients": Blocks(
        adds="float(given.requires_grad)",
        head="K = torch.ones(2)",
        given="given=K",
        change="K.requires_grad_(True)",
        back="K.requires_grad_(False)",
    ),
    "tensor's attribute": Blocks(
        adds="getattr(given, 'by', 1.0)",
        head="K = torch.ones(2)",
        given="given=K",
        change="K.by = 2.0",
        back="del K.by",
    ),
    "array edited": Blocks(
        adds="float(given.sum())",
        head="import numpy\nK = numpy.ones(2)",
        given="given=K",
        change="K[0] = 2.0",
        back="K[0] = 1.0",
    ),
    "array of objects": Blocks(
        adds="float(given[0][0])",
        head="import numpy\nK = numpy.empty(1, dtype=object)\nK[0] = [1.0]",
        given="given=K",
        change="K[0][0] = 2.0",
        back="K[0][0] = 1.0",
    ),
    "pixels": Blocks(
        adds="float(given.getpixel((0, 0)))",
        head=_IMAGE + "PICTURE = Image.new('L', (2, 1), 5)",
        given="given=PICTURE",
        change="PICTURE.putpixel((0, 0), 9)",
        back="PICTURE.putpixel((0, 0), 5)",
    ),
    "orientation": Blocks(
        adds="float(ImageOps.exif_transpose(given).width)",
        head=_IMAGE + "PICTURE = Image.new('L', (2, 1), 5)\nPICTURE.getexif()[274] = 1",
        given="given=PICTURE",
        change="PICTURE.getexif()[274] = 6",
        back="PICTURE.getexif()[274] = 1",
    ),
    "palette transparency": Blocks(
        adds="float(given.convert('RGBA').getpixel((0, 0))[3])",
        head=_PALETTE
        + "def made():\n    found = PICTURE.copy()\n    found.info['transparency'] = CLEAR\n    return found\nCLEAR = 0",
        given="given=made()",
        change="CLEAR = 1",
        back="CLEAR = 0",
    ),
    "palette": Blocks(
        adds="float(given.convert('RGB').getpixel((0, 0))[0])",
        head=_PALETTE,
        given="given=PICTURE",
        change="PICTURE.putpalette([11, 20, 30, 40, 50, 60])",
        back="PICTURE.putpalette([10, 20, 30, 40, 50, 60])",
    ),
    "image's info": Blocks(
        adds="float(given.info['by'])",
        head=_IMAGE + "PICTURE = Image.new('L', (2, 1), 5)\nPICTURE.info['by'] = 1.0",
        given="given=PICTURE",
        change="PICTURE.info['by'] = 2.0",
        back="PICTURE.info['by'] = 1.0",
    ),
    "generator's state": Blocks(
        adds="torch.rand(1, generator=given).item()",
        head="DRAWN = 1\ndef made():\n    found = torch.Generator().manual_seed(1)\n    torch.rand(DRAWN, generator=found)\n    return found",
        given="given=made()",
        change="DRAWN = 3",
        back="DRAWN = 1",
    ),
    "generator's seed": Blocks(
        adds="torch.rand(1, generator=given).item()",
        head="SEED = 1",
        given="given=torch.Generator().manual_seed(SEED)",
        change="SEED = 2",
        back="SEED = 1",
    ),
    "list of generators": Blocks(
        adds="sum(n * torch.rand(1, generator=each).item() for n, each in enumerate(given))",
        head="SEEDS = [1, 2]",
        given="given=[torch.Generator().manual_seed(each) for each in SEEDS]",
        change="SEEDS.reverse()",
        back="SEEDS.reverse()",
    ),
    "file behind a path": Blocks(
        adds="float(open(given).read())",
        head="""
import os
from pathlib import Path


def write(text):
    Path("FOLDER/given.txt").write_text(text)
    os.utime("FOLDER/given.txt", ns=(10**18, 10**18))


write("1.0")
""",
        given="given='FOLDER/given.txt'",
        change="write('2.0')",
        back="write('1.0')",
    ),
    "Path or str": Blocks(
        adds="float(isinstance(given, str))",
        head="from pathlib import Path\nK = 'a/b'",
        given="given=K",
        change="K = Path('a/b')",
        back="K = 'a/b'",
    ),
    "0, False and 0.0": Blocks(
        adds="float(type(given) is bool)", head="K = 0", given="given=K", change="K = False", back="K = 0"
    ),
    "1 and 1.0": Blocks(
        adds="float(isinstance(given, int))", head="K = 1", given="given=K", change="K = 1.0", back="K = 1"
    ),
    "minus zero": Blocks(
        adds="math.copysign(1.0, given)",
        head="import math\nK = 0.0",
        given="given=K",
        change="K = -0.0",
        back="K = 0.0",
    ),
    "NaN": Blocks(adds="given", head="K = 1.0", given="given=K", change="K = float('nan')", back="K = 1.0"),
    "dict's order": Blocks(
        adds="next(iter(given.values()))",
        head="K = {'a': 1.0, 'b': 2.0}",
        given="given=K",
        change="K = {'b': 2.0, 'a': 1.0}",
        back="K = {'a': 1.0, 'b': 2.0}",
    ),
    "list or tuple": Blocks(
        adds="float(isinstance(given, list))", head="K = [1]", given="given=K", change="K = (1,)", back="K = [1]"
    ),
    "set": Blocks(adds="float(sum(given))", head="K = {1, 2}", given="given=K", change="K.add(3)", back="K.discard(3)"),
    "shared or equal objects": Blocks(
        adds="given.append(1.0) or sum(other)",
        head="SHARED = False\ndef pair():\n    one = [1.0]\n    return dict(given=one, other=one if SHARED else [1.0])",
        given="given=(P := pair())['given'], other=P['other']",
        change="SHARED = True",
        back="SHARED = False",
    ),
    "object of one's own": Blocks(
        adds="given.by",
        head="class Thing:\n    by = 1.0\nK = Thing()\nK.by = 1.0",
        given="given=K",
        change="K.by = 2.0",
        back="K.by = 1.0",
    ),
    "function given": Blocks(
        adds="given()",
        head="""
def made():
    by = 1.0

    def f():
        return by

    def set_by(value):
        nonlocal by
        by = value

    return f, set_by


f, set_by = made()
""",
        given="given=f",
        change="set_by(2.0)",
        back="set_by(1.0)",
    ),
    "mapping between names": Blocks(
        adds="one - other",
        head="PAIR = [1.0, 2.0]",
        given="one=PAIR[0], other=PAIR[1]",
        change="PAIR.reverse()",
        back="PAIR.reverse()",
    ),
}
