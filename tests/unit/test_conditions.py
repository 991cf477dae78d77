"""The conditions of role assignments for repositories."""

from __future__ import annotations

import pytest

from sandbox.registry import conditions

REPOSITORIES = "Microsoft.ContainerRegistry/registries/repositories"
NAME = f"@Request[{REPOSITORIES}:name]"
READ, WRITE = f"{REPOSITORIES}/content/read", f"{REPOSITORIES}/content/write"


def scoped(*expressions: str) -> str:
    """The form of Microsoft's documentation: other actions are not limited."""
    return f"(\n (\n  !(ActionMatches{{'{READ}'}})\n )\n OR \n (\n  {' OR '.join(expressions)}\n )\n)"


CASES = {
    "one repository": (scoped(f"{NAME} StringEqualsIgnoreCase 'nginx'"), READ, "nginx", True),
    "another case": (scoped(f"{NAME} StringEqualsIgnoreCase 'NGINX'"), READ, "nginx", True),
    "another repository": (scoped(f"{NAME} StringEqualsIgnoreCase 'nginx'"), READ, "nginx2", False),
    "an action that is not limited": (scoped(f"{NAME} StringEquals 'nginx'"), WRITE, "other", True),
    "a prefix": (scoped(f"{NAME} StringStartsWithIgnoreCase 'backend/'"), READ, "backend/nginx", True),
    "no prefix": (scoped(f"{NAME} StringStartsWithIgnoreCase 'backend/'"), READ, "backend-infra", False),
    "the second of two": (
        scoped(f"{NAME} StringStartsWith 'a/'", f"{NAME} StringStartsWith 'b/'"),
        READ,
        "b/c",
        True,
    ),
    "the exact case": (scoped(f"{NAME} StringEquals 'Nginx'"), READ, "nginx", False),
    "not equal": (scoped(f"{NAME} StringNotEquals 'secret'"), READ, "secret", False),
    "not a prefix": (scoped(f"{NAME} StringNotStartsWithIgnoreCase 'secret/'"), READ, "open/a", True),
    "a pattern": (scoped(f"{NAME} StringLike 'team*/app'"), READ, "team1/app", True),
    "one of a set": (scoped(f"{NAME} ForAnyOfAnyValues:StringEquals {{'a', 'b'}}"), READ, "b", True),
    "symbols": (
        f"!(ActionMatches{{'{READ}'}}) || {NAME} StringEquals 'a' && {NAME} StringLike '*'",
        READ,
        "a",
        True,
    ),
    "a negation of a group": (f"!({NAME} StringEquals 'a' OR {NAME} StringEquals 'b')", READ, "b", False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_condition_limits_the_repositories_of_its_actions(case: str) -> None:
    text, action, repository, expected = CASES[case]
    assert conditions.parse(text)(action, repository) is expected


REFUSED = {
    "nothing": "",
    "no expression": "AND",
    "an open group": f"({NAME} StringEquals 'a'",
    "two expressions": f"{NAME} StringEquals 'a' {NAME} StringEquals 'b'",
    "an attribute of the resource": f"@Resource[{REPOSITORIES}:name] StringEquals 'a'",
    "another attribute": "@Request[Microsoft.Storage/storageAccounts:name] StringEquals 'a'",
    "another operator": f"{NAME} GuidEquals 'a'",
    "an open text": f"{NAME} StringEquals 'a",
    "too many groups": "(" * 30 + f"{NAME} StringEquals 'a'" + ")" * 30,
    "too long": f"{NAME} StringEquals '{'a' * 9000}'",
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_condition_of_an_unknown_form_is_refused(case: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        conditions.parse(REFUSED[case])
