"""What has to lie ready in the working copy; needs no credentials."""

import re
from collections.abc import Iterator

from cdk.bundle import BundleMissingError, existing
from cdk.doctor.look import Look
from payments.devtools import images
from payments.devtools.doctor import Finding
from payments.devtools.errors import ToolError

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[\w-]+)\.amazonaws\.com/(?P<name>.+)@(?P<digest>.+)")


def bundle(look: Look) -> Iterator[Finding]:
    """The zip that Lambda runs is of these sources."""
    if look.on_lambda:
        try:
            found = existing()
        except BundleMissingError as error:
            what, _, remedy = str(error).partition(". ")
            yield Finding(what, remedy)
        else:
            yield Finding(f"the Lambda bundle is there: {found.path.name}, {found.digest[:12]}")


def pinned_images(look: Look) -> Iterator[Finding]:
    """Every image has a digest, and the registry has the image."""
    if look.on_lambda:
        return
    stage = look.stage
    try:
        pins = images.read(images.FOLDER / f"{stage.name}.json")
    except ToolError as error:
        yield Finding(str(error), f"`payments images pin --stage {stage.name}` writes it anew")
        return
    for name in images.NAMES:
        if name not in pins:
            yield Finding(
                f"the image of {name} is not pinned",
                f"deploy {stage.prefix}-registry, push to {stage.repository(name)}, then "
                f"`payments images pin {name}=REPOSITORY@sha256:… --stage {stage.name}`",
            )
        else:
            yield Finding(f"the image of {name} is pinned: {pins[name]}")


def pushed_images(look: Look) -> Iterator[Finding]:
    """Yield what the registry says of the pinned images that are in ECR."""
    pins = {} if look.on_lambda else images.read(images.FOLDER / f"{look.stage.name}.json")
    for name, image in pins.items():
        if not (found := _ECR.fullmatch(image)):
            continue
        client = look.client("ecr", found["region"])
        wanted = {"registryId": found["account"], "repositoryName": found["name"]}
        try:
            client.describe_images(**wanted, imageIds=[{"imageDigest": found["digest"]}])
        except (client.exceptions.ImageNotFoundException, client.exceptions.RepositoryNotFoundException):
            yield Finding(f"{image} does not exist", "push it, or pin one that does: `payments images pin`")
        else:
            yield Finding(f"the registry has the image of {name}")
