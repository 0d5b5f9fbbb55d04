"""Prepare the drawings of everyday things from packages of the npm registry, whose versions and licences are fixed.

pip install resvg_py && python -m embedded_model.prepare --folder work

It writes `data/sprites.npz`, which lies in the repository: run it again after a change of `data/things.json`.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from PIL import Image

from .sprites import DATA, SIZE, STYLES

LARGEST_SIDE = 58
VISIBLE = 8
"""Alpha of 0..255 above which a pixel counts as drawn."""


@frozen
class Package:
    """A package of the npm registry, and the licence that its own `package.json` states."""

    name: str
    version: str
    licence: str = "MIT"


NAMES = Package("emojibase-data", "17.0.0")
NOTO = Package("emoji-datasource-google", "16.0.0")
FLUENT_3D = Package("@lobehub/fluent-emoji-3d", "1.1.0")
FLUENT_FLAT = Package("@iconify-json/fluent-emoji-flat", "1.2.6")


def fetch(package: Package, folder: Path) -> Path:
    """Download and unpack a package, unless it lies there, and check version and licence."""
    target = folder / package.name.replace("/", "-").lstrip("@")
    if not target.exists():
        archive = subprocess.run(
            ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{package.name}@{package.version}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        unpacking = target.with_suffix(".part")
        with tarfile.open(folder / archive) as packed:
            packed.extractall(unpacking, filter="data")
        unpacking.rename(target)
    root = target / "package"
    stated = read(root / "package.json")
    if (stated["version"], stated["license"]) != (package.version, package.licence):
        raise SystemExit(
            f"{package.name} is {stated['version']} under {stated['license']}; expected {package.version} under "
            f"{package.licence}. Remove {target}, or read the licence and record it here and in LICENSE-DATA.md."
        )
    return root


def read(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def plain(code: str) -> str:
    """A code point sequence without variation selectors, which the packages write differently."""
    return code.upper().replace("-FE0F", "")


def noto(root: Path) -> Callable[[str], Image.Image]:
    """Noto's drawings by code point."""
    files = {plain(entry["unified"]): root / "img/google/64" / entry["image"] for entry in read(root / "emoji.json")}
    return lambda code: Image.open(files[code])


def fluent_3d(root: Path) -> Callable[[str], Image.Image]:
    """Fluent's three-dimensional drawings by code point."""
    files = {plain(path.stem): path for path in (root / "assets").iterdir()}
    return lambda code: Image.open(files[code])


def fluent_flat(root: Path) -> Callable[[str], Image.Image]:
    """Fluent's flat drawings, which are vectors, by code point."""
    import resvg_py

    icons, names = read(root / "icons.json")["icons"], read(root / "chars.json")
    names = {plain(code): name for code, name in names.items()}

    def drawing(code: str) -> Image.Image:
        icon = icons[names[code]]
        box = f"0 0 {icon.get('width', 32)} {icon.get('height', 32)}"
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256" viewBox="{box}">'
        return Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=f"{head}{icon['body']}</svg>"))))

    return drawing


def fit(image: Image.Image) -> NDArray[np.uint8]:
    """Crop a drawing to what is visible, resize it and centre it: RGBA, `[64, 64, 4]`."""
    image = image.convert("RGBA")
    image = image.crop(image.getchannel("A").point(lambda alpha: 255 if alpha > VISIBLE else 0).getbbox())
    scale = LARGEST_SIDE / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    pixels = np.asarray(image).astype(np.float32) / 255
    pixels[..., :3] *= pixels[..., 3:]  # else the colour of invisible pixels bleeds into the edges
    method = Image.Resampling.LANCZOS if width < image.width else Image.Resampling.BICUBIC
    resized = [Image.fromarray(pixels[..., c]).resize((width, height), method) for c in range(4)]
    canvas = np.zeros((SIZE, SIZE, 4), np.float32)
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    canvas[top : top + height, left : left + width] = np.clip(np.stack(resized, -1), 0, 1)
    alpha = canvas[..., 3:]
    canvas[..., :3] = np.where(alpha > 1e-3, canvas[..., :3] / np.maximum(alpha, 1e-3), 0)
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)


def prepare(folder: Path, labels: list[str]) -> NDArray[np.uint8]:
    """Drawings of things in every style, `[things, styles, 64, 64, 4]`; all that is missing is named at once."""
    folder.mkdir(parents=True, exist_ok=True)
    codes = {entry["label"]: plain(entry["hexcode"]) for entry in read(fetch(NAMES, folder) / "en/data.json")}
    sources = {
        "noto": noto(fetch(NOTO, folder)),
        "3d": fluent_3d(fetch(FLUENT_3D, folder)),
        "flat": fluent_flat(fetch(FLUENT_FLAT, folder)),
    }
    drawings, missing = [], []
    for label in labels:
        for style in STYLES:
            try:
                drawings.append(fit(sources[style](codes[label])))
            except KeyError:
                missing.append(f"{label} ({style})")
    if missing:
        raise SystemExit(f"No drawing of: {', '.join(missing)}. The keys of things.json are CLDR short names.")
    return np.stack(drawings).reshape(len(labels), len(STYLES), SIZE, SIZE, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where packages are downloaded to")
    options = parser.parse_args()
    sprites = prepare(options.folder, list(read(DATA / "things.json")))
    np.savez_compressed(DATA / "sprites.npz", rgba=sprites)
    print(f"{len(sprites)} things in {sprites.shape[1]} styles: {(DATA / 'sprites.npz').stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
