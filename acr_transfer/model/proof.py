"""The words of a proof: the kinds of manifests, the verdicts on artifacts, and how many layers are read."""

from enum import StrEnum


class ManifestKind(StrEnum):
    """The kind of a manifest."""

    IMAGE = "image"
    INDEX = "index"
    REFERRER = "referrer"
    """A statement about another artifact, such as a signature: its manifest names a subject."""

    ARTIFACT = "artifact"
    """Any other manifest, such as a Helm chart's."""


class Verdict(StrEnum):
    """What the bytes at the target prove about one artifact."""

    PROVED = "proved"
    MISSING = "missing"
    DIFFERENT = "different"
    CONTRADICTORY = "contradictory"
    """The bytes are a manifest of another kind than the registry states: clients disagree on its content."""

    NOT_PROVABLE = "not provable"
    EXTRA = "extra"
    """At the target, in a repository of the hand-over, but in neither the hand-over nor the receipt."""


class LayerMode(StrEnum):
    """How many of the configs and layers are read."""

    NONE = "none"
    SAMPLE = "sample"
    ALL = "all"
