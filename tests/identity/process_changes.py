"""What blocks read from the process and from outside of it."""

from __future__ import annotations

from counting import Blocks


def _file(how: str, head: str = "") -> Blocks:
    """A block that reads a number from a file of a fixed name."""
    return Blocks(
        adds=how,
        head=f"{head}\nfrom pathlib import Path\nPath('FOLDER/number.txt').write_text('1.0')",
        change="Path('FOLDER/number.txt').write_text('2.0')",
        back="Path('FOLDER/number.txt').write_text('1.0')",
    )


def _moving(how: str, head: str = "", lines: str = "") -> Blocks:
    """A block that gives something else every time."""
    return Blocks(adds=how, head=head, lines=lines, change="pass", moves=True)


_ENVIRONMENT = "import os\nos.environ['KINDS_NUMBER'] = '1.0'"
_SERVER = """
import os
import socket
import threading

ANSWER = {"now": b"1.0"}


def serve():
    while True:
        asked, _ = _server.accept()
        asked.sendall(ANSWER["now"])
        asked.close()


if os.path.exists("FOLDER/socket"):
    os.unlink("FOLDER/socket")
_server = socket.socket(socket.AF_UNIX)
_server.bind("FOLDER/socket")
_server.listen()
threading.Thread(target=serve, daemon=True).start()
"""

PROCESS: dict[str, Blocks] = {
    "default dtype": Blocks(
        adds="float(torch.ones(1).element_size())",
        change="torch.set_default_dtype(torch.float64)",
        back="torch.set_default_dtype(torch.float32)",
    ),
    "clock": _moving("time.time()", "import time"),
    "date": _moving("datetime.datetime.now().timestamp()", "import datetime"),
    "os.environ": Blocks(
        adds="float(os.environ['KINDS_NUMBER'])",
        head=_ENVIRONMENT,
        change="os.environ['KINDS_NUMBER'] = '2.0'",
        back="os.environ['KINDS_NUMBER'] = '1.0'",
    ),
    "environment by another name": Blocks(
        adds="float(SETTINGS['KINDS_NUMBER'])",
        head=_ENVIRONMENT + "\nSETTINGS = os.environ",
        change="os.environ['KINDS_NUMBER'] = '2.0'",
        back="os.environ['KINDS_NUMBER'] = '1.0'",
    ),
    "os.getenv": Blocks(
        adds="float(getenv('KINDS_NUMBER'))",
        head=_ENVIRONMENT + "\nfrom os import getenv",
        change="os.environ['KINDS_NUMBER'] = '2.0'",
        back="os.environ['KINDS_NUMBER'] = '1.0'",
    ),
    "open": _file("float(open('FOLDER/number.txt').read())"),
    "Path.read_text": _file("float(Path('FOLDER/number.txt').read_text())"),
    "torch.load": Blocks(
        adds="torch.load('FOLDER/number.pt', weights_only=True).item()",
        head="torch.save(torch.tensor(1.0), 'FOLDER/number.pt')",
        change="torch.save(torch.tensor(2.0), 'FOLDER/number.pt')",
        back="torch.save(torch.tensor(1.0), 'FOLDER/number.pt')",
    ),
    "listed folder": Blocks(
        adds="float(len(os.listdir('FOLDER/listed')))",
        head="import os\nfrom pathlib import Path\nPath('FOLDER/listed').mkdir(exist_ok=True)\nPath('FOLDER/listed/more').unlink(missing_ok=True)",
        change="Path('FOLDER/listed/more').touch()",
        back="Path('FOLDER/listed/more').unlink()",
    ),
    "working directory": Blocks(
        adds="float(Path('here.txt').read_text())",
        head="""
import os
from pathlib import Path

for name in ("one", "two"):
    Path(f"FOLDER/{name}").mkdir(exist_ok=True)
    Path(f"FOLDER/{name}/here.txt").write_text("1.0" if name == "one" else "2.0")
START = os.getcwd()
os.chdir("FOLDER/one")
""",
        change="os.chdir('FOLDER/two')",
        back="os.chdir('FOLDER/one')",
    ),
    "random": _moving("random.random()", "import random"),
    "random.Random": _moving("DRAW.random()", "import random\nDRAW = random.Random(1)"),
    "numpy.random": _moving("float(numpy.random.rand())", "import numpy"),
    "numpy Generator": _moving("float(DRAW.random())", "import numpy\nDRAW = numpy.random.default_rng(1)"),
    "torch's generator": _moving("torch.rand(1).item()"),
    "module-level torch generator": _moving(
        "torch.rand(1, generator=DRAW).item()", "DRAW = torch.Generator().manual_seed(1)"
    ),
    "uuid": _moving("float(uuid.uuid4().int % 1000003)", "import uuid"),
    "os.urandom": _moving("float(int.from_bytes(os.urandom(4), 'big'))", "import os"),
    "counter": _moving("float(len(COUNT))", "COUNT = []", "COUNT.append(0)"),
    "itertools.count": _moving("float(next(COUNT))", "import itertools\nCOUNT = itertools.count()"),
    "inference mode outside": Blocks(
        adds="float(torch.is_inference_mode_enabled())",
        change="mode = torch.inference_mode()\nmode.__enter__()",
        back="mode.__exit__(None, None, None)",
    ),
    "gradients outside": Blocks(
        adds="float(torch.is_grad_enabled())",
        settings={"grad": "inherit"},
        change="torch.set_grad_enabled(False)",
        back="torch.set_grad_enabled(True)",
    ),
    "context variable": Blocks(
        adds="HERE.get()",
        head="import contextvars\nHERE = contextvars.ContextVar('here', default=1.0)",
        change="token = HERE.set(2.0)",
        back="HERE.reset(token)",
    ),
    "thread": Blocks(
        adds="getattr(HERE, 'number', 2.0)",
        head="import threading\nHERE = threading.local()\nHERE.number = 1.0\nIN_THREAD = False",
        change="IN_THREAD = True",
        back="IN_THREAD = False",
    ),
    "subprocess": _file("float(subprocess.check_output(['/bin/cat', 'FOLDER/number.txt']))", "import subprocess"),
    "socket": Blocks(
        adds="float(line)",
        head=_SERVER,
        lines="with socket.socket(socket.AF_UNIX) as asked:\n    asked.connect('FOLDER/socket')\n    line = asked.recv(9)",
        change="ANSWER['now'] = b'2.0'",
        back="ANSWER['now'] = b'1.0'",
    ),
    "sys.argv": Blocks(
        adds="float(len(sys.argv[0]) and sys.argv[0] == 'changed')",
        head="import sys\nKEPT = sys.argv[0]",
        change="sys.argv[0] = 'changed'",
        back="sys.argv[0] = KEPT",
    ),
    "decimal context": Blocks(
        adds="float(decimal.Decimal(1) / decimal.Decimal(3))",
        head="import decimal\ndecimal.getcontext().prec = 28",
        change="decimal.getcontext().prec = 4",
        back="decimal.getcontext().prec = 28",
    ),
    "numpy's error state": Blocks(
        adds="float(numpy.geterr()['divide'] == 'ignore')",
        head="import numpy\nKEPT = numpy.geterr()['divide']",
        change="numpy.seterr(divide='ignore')",
        back="numpy.seterr(divide=KEPT)",
    ),
}
