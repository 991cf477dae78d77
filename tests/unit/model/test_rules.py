"""The small rules: clouds, resource IDs, names, roles, options, networks, permissions, times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.model import resource_names
from acr_transfer.model.clouds import HostDirectory, cloud_name
from acr_transfer.model.options import KNOWN_OPTIONS, Direction, has_option, option_fault
from acr_transfer.model.resource_ids import ResourceId
from acr_transfer.model.roles import Role, can_read_secrets, can_use_container, container_role
from acr_transfer.model.storage_network import StorageNetwork, storage_network
from acr_transfer.model.times import format_time, parse_expiry, parse_time
from acr_transfer.model.vault_permissions import can_get_secrets, can_purge, excess_permissions

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "public"),
        ("AzureCloud", "public"),
        ("usgov", "usgovernment"),
        ("AzureUSGovernmentCloud", "usgovernment"),
        ("usgovernmentl4", "usgovernment"),
        ("AzureChinaCloud", "china"),
        ("Own", "own"),
    ],
)
def test_a_cloud_has_one_name(text: str, name: str) -> None:
    assert cloud_name(text) == name


def test_a_host_belongs_to_the_cloud_of_its_ending() -> None:
    hosts = HostDirectory(".Stack.Example", "")
    assert hosts.of_storage("a.blob.core.windows.net") == "public"
    assert hosts.of_storage("a.blob.stack.example") == "own"
    assert hosts.of_vault("a.vault.azure.cn") == "china"
    assert hosts.of_vault("a.vault.stack.example") == hosts.of_storage("core.windows.net") == ""


@pytest.mark.parametrize("text", [ID, f"{ID}/", ID.upper()])
def test_a_resource_id_is_read_in_any_letter_case(text: str) -> None:
    found = ResourceId.of(text)
    assert (found.subscription.lower(), found.resource_group.lower(), found.name.lower()) == ("s", "g", "a")
    assert found.type.lower() == "microsoft.storage/storageaccounts"
    assert str(ResourceId.of(ID)) == ID


def test_a_nested_resource_names_its_top_level_resource() -> None:
    assert ResourceId.parse(f"{ID}/blobServices/default/containers/c") == ResourceId.parse(ID)
    assert ResourceId.of(f"{ID}/blobServices/default").type == ""


@given(st.text())
def test_any_other_text_is_a_name(text: str) -> None:
    assert ResourceId.of(text) == ResourceId(text)
    assert ResourceId.parse(text) is None


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("REGISTRY", ["abcde", "A" * 50], ["abcd", "a" * 51, "a-bcd", "abcde\n"]),
        ("CONTAINER", ["abc", "a-b", "0" * 63], ["ab", "a--b", "-ab", "0" * 64, "abc\n"]),
        (
            "BLOB",
            ["a", "a/b", "a b", "ä" * 1024, "...b", ".a/..b", "a/b" * 341],
            ["", "a/", "a.", "a" * 1025, "/a", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a/..", "a\\b"]
            + [f"a{control}b" for control in "\n\r\t\0\x1b\x7f\x9b\u2028\uffff"],
        ),
        (
            "HOST",
            ["contoso.azurecr.io", "a", "127.0.0.1:5000", "[::1]:65535", "[2001:db8::1]", "a:1"],
            [
                "",
                "..",
                "a..b",
                "[::1",
                "[::1::]",
                "[:::]",
                "[1:2:3:4:5:6:7::8]",
                "a:0",
                "a:65536",
                "a:99999",
                "a:",
                "user@a",
                "user:secret@a",
                "https://a",
                "a/b",
                "a?b",
                "a\n",
                "-a",
                "a" * 64,
                "ä",
                f"a{'.a' * 127}",
            ],
        ),
        (
            "CONTAINER_URL",
            ["https://a.example/transfer", "https://[::1]:1/account/$root", "https://127.0.0.1:9//a/b/"],
            [
                "http://a/b",
                "https://a",
                "https://a/..",
                "https://a/b/../c",
                "https://a/./b",
                "https://../b",
                "https://a/b?sig=x",
                "https://user:secret@a/b",
                "https://[::1/b",
                "https://a:99999/b",
            ],
        ),
        ("BLOB_PREFIX", ["", "nightly/", "a.b/c"], ["/a", ".a", "a./b", "a" * 901]),
        ("STORAGE_ACCOUNT", ["abc"], ["ab", "Abc", "a" * 25]),
        ("VAULT", ["abc", "a-b"], ["1ab", "a--b", "ab-", "a" * 25]),
        ("SECRET", ["a", "A-1"], ["", "a_b", "a" * 128]),
        ("RESOURCE_GROUP", ["a", "ä(1)_-.x"], ["", "a.", "a" * 91]),
    ],
)
def test_a_name_is_what_azure_accepts(rule: str, good: list[str], bad: list[str]) -> None:
    one: resource_names.NameRule = getattr(resource_names, rule)
    assert [name for name in good if not one.accepts(name)] == []
    assert [name for name in bad if one.accepts(name)] == []
    assert one.expected


def test_roles_are_known_by_their_ids() -> None:
    full = f"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{Role.BLOB_OWNER.upper()}"
    assert Role.of(full) is Role.BLOB_OWNER
    assert Role.of("other") is None
    assert Role.BLOB_OWNER.label == "Storage Blob Data Owner"
    assert container_role(Direction.IMPORT, deletes_blobs=False) is Role.BLOB_READER
    assert can_use_container([full], Direction.EXPORT, deletes_blobs=False)
    assert not can_use_container([Role.BLOB_READER], Direction.IMPORT, deletes_blobs=True)
    assert can_read_secrets([Role.VAULT_SECRETS_OFFICER])
    assert not can_read_secrets([Role.BLOB_OWNER])


def test_an_option_is_spelled_as_azure_spells_it() -> None:
    assert [option_fault(option, way) for way in Direction for option in KNOWN_OPTIONS[way]] == [""] * 5
    assert option_fault("overwriteblobs", Direction.EXPORT) == "expected OverwriteBlobs"
    assert option_fault("OverwriteTags", Direction.EXPORT) == "expected OverwriteBlobs, ContinueOnErrors"
    assert has_option(["deletesourceblobonsuccess"], "DeleteSourceBlobOnSuccess")


@pytest.mark.parametrize(
    ("access", "action", "verdict"),
    [
        ("", "", StorageNetwork.OPEN),
        ("Enabled", "Allow", StorageNetwork.OPEN),
        ("Disabled", "Allow", StorageNetwork.DISABLED),
        ("Enabled", "Deny", StorageNetwork.FIREWALLED),
    ],
)
def test_a_closed_account_shuts_the_service_out(access: str, action: str, verdict: StorageNetwork) -> None:
    assert storage_network(access, action) is verdict


def test_all_permissions_include_each_one() -> None:
    assert can_get_secrets(["All"])
    assert can_get_secrets(["GET", "list"])
    assert not can_get_secrets(["list"])
    assert can_purge(["all"])
    assert not can_purge(["get"])
    assert excess_permissions({"secrets": ["Get", "List"], "keys": ["all"]}) == ["keys all", "secrets list"]


def test_times_are_read_in_utc() -> None:
    assert (
        parse_time("2027-01-01T02:00:00+02:00")
        == parse_time("2027-01-01")
        == datetime(2027, 1, 1, tzinfo=UTC)
    )
    assert parse_time("soon") is parse_time(None) is parse_time("0001-01-01T00:00:00+14:00") is None
    assert format_time(parse_expiry("2027-01-01T02:00:00.9+02:00")) == "2027-01-01T00:00:00Z"
    for text in ("2027-01-01", "soon", "0001-01-01T00:00:00+14:00"):
        with pytest.raises(ValueError, match=r"time|Invalid"):
            parse_expiry(text)


@given(st.text(max_size=30))
def test_every_text_is_a_time_in_utc_or_none(text: str) -> None:
    found = parse_time(text)
    assert found is None or found.tzinfo is UTC
