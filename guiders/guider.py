"""The protocol of guidance. A guider is frozen data without run state; memory goes in and comes out of `combine`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from attrs import NOTHING, asdict, evolve, fields, frozen

from ..registry.publishing import publish, refuse_unknown
from ..state import InputError
from ..state.written_classes import note_body
from .arguments import WordedGuider
from .by_name import CONFIG_NAME, register
from .guider_file import load_guider, save_guider
from .noise_level import NoiseLevel
from .perturbation import Perturbation
from .setting_types import Share
from .written_settings import checked, setting_faults

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class GuidanceStep:
    """Says where the loop is: `index` of `count` steps, and for guiders that need it the level of `noise`."""

    index: int
    count: int
    noise: NoiseLevel | None = None

    def is_within(self, start: float, stop: float) -> bool:
        """Return whether it lies in a window of fractions: from `int(start * count)` up to, not including, `int(stop *
        count)`.
        """
        # `int` and not rounding, as diffusers' guiders do (`skip_start_step`, 0.42.1): a window decides which network
        # calls are made, and one step more changes the image.
        return int(start * self.count) <= self.index < int(stop * self.count)


@frozen
class GuidanceBranch:
    """One prediction that a guider wants.

    Attributes:
        name: under which `combine` gets it. negative: whether it is fed the negative conditioning.
        perturbations: what is taken away from the network for it. without: kinds of conditioning, besides text, that are
            dropped ("image"). embedded_scale: a strength that the network itself is told.
    """

    name: str
    negative: bool = False
    perturbations: tuple[Perturbation, ...] = ()
    without: frozenset[str] = frozenset()
    embedded_scale: float | None = None


CONDITIONAL = GuidanceBranch("conditional")
UNCONDITIONAL = GuidanceBranch("unconditional", negative=True)


@frozen(kw_only=True, slots=False, field_transformer=checked)
class Guider(WordedGuider):
    """Base of guiders.

    Attributes:
        start, stop: the window in which guidance acts, as fractions of the loop's steps; outside of it there is only
            the conditional prediction. enabled: False turns guidance off altogether.
    """

    start: Share = 0.0
    stop: Share = 1.0
    enabled: bool = True

    _is_framework_base: ClassVar[bool] = True
    config_name: ClassVar[str] = CONFIG_NAME
    needs_noise_level: ClassVar[bool] = False
    """Whether `combine` wants `step.noise`."""
    acts_alone: ClassVar[bool] = False
    """Whether it changes predictions also where all branches say the same."""
    on_tokens: ClassVar[bool] = False
    """Whether `combine` works on a transformer's tokens, `[b tokens width]`, in place of latents."""
    on_frames: ClassVar[bool] = False
    """Whether `combine` tells the frames of a video apart, `[b c f h w]`."""

    # attrs with slots would make each class twice, and register both: `slots=False` above.
    def __init_subclass__(cls, is_base: bool = False) -> None:
        super().__init_subclass__()
        note_body(cls)
        if not is_base:
            register(cls)

    def __attrs_post_init__(self) -> None:
        if not 0.0 <= self.start <= self.stop <= 1.0:
            raise InputError(
                f"{type(self).__name__}: start={self.start} and stop={self.stop} are fractions of the steps, "
                "with 0 <= start <= stop <= 1."
            )

    def branches(self, step: GuidanceStep) -> tuple[GuidanceBranch, ...]:
        """Return the predictions that this step needs."""
        raise NotImplementedError(f"{type(self).__name__} must define branches(step).")

    def combine(self, predictions: Mapping[str, Tensor], step: GuidanceStep, memory: Any = None) -> tuple[Tensor, Any]:
        """Return the guided prediction, and the memory for the next step.

        Args:
            predictions: branch name to prediction, each `[b c h w]`. memory: what the step before returned.
        """
        raise NotImplementedError(f"{type(self).__name__} must define combine(predictions, step, memory).")

    @property
    def uses_negative(self) -> bool:
        """True if any step may need the negative conditioning."""
        raise NotImplementedError(f"{type(self).__name__} must define uses_negative.")

    def needs_gradient(self, step: GuidanceStep) -> bool:  # noqa: ARG002 - others look at it
        """Return whether predictions must be made so that they can be derived by `step.noise.latents`."""
        return False

    @property
    def wanted_perturbations(self) -> tuple[Perturbation, ...]:
        """The perturbations that some step asks for, to be checked before a run."""
        return ()

    @property
    def drops(self) -> frozenset[str]:
        """The kinds of conditioning, besides text, that some branch leaves out ("image"), to be checked before a run."""
        return frozenset()

    def with_scale(self, guidance_scale: float) -> Self:
        """Return the guider with another scale, as `guidance_scale=` at the call asks.

        Raises:
            InputError: this guider has no scale.
        """
        # Refused and not ignored: a scale that has no effect looks like a model that does not listen.
        if "guidance_scale" not in {field.name for field in fields(type(self))}:
            raise InputError(f"{type(self).__name__} has no guidance_scale; leave guidance_scale= out of the call.")
        return evolve(self, guidance_scale=guidance_scale)  # type: ignore[call-arg]  # checked above

    def as_asked(self, guidance_scale: float) -> Self:
        """Return the guider of a run whose call says `guidance_scale=`: by default the one with that scale.

        Raises:
            InputError: this guider has no scale.
        """
        return self.with_scale(guidance_scale)

    def in_window(self, step: GuidanceStep) -> bool:
        """Return whether guidance acts at a step: from `int(start * count)` up to, not including, `int(stop *
        count)`.
        """
        if not self.enabled:
            return False
        return step.is_within(self.start, self.stop)

    @property
    def config(self) -> dict[str, Any]:
        """Constructor arguments, as `guider_config.json` holds them."""
        return asdict(self)

    def save_pretrained(self, save_directory: str, push_to_hub: bool = False, **publishing: Any) -> None:
        """Write `guider_config.json`, which diffusers reads, too; `publishing` is for `push_to_hub`.

        Raises:
            InputError: a setting is a function, which no file can hold; or it is a guider of one's own, whose code that file does not
                hold. RepoError: an option would have no effect.
        """
        refuse_unknown(publishing, push_to_hub)
        save_guider(self, save_directory)
        if push_to_hub:
            self.push_to_hub(publishing.pop("repo_id", Path(save_directory).name), **publishing)

    def push_to_hub(self, repo_id: str, subfolder: str = "", **publishing: Any) -> str:
        """Publish the guider on the Hub, in a folder of a repository; what else is there stays. Returns the commit's address.

        Args:
            publishing: `private`, `token`, `commit_message`, `create_pr`, `revision`.

        Raises:
            RepoError: it could not be published. InputError: a setting is a function.
        """
        return publish(lambda folder, _: save_guider(self, folder / subfolder), repo_id, **publishing)

    @classmethod
    def from_pretrained(
        cls, repo: str, subfolder: str | None = None, revision: str | None = None, **hub_options: object
    ) -> Guider:
        """Read what `save_pretrained` of ours or of diffusers has written, whichever guider it is.

        Args:
            repo: a folder, or owner/name on the Hub. hub_options: `cache_dir`, `token`, `local_files_only`.

        Raises:
            RepoError: there is no such file, or a broken one.
        """
        return load_guider(repo, subfolder, revision, **hub_options)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], **changes: object) -> Self:
        """Make a guider of a configuration; keys that begin with an underscore are notes of the file.

        Raises:
            InputError: a key is unknown, or one is missing.
        """
        given = {key: value for key, value in {**config, **changes}.items() if not key.startswith("_")}
        faults = setting_faults(cls, given)
        missing = [field.name for field in fields(cls) if field.default is NOTHING and field.name not in given]
        faults += [f"{cls.__name__} needs {name}=...; make it in Python and give the object." for name in missing]
        if faults:
            raise InputError(" ".join(faults))
        return cls(**given)
