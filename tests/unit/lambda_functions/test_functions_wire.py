"""What goes over the wire: addresses, signatures and errors, held against botocore's clients and AWS's documents."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.loaders import create_loader
from botocore.parsers import create_parser
from botocore.regions import EndpointResolver
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit import functions_support as support
from tests.unit.lambda_functions import sigv4
from tests.unit.lambda_functions.scripted import Reply, failure, piece, refusal

answers = support.common("answers")
aws = support.common("aws")
endpoints = support.common("endpoints")
errors = support.common("errors")
storage = support.common("storage")
CONTEXT = support.Context()

SESSION = botocore.session.get_session()
RESOLVER = EndpointResolver(create_loader().load_data("endpoints"))
SERVICES = {"s3": endpoints.S3, "runtime.sagemaker": endpoints.SAGEMAKER_RUNTIME}
KNOWN = [
    (name, region)
    for name in SERVICES
    for partition in ("aws", "aws-cn", "aws-us-gov", "aws-eusc")
    for region in RESOLVER.get_available_endpoints(name, partition_name=partition)
    if not re.search("fips|dualstack|global|accesspoint|external", region)
]


@pytest.fixture
def nowhere(environment):
    """An environment that names no endpoint."""
    for service in SERVICES.values():
        environment.delenv(service.variable, raising=False)
    environment.delenv("AWS_ENDPOINT_URL", raising=False)
    return environment


# --- addresses --------------------------------------------------------------------------------------------------------


def test_every_region_that_botocore_knows_gets_the_host_that_botocore_gives_it(nowhere):
    assert len(KNOWN) > 50
    assert {"cn-north-1", "us-gov-west-1", "eu-west-1"} <= {region for _, region in KNOWN}
    for name, region in KNOWN:
        nowhere.setenv("AWS_REGION", region)
        assert endpoints.host(SERVICES[name]) == RESOLVER.construct_endpoint(name, region)["hostname"], region


@pytest.mark.parametrize(
    "region", ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "moon", "x/y"]
)
def test_a_region_whose_hosts_are_not_known_is_refused_with_the_remedy(nowhere, region):
    nowhere.setenv("AWS_REGION", region)
    with pytest.raises(errors.InvalidSetting, match="AWS_ENDPOINT_URL_S3"):
        endpoints.object_url("a-bucket", "k")
    nowhere.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example/")
    assert endpoints.object_url("a-bucket", "k") == "https://s3.example/a-bucket/k"


@pytest.mark.parametrize("variable", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
def test_a_kind_of_endpoint_that_is_asked_for_and_not_known_is_never_silently_another(nowhere, variable):
    nowhere.setenv(variable, "true")
    with pytest.raises(errors.InvalidSetting, match=variable):
        endpoints.invocations_url("e")
    nowhere.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "https://runtime-fips.sagemaker.us-east-1.amazonaws.com")
    assert endpoints.invocations_url("e").startswith("https://runtime-fips.")


def test_without_a_region_nothing_is_guessed(nowhere):
    nowhere.delenv("AWS_REGION")
    nowhere.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(errors.InvalidSetting, match="AWS_REGION"):
        endpoints.invocations_url("e")


def test_the_services_variable_goes_before_the_general_one(nowhere):
    nowhere.setenv("AWS_ENDPOINT_URL", "http://all")
    nowhere.setenv("AWS_ENDPOINT_URL_S3", "http://s3-only")
    assert endpoints.object_url("a-bucket", "k") == "http://s3-only/a-bucket/k"
    assert endpoints.invocations_url("e") == "http://all/endpoints/e/invocations"


def test_urls_are_those_of_botocores_clients(nowhere):
    sent: list[Any] = []

    def keep(request: Any, **_: Any) -> Any:
        sent.append(request.url)
        raise KeyboardInterrupt

    def url(service: str, operation: str, **parameters: Any) -> str:
        client = SESSION.create_client(
            service, "eu-west-1", config=Config(s3={"us_east_1_regional_endpoint": "regional"})
        )
        client.meta.events.register("before-send", keep)
        with pytest.raises(KeyboardInterrupt):
            getattr(client, operation)(**parameters)
        return sent[-1]

    odd = "in/a b+ü&=?#%25;~'/../x"
    for bucket in ("a-bucket", "dotted.bucket"):
        theirs = url("s3", "get_object", Bucket=bucket, Key=odd, VersionId="v/1+2")
        assert endpoints.object_url(bucket, odd, versionId="v/1+2") == theirs
    listed = url("s3", "list_objects_v2", Bucket="a-bucket", Prefix="in/ü ", MaxKeys=1, ContinuationToken="a+/=")
    query = {"list-type": "2", "prefix": "in/ü ", "max-keys": "1", "continuation-token": "a+/=", "encoding-type": "url"}
    ours = endpoints.object_url("a-bucket", **query)
    assert ours.partition("?")[0].rstrip("/") == listed.partition("?")[0].rstrip("/")
    assert sorted(ours.partition("?")[2].split("&")) == sorted(
        listed.partition("?")[2].replace("in/", "in%2F").split("&")
    )
    asked = url("sagemaker-runtime", "invoke_endpoint", EndpointName="slipway-dev", Body=b"x")
    assert endpoints.invocations_url("slipway-dev") == asked


# --- signatures -------------------------------------------------------------------------------------------------------


@pytest.fixture
def wire(environment, scripted):
    """A connection, and a server that answers a range; its keys are those of ``environment``."""
    server = scripted(piece(b"x"))
    environment.setenv("AWS_ENDPOINT_URL", server.url)
    return storage.Caller(aws.Connection(connect_s=1, read_s=1, attempts=1), CONTEXT), server


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), st.text("az09+/= ~.", max_size=9))
@example("../a", "v")
@example("/a//b/./../c", "")
@example("a%2Fb?x=1&y#z;p", "a+b=/")
def test_what_arrives_is_what_was_signed_whatever_the_key(wire, key, version):
    caller, server = wire
    storage.get_range(caller, "a-bucket", key, 0, 10, version=version or None, etag='"e"')
    call = server.calls[-1]
    assert sigv4.verifies(call, "test")
    assert sigv4.scope(call) == ("eu-west-1", "s3")
    assert {"host", "range", "if-match", "x-amz-date", "x-amz-security-token"} <= sigv4.signed_headers(call)
    call.target += "x"
    assert not sigv4.verifies(call, "test")


def test_a_body_is_signed_and_carries_the_checksum_that_s3_keeps(wire, tmp_path):
    caller, server = wire
    content = bytes(range(256)) * 9000
    path = tmp_path / "body"
    path.write_bytes(content)
    with path.open("rb") as file:
        for body in (content, file):
            storage.put(caller, "a-bucket", "k", body, "text/plain")
            call = server.calls[-1]
            assert call.body == content
            assert sigv4.verifies(call, "test")
            assert {"x-amz-checksum-crc32", "content-type"} <= sigv4.signed_headers(call)
    assert server.calls[0].headers["x-amz-checksum-crc32"] == server.calls[1].headers["x-amz-checksum-crc32"]
    server.calls[-1].body += b"!"
    assert not sigv4.verifies(server.calls[-1], "test")


def test_the_endpoint_is_asked_for_the_service_sagemaker_and_lambdas_trace_goes_along(wire, environment):
    caller, server = wire
    environment.setenv("_X_AMZN_TRACE_ID", "Root=1-2-3")
    url = endpoints.invocations_url("slipway-dev-vehicles")
    caller.connection.call(CONTEXT, aws.Request(endpoints.SAGEMAKER_RUNTIME, "POST", url, {}, b"body", 4))
    (call,) = server.calls
    assert sigv4.verifies(call, "test")
    assert sigv4.scope(call) == ("eu-west-1", "sagemaker")
    assert call.headers["x-amzn-trace-id"] == "Root=1-2-3"
    assert call.headers["user-agent"].startswith("slipway-functions")


# --- errors -----------------------------------------------------------------------------------------------------------


def headers(reply: Reply) -> dict[str, str]:
    return {name.lower(): value for name, value in reply.headers.items()}


@pytest.mark.parametrize(
    ("protocol", "reply"),
    [
        ("rest-xml", refusal("NoSuchKey", 404)),
        ("rest-xml", refusal("AccessDenied", 403)),
        ("rest-xml", Reply(503, b"<Error><Code>SlowDown</Code><Message>Reduce</Message></Error>")),
        ("rest-xml", Reply(404)),
        ("rest-xml", Reply(500, b"<html><body>Internal</body></html>")),
        ("rest-json", failure("ThrottlingException", 400)),
        ("rest-json", failure("ModelNotReadyException", 429)),
        ("rest-json", Reply(400, b'{"__type": "com.amazonaws#ValidationError", "message": "bad"}')),
        ("rest-json", Reply(403, b'{"code": "AccessDeniedException", "Message": "no"}')),
        ("rest-json", Reply(403, b'{"Code": "AccessDeniedException", "Message": "no"}')),
        ("rest-json", Reply(400, b"{}", {"x-amzn-errortype": "a.b#ValidationError:http://x"})),
        ("rest-json", Reply(502, b"<html><body>Bad gateway</body></html>")),
        ("rest-json", Reply(500, b"")),
    ],
)
def test_errors_are_read_as_botocore_reads_them(protocol, reply):
    given_to_parser = {"body": reply.body, "headers": headers(reply), "status_code": reply.status}
    theirs = create_parser(protocol).parse(given_to_parser, None)["Error"]
    ours = answers.AwsError(answers.Answer(reply.status, headers(reply), reply.body))
    assert ours.code == theirs["Code"]
    if not reply.body.startswith(b"<html>") and reply.body:
        assert ours.message == theirs["Message"]


@given(
    st.integers(300, 599), st.binary(max_size=60) | st.sampled_from([b"<", b"<a>", b"[1]", b'{"message": 7}', b"null"])
)
def test_no_error_answer_breaks_the_reader(status, body):
    error = answers.AwsError(answers.Answer(status, {}, body))
    assert error.code
    assert error.passing == (status >= 500 or status == 429)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, 0), ("", 0), ("3", 3), ("0", 0), ("-3", 0), ("soon", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after_is_read_in_its_two_forms(value, seconds):
    assert answers.retry_after(value) == seconds


def test_a_date_ahead_is_waited_for():
    assert answers.retry_after("Fri, 31 Dec 2999 23:59:59 GMT") > 10**9


def test_a_models_own_refusal_is_read_with_its_status_and_words():
    fields = {"ErrorCode": "CLIENT_ERROR", "OriginalStatusCode": 415, "OriginalMessage": '{"error": "no GIF"}'}
    reply = failure("ModelError", 424, **fields)
    error = answers.AwsError(answers.Answer(424, headers(reply), reply.body))
    assert (error.status, error.message, error.passing) == (415, '{"error": "no GIF"}', False)
    assert json.loads(reply.body)["message"] == "as told"
