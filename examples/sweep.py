"""Every combination of scales and seeds, computed with what they share, into sweep.png."""

import brickwork

pipe = brickwork.embedded()
pipe.configure(progress=False)
swept = pipe.sweep(
    prompt="two yellow stars on a black background",
    num_inference_steps=10,
    guidance_scale=[1.0, 3.0, 6.0],
    seed=[1, 2, 3],
)
swept.grid(resize=128).save("sweep.png")
print(swept)
