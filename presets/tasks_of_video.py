"""Tasks of videos as functions of a model family; see `tasks.py`."""

from __future__ import annotations

from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.steps.denoise import Denoise
from ..blocks.steps.encode_prompt import EncodePrompt
from ..blocks.steps.expand_batch import ExpandBatch
from ..blocks.steps.resolve_size import ResolveSize
from ..blocks.steps.set_timesteps import SetPartialTimesteps, SetTimesteps
from ..blocks.video.by_boundary import DenoiseEarly, DenoiseLate, FindBoundary, TakeSecondGuidance
from ..blocks.video.crop_start import CropStartImage
from ..blocks.video.encode import EncodeFirstFrame, EncodeStartImage, EncodeVideo, PlaceStartImage, SeeImage
from ..blocks.video.image_motion import EncodeMovingImage, SeeMovingImage, TellMotion
from ..blocks.video.inpaint import InpaintVideoDenoise, NoiseInpaintVideo, PrepareVideoMask
from ..blocks.video.latents import (
    DecodeNoisyVideo,
    DecodeVideo,
    DropAddedFrames,
    NoiseVideo,
    PrepareSizedVideoLatents,
    PrepareVideoLatents,
    SetTimestepsOfLatents,
)
from ..blocks.video.next_timestep import DenoiseTellingNext
from ..blocks.video.solver import DenoiseVideo
from ..blocks.video.start_image import BeginWithImage, DenoiseAfterImage, TellFrameRate
from ..blocks.video.steer import EncodeSteeringVideo, PrepareSteeredLatents
from ..families.contract import FamilyContract
from .tasks import Blocks


def text2video(family: FamilyContract) -> Blocks:
    """Return the blocks of text to video.

    Example:
        >>> from brickwork.families.video.wan import WAN
        >>> list(text2video(WAN))
        ['text_encoder', 'input', 'set_timesteps', 'prepare_latents', 'denoise', 'decode']
    """
    made: Blocks = InsertableDict(
        text_encoder=EncodePrompt.bind(family),
        input=ExpandBatch.bind(family),
        set_timesteps=SetTimesteps.bind(family),
        prepare_latents=PrepareVideoLatents.bind(family),
        **_denoised(family),
    )
    return (
        made.insert_before("denoise", "frame_rate", TellFrameRate.bind(family)) if family.fields("frame_rate") else made
    )


def video2video(family: FamilyContract) -> Blocks:
    """Return the blocks of video to video."""
    return InsertableDict(
        text_encoder=EncodePrompt.bind(family),
        input=ExpandBatch.bind(family),
        image_encoder=EncodeVideo.bind(family),
        set_timesteps=SetPartialTimesteps.bind(family),
        prepare_latents=NoiseVideo.bind(family),
        **_denoised(family),
    )


def inpaint_video(family: FamilyContract) -> Blocks:
    """Return the blocks that draw a video anew where a mask of each frame is white."""
    made = video2video(family)
    made["prepare_latents"] = NoiseInpaintVideo.bind(family)
    made["denoise"] = InpaintVideoDenoise.bind(family)
    return made.insert_after("prepare_latents", "prepare_mask", PrepareVideoMask.bind(family))


def _denoised(family: FamilyContract) -> Blocks:
    """Return what tasks end with."""
    loop = DenoiseVideo if family.predicts_float32 else Denoise
    made: Blocks = InsertableDict(denoise=loop.bind(family))
    if type(family).read_frames is not FamilyContract.read_frames:
        made["drop_frames"] = DropAddedFrames.bind(family)
    made["decode"] = (DecodeNoisyVideo if family.noises_decoding else DecodeVideo).bind(family)
    return made


def image2video(family: FamilyContract) -> Blocks:
    """Return the blocks of videos that begin with an image."""
    made = text2video(family)
    if family.fields("seen_image"):
        made.insert_before("denoise", "seen_image", SeeImage.bind(family))
    return made.insert_before("denoise", "first_frame", EncodeFirstFrame.bind(family))


def image_beside2video(family: FamilyContract) -> Blocks:
    """Return the blocks of videos that begin with an image, for denoisers that read its latents beside those of the first frame, and zeros after."""
    sized = CropStartImage if family.crops_start else ResolveSize
    made = text2video(family).insert("resolve_size", sized.bind(family), 0)
    made["prepare_latents"] = PrepareSizedVideoLatents.bind(family)
    made.insert_before("prepare_latents", "image_encoder", EncodeStartImage.bind(family))
    if family.fields("seen_image"):
        made.insert_before("denoise", "seen_image", SeeImage.bind(family))
    if family.next_time:
        made["denoise"] = DenoiseTellingNext.bind(family)
    return made.insert_before("denoise", "first_frame", PlaceStartImage.bind(family))


def image_first2video(family: FamilyContract) -> Blocks:
    """Return the blocks of videos whose first frame is an image, for denoisers that are told which frames have no noise."""
    made = text2video(family).insert("resolve_size", ResolveSize.bind(family), 0)
    made["prepare_latents"] = PrepareSizedVideoLatents.bind(family)
    made["denoise"] = DenoiseAfterImage.bind(family)
    made.insert_before("prepare_latents", "image_encoder", EncodeStartImage.bind(family))
    return made.insert_after("prepare_latents", "first_frame", BeginWithImage.bind(family))


def steered2video(family: FamilyContract) -> Blocks:
    """Return the blocks of videos that are steered by a video, a mask of it, and images that they shall look like."""
    made = text2video(family).insert("resolve_size", ResolveSize.bind(family), 0)
    made["prepare_latents"] = PrepareSteeredLatents.bind(family)
    made.insert_before("prepare_latents", "image_encoder", EncodeSteeringVideo.bind(family))
    return made.insert_after("denoise", "drop_frames", DropAddedFrames.bind(family))


def moving_image(family: FamilyContract) -> Blocks:
    """Return the blocks that set an image in motion, for denoisers that are told it in the place of a text, and read it beside each frame."""
    return InsertableDict(
        input=SeeMovingImage.bind(family),
        resolve_size=ResolveSize.bind(family),
        image_encoder=EncodeMovingImage.bind(family),
        set_timesteps=SetTimesteps.bind(family),
        prepare_latents=PrepareSizedVideoLatents.bind(family),
        motion=TellMotion.bind(family),
        denoise=Denoise.bind(family),
        decode=DecodeVideo.bind(family),
    )


def with_schedule_of_latents(blocks: Blocks, family: FamilyContract) -> Blocks:
    """Return the blocks of a task in which the schedule reads the size of the latents, which are made before it is set."""
    made: Blocks = InsertableDict(blocks)
    del made["set_timesteps"]
    return made.insert_after("prepare_latents", "set_timesteps", SetTimestepsOfLatents.bind(family))


def with_second_network(blocks: Blocks, family: FamilyContract, late: FamilyContract) -> Blocks:
    """Return the blocks of a task in which a second network denoises what has little noise.

    Args:
        late: the contract of the same family, whose denoiser is the second network.
    """
    made: Blocks = InsertableDict(blocks)
    made.insert_before("denoise", "find_boundary", FindBoundary.bind(family))
    made.insert_after("denoise", "second_guidance", TakeSecondGuidance.bind(late))
    made.insert_after("second_guidance", "denoise_late", DenoiseLate.bind(late))
    made["denoise"] = DenoiseEarly.bind(family)
    return made
