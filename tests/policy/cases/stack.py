"""Cases of the rules about stacks and secrets."""

from __future__ import annotations

from typing import Any

import pulumi

from tests.policy.tables import UNKNOWN, Resource, Table, absent, bad, good, other, unknown
from tests.unit.model.test_credentials import KEY, TOKEN

STACK = "pulumi:pulumi:Stack"
PROVIDER = "pulumi:providers:azure-native"
COMPONENT = "acr-transfer:index:Storage"
SECRET = "azure-native:keyvault:Secret"
VERSIONED_SECRET = "azure-native:keyvault/v20241101:Secret"
ACCOUNT = "azure-native:storage:StorageAccount"
REGISTRY = "azure-native:containerregistry:Registry"
VAULT = "azure-native:keyvault:Vault"
CONTAINER = "https://cargo.blob.core.windows.net/transfer"
URL = f"{CONTAINER}?{TOKEN}"
CONNECTION = f"DefaultEndpointsProtocol=https;AccountName=cargo;AccountKey={KEY}"


def outputs(type: str = STACK, **values: Any) -> Resource:
    return Resource(type, values, component=type in (STACK, COMPONENT, PROVIDER))


CASES: Table = {
    "no-sas-in-outputs": [
        good(outputs(containerUrl=CONTAINER, runs=[{"id": "/subscriptions/x", "error": ""}])),
        good(outputs(digest=f"sha256:{'0a' * 32}", count=3, more=None, ready=True)),
        good(outputs(ACCOUNT, url=URL)),
        bad(outputs(url=URL), finds=["Output 'url' of main contains a SAS token"]),
        bad(
            outputs(COMPONENT, key=KEY),
            finds=["Output 'key' of main contains a text in the form of a storage account's key"],
        ),
        bad(
            outputs(a={"b": ["x", CONNECTION]}),
            finds=["Output 'a.b[1]' of main contains the key of a connection string"],
        ),
        bad(outputs(a={URL: URL}), finds=["Output 'a.[key]' of main contains a SAS token."]),
        unknown(outputs(a=UNKNOWN)),
        unknown(outputs(a=UNKNOWN, b=[UNKNOWN, URL]), finds=["Output 'b[1]'"]),
        absent(outputs()),
        other(outputs(PROVIDER, url=URL)),
        other(outputs("random:index/randomString:RandomString", result=KEY)),
    ],
    "no-sas-in-props": [
        good(Resource(SECRET, {"properties": {"value": f"?{TOKEN}"}})),
        good(Resource(VERSIONED_SECRET, {"properties": {"value": URL}})),
        good(Resource(ACCOUNT, {"tags": {"a": CONTAINER}})),
        bad(
            Resource(ACCOUNT, {"tags": {"a": URL}}), finds=["Property 'tags.a' of main contains a SAS token"]
        ),
        bad(Resource(SECRET, {"tags": {"value": TOKEN}}), finds=["Property 'tags.value'"]),
        bad(Resource(ACCOUNT, {"properties": {"value": TOKEN}}), finds=["Property 'properties.value'"]),
        bad(Resource("any:thing:Else", {"list": [[KEY]]}), finds=["Property 'list[0][0]'"]),
        bad(Resource("any:thing:Else", {"file": pulumi.StringAsset(CONNECTION)}), finds=["Property 'file'"]),
        bad(
            Resource("any:thing:Else", {"all": pulumi.AssetArchive({"a.txt": pulumi.StringAsset(URL)})}),
            finds=["Property 'all.a.txt'"],
        ),
        unknown(Resource(ACCOUNT, {"tags": UNKNOWN})),
        unknown(Resource(ACCOUNT, {"tags": {"a": UNKNOWN, "b": URL}}), finds=["Property 'tags.b'"]),
        absent(Resource(ACCOUNT)),
        other(Resource("any:thing:Else", {"file": pulumi.FileAsset("key.txt")})),
    ],
    "no-sas-in-config": [
        good(Resource(STACK), stack_config={"acr-transfer:container": "transfer"}),
        good(Resource(STACK), stack_config={"acr-transfer:url": URL}, allowKeys=["acr-transfer:url"]),
        bad(
            Resource(STACK),
            stack_config={"acr-transfer:url": URL},
            finds=["Configuration 'acr-transfer:url' contains a SAS token"],
        ),
        bad(Resource(STACK), stack_config={"a:key": KEY, "a:b": CONNECTION}, finds=["'a:key'", "'a:b'"]),
        bad(
            Resource(STACK),
            stack_config={"a:list": f'["x", "{URL}"]', "a:url": URL},
            finds=["Configuration 'a:list'"],
            allowKeys=["a:url"],
        ),
        unknown(Resource(STACK, {"a": UNKNOWN}), stack_config={"a:url": URL}, finds=["'a:url'"]),
        absent(Resource(STACK)),
        other(Resource(ACCOUNT), stack_config={"a:url": URL}),
    ],
    "protect-stores": [
        good(Resource(ACCOUNT)),
        good(Resource(ACCOUNT, protect=True), protect=True),
        bad(
            Resource(ACCOUNT),
            Resource(VAULT, name="vault"),
            finds=["main is not", "vault is not"],
            protect=True,
        ),
        bad(Resource(REGISTRY), finds=["main is not protected: one command can delete it"], protect=True),
        unknown(Resource(ACCOUNT, {"name": UNKNOWN}), finds=["main is not protected"], protect=True),
        absent(Resource(ACCOUNT), protect=False),
        other(Resource(SECRET), protect=True),
    ],
}
