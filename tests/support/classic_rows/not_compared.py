"""Classes of pipelines that are not compared with themselves, adopted, and why."""

from __future__ import annotations

REASONS: dict[str, tuple[str, ...]] = {
    "it draws from what its method `invert` left on the object; a run makes an object of its own": (
        "LEditsPPPipelineStableDiffusion",
        "LEditsPPPipelineStableDiffusionXL",
    ),
    "it does not run in the installed release: `encode_prompt() got an unexpected keyword argument 'text_encoder_index'`": (
        "EasyAnimateControlPipeline",
    ),
    "it does not run in the installed release: `DualTransformer2DModel.forward() got an unexpected keyword argument 'encoder_attention_mask'`": (
        "VersatileDiffusionDualGuidedPipeline",
    ),
    "it does not run with the installed transformers: `'BaseModelOutputWithPooling' object has no attribute 'to'`": (
        "MusicLDMPipeline",
    ),
    "it does not run without torchvision: `name 'transforms' is not defined`": ("Cosmos2_5_TransferPipeline",),
    "it cannot be made without torchvision: `name 'OmniGenMultiModalProcessor' is not defined`": ("OmniGenPipeline",),
    "it does not run with the installed transformers: `'SpectrogramNotesEncoder' object has no attribute 'get_extended_attention_mask'`": (
        "SpectrogramDiffusionPipeline",
    ),
    "its Q-Former loads the tokenizer of `bert-base-uncased` from the Hub when it is made": (
        "BlipDiffusionControlNetPipeline",
        "BlipDiffusionPipeline",
    ),
    "nobody has made small parts of it yet": (
        "AudioLDM2Pipeline",
        "BriaFibo2Pipeline",
        "Cosmos3OmniPipeline",
        "DiffusionGemmaPipeline",
        "DreamLiteMobilePipeline",
        "DreamLitePipeline",
        "GlmImagePipeline",
        "HeliosPyramidPipeline",
        "HunyuanImageRefinerPipeline",
        "HunyuanVideoImageToVideoPipeline",
        "Ideogram4Pipeline",
        "JoyImageEditPipeline",
        "JoyImageEditPlusPipeline",
        "Kandinsky6SRPipeline",
        "Kandinsky6TI2VAPipeline",
        "LLaDA2Pipeline",
        "LTX2DFRPipeline",
        "LTX2DFRTemporalRefinePipeline",
        "LTX2VideoDiffusionDecodePipeline",
        "LTXI2VLongMultiPromptPipeline",
        "LongCatImageEditPipeline",
        "MotifVideoImage2VideoPipeline",
        "NucleusMoEImagePipeline",
        "QwenImage21Pipeline",
        "QwenImageLayeredPipeline",
        "RFD4ProteinaPipeline",
        "SanaWMLTX2Refiner",
        "SanaWMPipeline",
        "StableDiffusionPix2PixZeroPipeline",
        "UniDiffuserPipeline",
        "ZImageOmniPipeline",
    ),
}
"""Classes by the reason."""
NOT_COMPARED = {name: why for why, names in REASONS.items() for name in names}
