"""Train a small CLIP (Radford et al. 2021, 2103.00020) that says how well a picture fits a caption: for measures, not for drawing.

It sees drawings and their captions alone, never a generated picture, and shares no weights with what it judges.

cd training && ../.venv/bin/python -m embedded_model.train_scorer --target ../presets/embedded/scorer
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

from brickwork.presets.embedded import FOLDER

from .classifier import degrade
from .networks import TOKENS
from .scenes import Scene, SceneSource, with_article
from .sprites import SIZE

TEXT_WIDTH, VISION_WIDTH, EMBEDDED = 64, 80, 64
PATCH = 16
COLOUR = 0.5
"""What a picture is shifted by to and from -1..1; the scorer's image processor does the same."""
DEGRADED = 0.4
"""Share of pictures with noise, blur and holes, since what it will judge is not drawn as cleanly."""
HELD_OUT = 512


def make_scorer(tokenizer: CLIPTokenizer) -> CLIPModel:
    """A CLIP of half a million parameters that sees 64x64 pixels in patches of 16: four times as many pictures a second as in patches of 8."""
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 4 * TEXT_WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": TOKENS,
        "projection_dim": EMBEDDED,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "hidden_size": VISION_WIDTH,
        "intermediate_size": 4 * VISION_WIDTH,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": SIZE,
        "patch_size": PATCH,
        "projection_dim": EMBEDDED,
    }
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=EMBEDDED))


def make_processor() -> CLIPImageProcessor:
    """Bring pictures to what the scorer sees: 64x64 in -1..1."""
    size = {"height": SIZE, "width": SIZE}
    return CLIPImageProcessor(size=size, crop_size=size, image_mean=[COLOUR] * 3, image_std=[COLOUR] * 3)


def tokens(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """Ids of captions, `[b, tokens]`."""
    ids = tokenizer(captions, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt").input_ids
    return torch.as_tensor(ids)


def likeness(scorer: CLIPModel, ids: Tensor, pictures: Tensor) -> Tensor:
    """Scaled cosines of pictures `[b, 3, 64, 64]` in -1..1 and captions, `[b, b]`: a row for each picture."""
    found: Tensor = scorer(input_ids=ids, pixel_values=pictures).logits_per_image
    return found


def contrast(found: Tensor, captions: list[str]) -> Tensor:
    """Cross-entropy both ways; another picture of the very same caption is as right."""
    same = torch.tensor([[one == other for other in captions] for one in captions], dtype=torch.float32)
    wanted = same / same.sum(1, keepdim=True)
    return (functional.cross_entropy(found, wanted) + functional.cross_entropy(found.T, wanted)) / 2


@torch.no_grad()
def retrieval(scorer: CLIPModel, tokenizer: CLIPTokenizer, scenes: list[Scene], pictures: Tensor) -> dict[str, float]:
    """Share of pictures whose own caption is the likeliest, and among the five likeliest, of all different captions."""
    captions = list(dict.fromkeys(scene.caption for scene in scenes))
    wanted = torch.tensor([captions.index(scene.caption) for scene in scenes])
    found = likeness(scorer.eval(), tokens(tokenizer, captions), pictures)
    order = found.argsort(1, descending=True)
    right = (order == wanted[:, None]).float()
    return {"first": float(right[:, 0].mean()), "among five": float(right[:, :5].sum(1).mean())}


@torch.no_grad()
def named(scorer: CLIPModel, tokenizer: CLIPTokenizer, source: SceneSource, test: tuple[list[Scene], Tensor]) -> float:
    """Share of pictures of a thing that are likest to its name, of the names of all 260."""
    names = [with_article(nouns[0], nouns[0]) for nouns in source.pool.nouns]
    found = likeness(scorer.eval(), tokens(tokenizer, names), test[1]).argmax(1)
    return float((found == torch.tensor([scene.thing for scene in test[0]])).float().mean())


def held_out(source: SceneSource, kind: str, seed: int, count: int = HELD_OUT) -> tuple[list[Scene], Tensor]:
    """Scenes of compositions that training never saw, with their pictures."""
    rng, scenes = random.Random(seed), []
    while len(scenes) < count:
        scene = source.scene(rng, kind)
        if scene.held_out:
            scenes.append(scene)
    return scenes, source.draw(scenes)


def train(seconds: float, batch: int, rate: float, target: Path) -> None:
    """Train for so many seconds of one core's time, measure on held-out drawings, and write the folder."""
    torch.manual_seed(5)
    source, rng, noise = SceneSource(), random.Random(29), torch.Generator().manual_seed(7)
    tokenizer = CLIPTokenizer.from_pretrained(FOLDER / "tokenizer")
    scorer = make_scorer(tokenizer)
    optimizer = torch.optim.AdamW(scorer.parameters(), lr=rate, weight_decay=0.05, betas=(0.9, 0.98))
    tests = {kind: held_out(source, kind, 91) for kind in ("thing", "shapes")}
    started, step, said = time.process_time(), 0, 0.0
    # By the share of the time that is over, so that the rate reaches 0 whatever the machine does beside.
    while (passed := (time.process_time() - started) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(passed / 0.05, (1 - passed) / 0.6, 1)
        scenes = [source.training_scene(rng) for _ in range(batch)]
        pictures = source.draw(scenes)
        chosen = torch.rand(batch, generator=noise) < DEGRADED
        pictures = torch.where(chosen[:, None, None, None], degrade(pictures, noise), pictures)
        captions = [scene.caption for scene in scenes]
        loss = contrast(likeness(scorer.train(), tokens(tokenizer, captions), pictures), captions)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(scorer.parameters(), 1.0)
        optimizer.step()
        # As CLIP does: a scale above 100 makes training unstable.
        scorer.logit_scale.data.clamp_(max=4.6052)
        step += 1
        if passed - said >= 0.1:
            said = passed
            print(f"step {step} {passed:.0%} loss {loss.item():.3f}", _measured(scorer, tokenizer, tests), flush=True)
    thing = named(scorer, tokenizer, source, tests["thing"])
    print(f"step {step}, {step * batch} pictures", _measured(scorer, tokenizer, tests), f"things by name: {thing}")
    write(scorer, tokenizer, target)


def _measured(
    scorer: CLIPModel, tokenizer: CLIPTokenizer, tests: dict[str, tuple[list[Scene], Tensor]]
) -> dict[str, dict[str, float]]:
    return {kind: retrieval(scorer, tokenizer, *test) for kind, test in tests.items()}


def write(scorer: CLIPModel, tokenizer: CLIPTokenizer, target: Path) -> None:
    """Write the folder, in half precision."""
    scorer.eval().half().save_pretrained(target)
    tokenizer.save_pretrained(target)
    make_processor().save_pretrained(target)
    print(f"{target}: {sum(file.stat().st_size for file in target.iterdir()) / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True, help="folder to write")
    parser.add_argument("--seconds", type=float, default=840, help="of CPU time")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1e-3)
    options = parser.parse_args()
    train(options.seconds, options.batch, options.rate, options.target)


if __name__ == "__main__":
    main()
