"""A Python that has the libraries imported, and forks for every script: each is a process of its own that begins at once.

A script runs as `__main__` in its own folder and environment, with files of its own for what it prints. Only libraries are
imported before, and nothing of Brickwork: what a script needs of it, it still imports itself.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import types
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

LIBRARIES = (
    "torch",
    "PIL.Image",
    "accelerate",
    "peft",
    "diffusers.loaders",
    "diffusers.models.autoencoders.autoencoder_kl",
    "diffusers.models.controlnets.controlnet",
    "diffusers.models.unets.unet_2d_condition",
    "diffusers.pipelines.stable_diffusion_xl",
    "diffusers.schedulers.scheduling_euler_discrete",
    "transformers.models.clip.image_processing_clip",
    "transformers.models.clip.modeling_clip",
    "transformers.models.clip.tokenization_clip",
)


class Started:
    """A script that runs."""

    def __init__(self, connection: socket.socket, arguments: tuple[str, ...]) -> None:
        self._answers = connection.makefile("r")
        self._connection = connection
        self._arguments = arguments
        self.pid = int(self._answer()["pid"])
        self.returncode: int | None = None

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line:
            raise RuntimeError(f"The prepared Python is gone; it was to run {self._arguments}.")
        return json.loads(line)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, as `subprocess` gives it.

        Raises:
            subprocess.TimeoutExpired: it runs longer than that.
        """
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                self.returncode = int(self._answer()["status"])
            except TimeoutError:
                # The file object of a socket gives nothing more once a read timed out.
                self._answers = self._connection.makefile("r")
                raise subprocess.TimeoutExpired(self._arguments, timeout or 0.0) from None
            finally:
                self._connection.settimeout(None)
        return self.returncode

    def kill(self) -> None:
        """End it without a word."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def __enter__(self) -> Started:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self.kill()
        self.wait()
        self._answers.close()
        self._connection.close()


class PreparedPython:
    """Starts scripts. `arguments` are as of `python`: a file or `-c` and code, then arguments; options of warnings before."""

    def __init__(self, libraries: Sequence[str] = LIBRARIES) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="prepared-")
        self._place = f"{self._folder.name}/socket"
        self._process = subprocess.Popen(
            [sys.executable, __file__, self._place, *libraries],
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("The prepared Python could not import its libraries.")

    def start(
        self,
        *arguments: str,
        stdout: int,
        stderr: int | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Started:
        """Begin a script, which writes to these file descriptors."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._place)
        asked = {"arguments": arguments, "cwd": str(cwd or Path.cwd()), "env": dict(os.environ if env is None else env)}
        data = json.dumps(asked).encode()
        socket.send_fds(connection, [len(data).to_bytes(8, "big")], [stdout, stdout if stderr is None else stderr])
        connection.sendall(data)
        return Started(connection, arguments)

    def run(
        self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a script to its end."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
            with self.start(*arguments, stdout=out.fileno(), stderr=errors.fileno(), cwd=cwd, env=env) as started:
                status = started.wait()
            out.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(arguments, status, out.read(), errors.read())

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate()
        self._folder.cleanup()


def _serve(place: str, *libraries: str) -> None:
    _prepare(libraries)
    signal.signal(signal.SIGTERM, lambda *_: (_reap(), os._exit(0)))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(place)
        server.listen()
        server.settimeout(2)
        parent = os.getppid()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            try:
                connection, _ = server.accept()
            except TimeoutError:
                # Whoever started it may have been killed, and could not end it.
                if os.getppid() != parent:
                    return
                continue
            connection.settimeout(None)
            _reap()
            if os.fork() == 0:
                server.close()
                _keep(connection)
            connection.close()


def _prepare(libraries: Sequence[str]) -> None:
    """Import libraries, and keep them from the collection of garbage, which would write into memory that forks share."""
    import importlib

    gc.disable()
    for name in libraries:
        importlib.import_module(name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    gc.freeze()
    gc.enable()


def _reap() -> None:
    """Take notice of what has ended, so that its time counts as of this process."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _keep(connection: socket.socket) -> None:
    """Fork for a script, tell its number and its end. Never returns."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    length, files, _, _ = socket.recv_fds(connection, 8, 2)
    size, data = int.from_bytes(length, "big"), b""
    while len(data) < size:
        data += connection.recv(size - len(data))
    child = os.fork()
    if child == 0:
        connection.close()
        _be(json.loads(data), files)
    for file in files:
        os.close(file)
    with contextlib.suppress(OSError):  # who asked may be gone
        connection.sendall(b'{"pid": %d}\n' % child)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(b'{"status": %d}\n' % status)
    os._exit(0)


def _be(asked: dict[str, Any], files: list[int]) -> None:
    """Be the script's process. Never returns."""
    os.dup2(files[0], 1)
    os.dup2(files[1], 2)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    status = 1
    try:
        _execute(list(asked["arguments"]))
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if status and not isinstance(end.code, int):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # noqa: BLE001 - a child of a fork must not come back
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _execute(arguments: list[str]) -> None:
    while arguments[0] == "-W":
        warnings._processoptions([arguments[1]])  # type: ignore[attr-defined]
        del arguments[:2]
    if arguments[0] != "-c":
        sys.argv[:] = arguments
        sys.path[0] = str(Path(arguments[0]).resolve().parent)
        runpy.run_path(arguments[0], run_name="__main__")
        return
    sys.argv[:] = ["-c", *arguments[2:]]
    sys.path[0] = ""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(compile(arguments[1], "<string>", "exec"), vars(module))


if __name__ == "__main__":
    # Without a place it only imports, for the byte code that Python then writes; see the Makefile.
    if len(sys.argv) > 1:
        _serve(*sys.argv[1:])
    else:
        _prepare(LIBRARIES)
