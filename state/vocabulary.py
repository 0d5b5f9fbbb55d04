"""Every value that crosses blocks, named once: type, shape, unit or range, and meaning.

A type checker sees plain types; the framework reads the `Value` metadata for docs, checks and forms (`of.side`: a value that a form shows as a side of images). Dimension
letters: b images of a batch, c channels, h w height and width in latents, tokens, width of an embedding.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union

from .values import kinds as of
from .values.array_types import Generator, Image, NDArray, Tensor, dtype
from .values.image_words import *  # noqa: F403 - so that a type checker lets others import them from here
from .values.measure_words import *  # noqa: F403 - as above, those of measures
from .values.song_words import *  # noqa: F403 - as above, those of music
from .values.sound_words import *  # noqa: F403 - as above, those of sound
from .values.value import Value as Value  # noqa: PLC0414 - so that a type checker lets others import it from here
from .values.value import value_of as value_of  # noqa: PLC0414 - as above
from .values.video_words import *  # noqa: F403 - as above, those of videos

Prompt = Annotated[str | list[str], of.prompt(doc="What the images shall show; a list makes one batch item each.")]
NegativePrompt = Annotated[str | list[str], of.prompt(doc="What the images shall not show.")]
SecondPrompt = Annotated[str | list[str], of.prompt(doc="Prompt of the second text encoder; the first's where absent.")]
SecondNegativePrompt = Annotated[
    str | list[str], of.prompt(doc="Negative prompt of the second text encoder; likewise.")
]
ThirdPrompt = Annotated[str | list[str], of.prompt(doc="Prompt of the third text encoder; the first's where absent.")]
ThirdNegativePrompt = Annotated[str | list[str], of.prompt(doc="Negative prompt of the third text encoder; likewise.")]
FourthPrompt = Annotated[str | list[str], of.prompt(doc="Prompt of the fourth text encoder; the first's where absent.")]
FourthNegativePrompt = Annotated[
    str | list[str], of.prompt(doc="Negative prompt of the fourth text encoder; likewise.")
]
MaxSequenceLength = Annotated[
    int,
    of.tokens(doc="Most tokens of a prompt in the text encoder for long ones; the family's own where absent.", low=1),
]
PromptEmbeds = Annotated[
    Tensor, of.embeds("b tokens width", "Hidden states of the text encoders, joined by width.", dtype="float")
]
NegativePromptEmbeds = Annotated[
    Tensor,
    of.embeds(
        "b negative_tokens width",
        "The same of what the images shall not show, in as many tokens as it has.",
        dtype="float",
    ),
]
LayeredPromptEmbeds = Annotated[
    Tensor, of.embeds("b tokens layers width", "Hidden states of several layers of the text encoder.", dtype="float")
]
NegativeLayeredPromptEmbeds = Annotated[
    Tensor, of.embeds("b negative_tokens layers width", "The same of what the images shall not show.", dtype="float")
]
PromptMask = Annotated[
    Tensor, of.embeds("b tokens", "Which tokens of the prompt's embeddings count: 1 for text, 0 for padding.")
]
NegativePromptMask = Annotated[
    Tensor, of.embeds("b negative_tokens", "The same of the embeddings of what the images shall not show.")
]
SecondPromptEmbeds = Annotated[
    Tensor,
    of.embeds(
        "b second_tokens second_width", "Hidden states of the second text encoder, by themselves.", dtype="float"
    ),
]
LayeredEmbeds = Annotated[
    Tensor,
    of.embeds(
        "b layered_tokens layers layered_width", "Hidden states of several layers of a text encoder.", dtype="float"
    ),
]
SecondPromptMask = Annotated[
    Tensor, of.embeds("b second_tokens", "Which tokens of these count: 1 for text, 0 for padding.")
]
PooledPromptEmbeds = Annotated[
    Tensor, of.embeds("b pooled", "One vector per prompt, from the last text encoder.", dtype="float")
]
Latents = Annotated[
    Tensor, of.latents("b c h w", "Noisy latents at the current sigma, as the scheduler keeps them.", dtype="float")
]
ScaledLatents = Annotated[
    Tensor, Value("b channels h w", "Latents scaled as the denoiser expects them at this step.", dtype="float")
]
NoisePrediction = Annotated[
    Tensor,
    Value(
        "b predicted h w",
        "The denoiser's guided output, in the scheduler's prediction type; behind it a variance, for solvers that read one.",
        dtype="float",
    ),
]
Timesteps = Annotated[Tensor, Value("steps", "The denoiser's timesteps, in the order of the loop.")]
Timestep = Annotated[Tensor, Value("", "The denoiser's timestep of this step, a scalar.")]
HostTimestep = Annotated[
    Tensor, Value("", "The same timestep on the host, a scalar, for what looks it up in a table or reads its number.")
]
TimeIds = Annotated[Tensor, Value("b ids", "Original size, crop corner and target size, each as height and width.")]
Size = Annotated[tuple[int, int], of.pixels(doc="Height and width in pixels that the image shall look like.", low=1)]
AskedSize = Annotated[
    tuple[int, int],
    Value(doc="Height and width in pixels of the finished images, where they are drawn in another size."),
]
Images = Annotated[
    Union[list[Image], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    Value(doc='Finished images: a list of PIL images, an array "b h w c" or tensor "b c h w" in 0..1, or latents.'),
]
OutputType = Annotated[Literal["pil", "np", "pt", "latent"], of.output(doc="Form of the finished images.")]
Generators = Annotated[
    Union[Generator, list[Generator]],  # noqa: UP007 - forward references have no "|"
    Value(doc="Source of the noise; a list gives each image of the batch its own. CPU generators always work."),
]
GuidanceScale = Annotated[
    float, of.guidance(doc="Strength of guidance in this run, in place of the guider's own.", low=0)
]
InputImage = Annotated[
    Union[Image, list[Image], list[NDArray], list[Tensor], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.image(doc="The image to begin from: one for all prompts, or one for each. Tensors and arrays are in 0..1."),
]
MaskImage = Annotated[
    Union[Image, list[Image], list[NDArray], list[Tensor], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.mask(doc="White where the image is drawn anew, black where it stays."),
]
ChangeMap = Annotated[
    Union[Image, list[Image], list[NDArray], list[Tensor], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.mask(doc="White where the image may change as at full strength, black where it stays; grey is in between."),
]
ImageLatents = Annotated[
    Tensor,
    of.latents("images c h w", "Latents of the given images, without noise, in the denoiser's scale.", dtype="float"),
]
ImagePrompt = Annotated[
    Union[Image, list[Any], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.image(doc="Image as a prompt; of several IP-Adapters a list, with an image or a list of such for each."),
]
ImageVectors = Annotated[
    Tensor,
    of.embeds(
        "b vector", "One vector per image, as an image encoder makes of it, or a prior of a text.", dtype="float"
    ),
]
AsksNegative = Annotated[bool, Value(doc="Whether vectors of the negative prompts are asked for, behind the others.")]
GivenImageEmbeds = Annotated[
    list[Any],
    of.embeds(doc="Embeddings of images, a tensor per IP-Adapter; with guidance the negative rows stand first."),
]
ImagePromptEmbeds = Annotated[list[Any], of.embeds(doc="What IP-Adapters are told, a tensor each.")]
ControlImage = Annotated[
    Union[Image, list[Any], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.control(doc="Image that steers the ControlNet (edges, depth, a pose); of several a list with one for each."),
]
ControlScale = Annotated[float | list[float], of.of_image(doc="Weight of the ControlNet; of several a list.", low=0)]
AttentionArguments = Annotated[
    dict[str, Any],
    Value(doc="Handed to the attention processors, such as ip_adapter_masks; `scale` weighs LoRAs for this call."),
]
AdapterFeatures = Annotated[list[Any], Value(doc="What a T2I-Adapter has seen: a tensor per level of the denoiser.")]
AdapterFactor = Annotated[
    float, of.of_image_part(doc="Share of the steps, from the first, in which the adapter counts.", low=0, high=1)
]
ControlStart = Annotated[
    float | list[float], of.of_image_part(doc="Share of the steps after which control begins.", low=0, high=1)
]
ControlEnd = Annotated[
    float | list[float], of.of_image_part(doc="Share of the steps after which control ends.", low=0, high=1)
]
GuessMode = Annotated[bool, of.of_image(doc="Control without a prompt: only the positive prediction is steered.")]
ControlMask = Annotated[
    Union[Image, list[Image], list[NDArray], list[Tensor], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.mask(
        doc="White where the control image shall be drawn anew; for ControlNets that read a mask beside the image."
    ),
]
ControlPooled = Annotated[
    Tensor,
    of.embeds(
        "prompts pooled",
        "What ControlNets are told in place of the pooled prompt embeddings, or of zeros where they were trained with such; one row serves all.",
        dtype="float",
    ),
]
ControlMode = Annotated[
    int | list[Any], of.of_image(doc="Which kinds of control the images are, as a union ControlNet numbers them.")
]
ControlImages = Annotated[
    Any, Value(doc="Control images as a tensor b 3 height width; for several ControlNets, or several kinds, a list.")
]
ControlScales = Annotated[Any, Value(doc="How much the ControlNet counts; for several a list.")]
ControlKeep = Annotated[
    list[Any], Value(doc="For each step 1 where the ControlNet counts, else 0; for several a list.")
]
ControlTypes = Annotated[list[Any], Value(doc="Kinds of control per union ControlNet, a list each; None for others.")]
Noise = Annotated[Tensor, Value("b c h w", "The noise that was added to the latents.", dtype="float")]
Mask = Annotated[
    Tensor, Value("b 1 h w", "1 where the image is drawn anew, 0 where it stays, in latents.", dtype="float")
]
Change = Annotated[
    Tensor, Value("b 1 h w", "How much each latent may change: 1 as at full strength, 0 not at all.", dtype="float")
]
MaskPixels = Annotated[
    Tensor,
    Value("masks 1 height width", "1 where the image is drawn anew, 0 where it stays, in pixels.", dtype="float"),
]
ImagePixels = Annotated[
    Tensor, Value("given colours rows columns", "The given images, in -1..1, or their latents.", dtype="float")
]
MaskedLatents = Annotated[
    Tensor,
    Value("b c h w", "Latents of the images with the masked area grey, for denoisers that read them.", dtype="float"),
]
DepthMap = Annotated[
    Tensor,
    of.of_image(
        "given rows columns", "Depth of each place of the images, in any unit, far or near first.", dtype="float"
    ),
]
DepthLatents = Annotated[
    Tensor, Value("b 1 h w", "Depth in -1..1 at the size of the latents, for denoisers that read it.", dtype="float")
]
NoisedPixels = Annotated[
    Tensor,
    Value(
        "b 3 h w",
        "The small images with some noise, for denoisers that read them beside latents of their size.",
        dtype="float",
    ),
]
ImageNoise = Annotated[
    int, of.of_image(doc="Timestep whose noise is put on the image that is made larger.", low=0, high=350)
]
ImageNoiseLevels = Annotated[Tensor, Value("b", "The same for each image, as the denoiser is told it.", dtype="int")]
ExtraChannels = Annotated[
    Tensor,
    Value("b extra h w", "Latents of images that the denoiser reads in channels after its own.", dtype="float"),
]
ReferenceLatents = Annotated[
    Tensor,
    Value("b c rows columns", "Latents of images that the denoiser reads in tokens after its own.", dtype="float"),
]
SeveralReferences = Annotated[
    list[Any], Value(doc="Latents of each image that the denoiser reads in tokens after its own, `[b c rows columns]`.")
]
ReferenceImage = Annotated[
    Union[Image, list[Image], list[NDArray], list[Tensor], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.image(doc="Another image that the denoiser reads, of a size of its own: one for all prompts, or one for each."),
]
EmbedsScale = Annotated[
    float | list[float], Value(doc="Weight of the embeddings of text and image; of several images a list.")
]
AutoResize = Annotated[
    bool, of.of_image(doc="A reference image gets the next of the sizes that the denoiser was trained with.")
]
MaxArea = Annotated[int, of.area(doc="Pixels that the images have; height and width say their ratio alone.", low=1)]
MaskPadding = Annotated[
    int, of.of_image_pixels(doc="Work on the masked area alone, with this margin in pixels, at full size.", low=0)
]
MaskBlur = Annotated[int, of.of_image_pixels(doc="Softens the edge of the mask by so many pixels.", low=0)]
CropRegion = Annotated[
    tuple[int, int, int, int], of.pixels(doc="Left, top, right and bottom in pixels of what is worked on.")
]
LatentTimestep = Annotated[Tensor, Value("1", "The first timestep of the loop, whose noise the latents carry.")]
Strength = Annotated[float, of.of_image_part(doc="How much of the given image is drawn anew.", low=0, high=1)]
AestheticScore = Annotated[float, Value(doc="Rating that the image shall look like; read by refiners alone.", low=0)]
StepCount = Annotated[int, of.steps(doc="Number of denoising steps.", low=1)]
ScheduledSteps = Annotated[
    int, Value(doc="Iterations of the loop where nothing ends it before the schedule does.", low=1)
]
StepIndex = Annotated[int, Value(doc="Which iteration of the loop this is, from 0.")]
ImagesPerPrompt = Annotated[int, of.output(doc="Images per prompt.", low=1)]
Flags = Annotated[
    Union[list[bool], None],  # noqa: UP007 - as above
    Value(doc="Whether something was seen in each image; None where nobody looked."),
]
BatchSize = Annotated[int, of.output(doc="Number of prompts, before num_images_per_prompt.", low=1)]
Height = Annotated[int, of.side(doc="Height of the images in pixels; the denoiser's own size where absent.", low=1)]
Width = Annotated[int, of.side(doc="Width of the images in pixels; the denoiser's own size where absent.", low=1)]
FrameCount = Annotated[int, of.size(doc="Frames of each video.", low=1)]
FrameRate = Annotated[float, Value(doc="Frames of a video that are shown in a second.", low=0, open=True)]
Videos = Annotated[
    Union[list[list[Image]], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    Value(
        doc='Finished videos: a list of PIL images for each, an array "b f h w c" or tensor "b f c h w" in 0..1, or latents.'
    ),
]
InputVideo = Annotated[
    Union[list[Any], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.of_image(
        doc="The video to begin from: its frames as images, or a list of such lists, one for each prompt; or an array or tensor of them."
    ),
]
LastImage = Annotated[
    Union[Image, list[Image], list[NDArray], list[Tensor], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.image(doc="The image that the video ends with: one for all prompts, or one for each."),
]
ClassLabels = Annotated[
    int | list[int],
    of.subject(doc="What the images shall show, as the number of a class; a list makes one batch item each.", low=0),
]
ClassIds = Annotated[Tensor, Value("b", "The number of a class for each image.", dtype="int")]
ClipSkip = Annotated[int, of.layers(doc="Layers to skip at the end of the text encoders, beside the last.", low=0)]
OwnTimesteps = Annotated[list[int], Value(doc="Timesteps of your own, highest first.", low=0)]
Sigmas = Annotated[list[float], Value(doc="Noise levels of your own, highest first.", low=0)]
DenoisingStart = Annotated[
    float,
    of.fraction(doc="Share of the noise range from which to go on, without new noise.", low=0, high=1, open=True),
]
DenoisingEnd = Annotated[
    float, of.fraction(doc="Share of the noise range after which to stop.", low=0, high=1, open=True)
]
HandOver = Annotated[
    float,
    of.part(doc="Share of the noise range after which the second network goes on.", low=0, high=1, open=True),
]
AskedSchedule = Annotated[
    tuple[int, list[int] | None, list[float] | None],
    Value(doc="What the caller asked of the scheduler: a number of steps, own timesteps, own noise levels."),
]
Eta = Annotated[float, of.fraction(doc="Share of fresh noise per step; read by DDIM alone.", low=0, high=1)]
GuidanceMemory = Annotated[Any, Value(doc="What the guider keeps from step to step.")]
CropCorner = Annotated[
    tuple[int, int], of.pixels(doc="Top and left corner in pixels of the crop that the image shall look like.")
]
RegionPrompts = Annotated[
    list[Any], of.prompt(doc="What each region shows: a text, or a list with one for each prompt of the whole image.")
]
RegionLabels = Annotated[
    list[Any],
    of.subject(
        doc="What each region shows: the number of a class, or a list with one for each class of the whole image."
    ),
]
RegionMasks = Annotated[
    list[Any],
    of.mask(doc="A mask for each region, as large as the images: 1 (white) where it counts, 0 where it does not."),
]
RegionTold = Annotated[list[Any], Value(doc="What the denoiser is told of each region, by name.")]
RegionWeights = Annotated[
    Tensor,
    Value(
        "prompts 1 h w",
        "How much each prompt counts, in sum 1: that of the whole image, then the regions'.",
        dtype="float",
    ),
]
WindowHeight = Annotated[
    int,
    of.side(doc="Height in pixels of a window; the denoiser's own, or the image's, where absent.", low=1),
]
WindowWidth = Annotated[
    int,
    of.side(doc="Width in pixels of a window; the denoiser's own, or the image's, where absent.", low=1),
]
WindowStride = Annotated[
    int,
    of.side(doc="Pixels from one window to the next; an eighth of the smaller side of a window where absent.", low=1),
]
Circular = Annotated[bool, of.size(doc="The right edge of the image goes on at the left one.")]
Windows = Annotated[
    list[Any], Value(doc="Top, bottom, left and right of each window in latents; columns count on over the right edge.")
]
FirstShare = Annotated[
    float,
    of.part(
        doc="Share of the noise range of the first family: 0 is the second alone, 1 the first alone.", low=0, high=1
    ),
]
ReachedTimestep = Annotated[Tensor, Value("1", "The timestep whose noise the first family leaves in the latents.")]
CleanLatents = Annotated[
    Tensor, Value("b c h w", "What the first family takes for the image, in its denoiser's scale.", dtype="float")
]
VaeLatents = Annotated[Tensor, Value("b c h w", "The same in the VAE's scale.", dtype="float")]
LeftNoise = Annotated[
    Tensor, Value("b c h w", "The noise that is left beside that, of deviation 1 as far as it is noise.", dtype="float")
]
NoiseRatio = Annotated[float, Value(doc="How strong the noise that is left is, as a share of the signal.", low=0)]
CleanPixels = Annotated[
    Tensor, Value("b 3 height width", "What the first family takes for the image, in 0..1.", dtype="float")
]
DType = Annotated[dtype, Value(doc="Number format of the denoiser's inputs.")]
