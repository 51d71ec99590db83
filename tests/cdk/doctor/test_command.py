"""What has to lie ready in the working copy, and the command as a whole."""

from types import SimpleNamespace

from cdk.bundle import Bundle, BundleMissingError
from cdk.doctor import __main__ as command
from cdk.doctor import local, versions
from cdk.stages import DEVELOPMENT, PRODUCTION, STAGING
from payments.devtools import images
from tests.cdk.doctor.support import ACCOUNT, REGION, told, well


def test_the_bundle(look, monkeypatch, tmp_path):
    monkeypatch.setattr(local, "existing", lambda: Bundle(tmp_path / "lambda-arm64.zip", "abcdef" * 10, 1))
    assert told(local.bundle(look())) == "the Lambda bundle is there: lambda-arm64.zip, abcdefabcdef → None"

    def missing():
        raise BundleMissingError("There is no Lambda bundle yet. Run `make bundle` first.")

    monkeypatch.setattr(local, "existing", missing)
    assert told(local.bundle(look())) == "There is no Lambda bundle yet → Run `make bundle` first."
    assert list(local.bundle(look(STAGING))) == []


def test_images_are_pinned_and_pushed(look, session, monkeypatch, tmp_path):
    monkeypatch.setattr(images, "FOLDER", tmp_path)
    missing = list(local.pinned_images(look(STAGING)))
    assert [finding.text for finding in missing] == [f"the image of {name} is not pinned" for name in images.NAMES]
    assert "payments images pin gateway=REPOSITORY@sha256:… --stage staging" in str(missing[0].fix)

    ecr = session.client("ecr")
    ecr.create_repository(repositoryName="payments-staging/gateway")
    pushed = ecr.put_image(
        repositoryName="payments-staging/gateway",
        imageManifest='{"schemaVersion": 2, "config": {}, "layers": []}',
        imageManifestMediaType="application/vnd.oci.image.manifest.v1+json",
        imageTag="1",
    )
    digest = pushed["image"]["imageId"]["imageDigest"]
    host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    other = f"sha256:{64 * '0'}"
    (tmp_path / "staging.json").write_text(
        f'{{"gateway": "{host}/payments-staging/gateway@{digest}",'
        f' "payments": "{host}/payments-staging/gateway@{other}"}}'
    )
    assert well(local.pinned_images(look(STAGING)))
    there, gone = local.pushed_images(look(STAGING))
    assert there.text == "the registry has the image of gateway"
    assert gone.text.endswith(f"@{other} does not exist")
    # Lambda runs a bundle.
    assert list(local.pinned_images(look(STAGING.on("serverless")))) == []
    assert list(local.pushed_images(look(STAGING.on("serverless")))) == []


def test_one_look_that_may_not_see_does_not_end_the_others(look, monkeypatch, stub):
    stub("rds", ("describe_db_engine_versions", "AccessDenied"))
    monkeypatch.setattr(command, "HERE", ())
    monkeypatch.setattr(command, "THERE", (versions.postgres, versions.runtime))
    _, refused, fine = command.examine(look())
    assert not refused.known
    assert "AccessDenied" in refused.text
    assert fine.fix is None


def test_without_credentials_it_says_how_to_get_them(monkeypatch, tmp_path, capsys):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(command, "HERE", ())
    assert command.main(["--stage", "development"]) == 1
    shown = capsys.readouterr().out
    assert "no credentials of AWS" in shown
    assert "aws sts get-caller-identity" in shown
    assert "development on serverless: 1 to mend, 0 to look at yourself" in shown


def test_a_stage_that_does_not_exist_is_refused(capsys):
    assert command.main(["--stage", "prod"]) == 2
    assert "choose one of development, staging, production" in capsys.readouterr().err


def test_nothing_is_changed(look, session, monkeypatch, tmp_path):
    """Every call that any look makes only reads."""
    called = []

    def note(model, **_):
        called.append(model.name)
        if model.service_model.service_name not in (
            "sts",
            "ssm",
            "cloudformation",
            "route53",
            "acm",
            "ec2",
            "ecr",
            "iam",
            "guardduty",
        ):
            # Moto does not know the operation.
            return SimpleNamespace(status_code=403), {"Error": {"Code": "AccessDenied", "Message": "no"}}
        return None

    session.events.register("before-call.*.*", note)
    monkeypatch.setattr(images, "FOLDER", tmp_path)
    for stage in (DEVELOPMENT, STAGING, PRODUCTION.on("serverless")):
        list(command.examine(look(stage)))
    assert {"GetCallerIdentity", "GetHostedZone", "GetServiceQuota", "DescribeClusterVersions"} <= set(called)
    assert [name for name in called if not name.startswith(("Get", "Describe", "List"))] == []
