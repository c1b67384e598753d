# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why EC2 gave no answer, and the way out, in a sentence or two."""

from __future__ import annotations

from botocore import exceptions

AWS_ERRORS = (exceptions.BotoCoreError, exceptions.ClientError)

_SIGN_IN = "Sign in again (aws sso login, or new keys) and see with aws sts get-caller-identity whose they are."
_LATER = "Run again in a minute; AWS_RETRY_MODE=adaptive and AWS_MAX_ATTEMPTS=10 make the client wait by itself."

_CODES = {
    "AuthFailure": f"AWS does not know these credentials. {_SIGN_IN}",
    "InvalidClientTokenId": f"AWS does not know these credentials. {_SIGN_IN}",
    "SignatureDoesNotMatch": f"The secret key does not fit the access key, or this machine's clock is wrong. {_SIGN_IN}",
    "RequestExpired": f"The credentials have expired, or this machine's clock is wrong. {_SIGN_IN}",
    "ExpiredToken": f"The credentials have expired. {_SIGN_IN}",
    "ExpiredTokenException": f"The credentials have expired. {_SIGN_IN}",
    "OptInRequired": "The account has not enabled this region. Enable it, or choose another (AWS_REGION).",
    "UnauthorizedOperation": "These credentials lack a right. Grant the action ec2:DescribeInstances, or choose another profile (AWS_PROFILE).",
    "AccessDenied": "These credentials lack a right. Grant ec2:DescribeInstances and, for a role, sts:AssumeRole; or choose another profile (AWS_PROFILE).",
    "RequestLimitExceeded": f"AWS has had too many requests from this account. {_LATER}",
    "Throttling": f"AWS has had too many requests from this account. {_LATER}",
    "Unavailable": f"AWS cannot serve the request just now. {_LATER}",
    "InternalError": f"AWS cannot serve the request just now. {_LATER}",
}

_CLASSES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((exceptions.NoCredentialsError, exceptions.PartialCredentialsError), f"There are no AWS credentials. Set AWS_PROFILE, or make keys. {_SIGN_IN}"),
    ((exceptions.ProfileNotFound,), "AWS_PROFILE names no profile of ~/.aws/config. aws configure list-profiles shows those that there are."),
    (
        (exceptions.SSOError, exceptions.TokenRetrievalError, exceptions.CredentialRetrievalError, exceptions.NoAuthTokenError),
        f"The credentials have expired or cannot be had. {_SIGN_IN}",
    ),
    (
        (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.InvalidRegionError),
        "AWS does not answer there. Check the region's name (AWS_REGION), the network or proxy, and AWS_ENDPOINT_URL (the lab: python -m lab up).",
    ),
)


def explain(error: Exception, *, region: str, profile: str | None) -> str:
    """What ``error`` means and what to do; AWS's own words at the end, for whoever needs more."""
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, exceptions.ClientError) else ""
    told = _CODES.get(code) or next((text for classes, text in _CLASSES if isinstance(error, classes)), "AWS refuses.")
    whom = f" with the profile {profile}" if profile else ""
    return f"The instances in {region}{whom} cannot be listed. {told} ({error})"
