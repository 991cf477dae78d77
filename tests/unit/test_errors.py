"""Errors have distinct exit codes and hold no request of a library."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ServiceRequestError

from acr_transfer.errors import ServiceError, TransferError, explained, host


def test_each_kind_of_failure_has_its_own_exit_code() -> None:
    # `review` documents its own codes.
    kinds = [kind for kind in TransferError.__subclasses__() if kind.__module__ == "acr_transfer.errors"]
    assert kinds
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert not {0, 1, 2, 130} & set(codes)


def test_a_library_failure_is_not_chained_or_quoted() -> None:
    request = "https://a/c?sig=SECRET"
    with pytest.raises(ServiceError) as shown, explained("reading", host(request)):
        raise ServiceRequestError(request, error=ValueError(request))
    assert str(shown.value) == "reading at a: no response (ValueError). Check the network and the proxy."
    assert shown.value.__suppress_context__
