"""Whatever keeps EC2 from answering has a sentence with the way out."""

from __future__ import annotations

import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils import ec2_errors
from botocore import exceptions


def refusal(code: str) -> exceptions.ClientError:
    return exceptions.ClientError({"Error": {"Code": code, "Message": "AWS said so."}}, "DescribeInstances")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (refusal("AuthFailure"), "AWS does not know these credentials. Sign in again"),
        (refusal("ExpiredToken"), "The credentials have expired. Sign in again"),
        (refusal("UnauthorizedOperation"), "Grant the action ec2:DescribeInstances"),
        (refusal("RequestLimitExceeded"), "too many requests from this account. Run again in a minute"),
        (refusal("SomethingNew"), "AWS refuses. (An error occurred (SomethingNew)"),
        (exceptions.NoCredentialsError(), "There are no AWS credentials."),
        (exceptions.ProfileNotFound(profile="p"), "names no profile"),
        (exceptions.UnauthorizedSSOTokenError(), "expired or cannot be had. Sign in again"),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="x"), "expired or cannot be had. Sign in again"),
        (exceptions.EndpointConnectionError(endpoint_url="https://ec2.nowhere"), "AWS does not answer there. Check the region's name"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://ec2.nowhere"), "AWS does not answer there."),
        (exceptions.ReadTimeoutError(endpoint_url="https://ec2.nowhere"), "AWS does not answer there."),
        (exceptions.InvalidRegionError(region_name="-"), "AWS does not answer there. Check the region's name"),
    ],
)
def test_the_sentence(error: Exception, sentence: str) -> None:
    told = ec2_errors.explain(error, region="eu-central-1", profile="p")
    assert told.startswith("The instances in eu-central-1 with the profile p cannot be listed. ")
    assert sentence in told
