"""Failures that a comparison of digests finds: of a lock with the source, or of the target with a lock."""

from acr_transfer.model.failures.failure import Failure, Way
from acr_transfer.model.failures.steps import DEPLOY_SOURCE, DEPLOY_TARGET, HOP, Run, SetKey

_PLAN_AGAIN = Run("acr-transfer plan --again {lock} --source {source}")
_PROVE = Run("acr-transfer prove --source {source} --target {target} --wait 1200")
_MOVE = (DEPLOY_SOURCE, HOP, DEPLOY_TARGET, _PROVE)
_SOURCE_TAG = SetKey("forceUpdateTag", "{new tag}", "source")
_TARGET_TAG = SetKey("forceUpdateTag", "{new tag}", "target")
_BY_DEPLOYMENT = {"sourceTriggerStatus": "Disabled"}
_TRANSFER_AGAIN = (
    Way(steps=(_SOURCE_TAG, *_MOVE), unless=_BY_DEPLOYMENT),
    # A blob that is written again may have the same bytes, and then `hop` leaves the target's blob as it is.
    Way(steps=(_SOURCE_TAG, DEPLOY_SOURCE, HOP, _TARGET_TAG, DEPLOY_TARGET, _PROVE), when=_BY_DEPLOYMENT),
)

TAG_MOVED = Failure(
    name="tag-moved",
    seen="a tag of the lock has another digest at the source",
    why="The tag has moved since the plan, so an export carries another build than the lock names.",
    ways=(Way(steps=(_PLAN_AGAIN, *_MOVE)),),
)
TAG_MOVED_BEFORE_EXPORT = Failure(
    name="tag-moved-before-export",
    seen="ship finds that a tag of the lock has another digest at the source",
    why="An export would carry another build than the lock names.",
    ways=(Way(steps=(_PLAN_AGAIN, Run("acr-transfer ship --source {source} --target {target}"))),),
)
GONE_AT_SOURCE = Failure(
    name="gone-at-source",
    seen="an artifact of the lock does not exist at the source any more",
    why="The source does not have it any more, so it cannot be exported.",
    ways=(
        Way(
            by_hand="Push it again, or plan without it by your rules",
            steps=_MOVE,
        ),
    ),
)
DELETED_AT_TARGET = Failure(
    name="deleted-at-target",
    seen="an artifact that was proved is not at the target any more",
    why="It was deleted from the target.",
    ways=_TRANSFER_AGAIN,
)
REPLACED_AT_TARGET = Failure(
    name="replaced-at-target",
    seen="the target has another build under a tag that has not moved at the source",
    why="Another build was pushed at the target, or was there before.",
    ways=_TRANSFER_AGAIN,
)
OTHER_BUILD_AT_TARGET = Failure(
    name="other-build-at-target",
    seen="without a lock: the target has another build than the source has now",
    why="The tag moved at the source after the export, or another build was pushed at the target.",
    ways=_TRANSFER_AGAIN,
)
UNREADABLE = Failure(
    name="artifact-unreadable",
    seen="the registry does not return an artifact: it is locked, or refused",
    why="Only what can be read can be planned and proved, and an export may fail too.",
    ways=(
        Way(
            purpose="To unlock it",
            steps=(Run("az acr repository update --name {registry} --image {image} --read-enabled true"),),
        ),
    ),
)
