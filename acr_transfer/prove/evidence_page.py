"""Evidence as one self-contained HTML page, for auditors."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape as escape_html

from acr_transfer.model.proof import LayerMode, Verdict
from acr_transfer.model.times import format_time
from acr_transfer.model.visible_text import visible_line
from acr_transfer.prove.evidence import Evidence
from acr_transfer.prove.layers import LayerProof
from acr_transfer.prove.target import ArtifactFinding
from acr_transfer.registry.manifests import describe_kind
from acr_transfer.units import human_size, plural
from acr_transfer.version import version

_STYLE = """
:root{--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--back:#fff;--card:#f6f8fa;--good:#1a7f37;--bad:#cf222e;--odd:#9a6700}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#8d96a0;--line:#30363d;--back:#0d1117;--card:#161b22;
--good:#3fb950;--bad:#f85149;--odd:#d29922}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:2rem 1.5rem 4rem;color:var(--ink);background:var(--back);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}
h1,dd{overflow-wrap:anywhere}p{margin:.4rem 0;max-width:60rem}.soft{color:var(--soft)}
code,.digest{font:12.5px/1.45 ui-monospace,"SF Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
.verdict{border:1px solid;border-left-width:.5rem;border-radius:.4rem;padding:1rem 1.25rem;margin:1.25rem 0;
background:var(--card)}
.verdict strong{font-size:1.2rem}.verdict.good{border-color:var(--good)}.verdict.bad{border-color:var(--bad)}
.good strong,.is-proved{color:var(--good)}
.bad strong,.is-missing,.is-different,.is-contradictory{color:var(--bad)}
.is-not-provable,.is-extra{color:var(--odd)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.25rem;margin:0}
dt{color:var(--soft)}dd{margin:0}
ul.counts{display:flex;flex-wrap:wrap;gap:.75rem;list-style:none;padding:0;margin:1rem 0}
ul.counts li{border:1px solid var(--line);border-radius:.4rem;padding:.5rem 1rem;min-width:8rem;
background:var(--card)}
ul.counts b{display:block;font-size:1.5rem;line-height:1.2}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600;font-size:.85rem}th+th{width:22%}th+th+th{width:8rem}td.word{white-space:nowrap;font-weight:600}
td .digest{display:block;color:var(--soft)}footer{margin-top:3rem;color:var(--soft);font-size:.85rem}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--back:#fff;--card:#fff;--good:#1a7f37;
--bad:#cf222e;--odd:#9a6700}
body{max-width:none;padding:0;font-size:10pt}tr,.verdict{break-inside:avoid}thead{display:table-header-group}}
"""

_MEANING = {
    Verdict.MISSING: "not at the target",
    Verdict.DIFFERENT: "other content at the target",
    Verdict.CONTRADICTORY: "bytes of another kind than the registry states",
    Verdict.NOT_PROVABLE: "expected digest unknown, or response unreadable",
    Verdict.EXTRA: "at the target, but not expected",
}

_CHAPTERS = {
    "Not proved": (Verdict.MISSING, Verdict.DIFFERENT, Verdict.CONTRADICTORY, Verdict.NOT_PROVABLE),
    "Extra at the target": (Verdict.EXTRA,),
    "Proved": (Verdict.PROVED,),
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>Transfer to {target}, {ended}</title>
<style>{style}</style>
</head>
<body>
<h1>Transfer to {target}</h1>
<p class="soft">Evidence of the transferred artifacts, by comparison of digests.</p>
{content}
<footer>Created by acr-transfer {version} on {ended}. \
This page is not signed: store it where it cannot be changed.</footer>
</body>
</html>
"""


def escape(text: str) -> str:
    """Return text for an element or an attribute in quotes: one line, every character visible."""
    return escape_html(visible_line(text))


_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
"""No script, no request, and no style but the page's own, even if a text were not escaped."""


def page(evidence: Evidence) -> str:
    """Return the HTML document."""
    findings = evidence.proof.findings
    # The subject of a signature is shown by its tag, if it has one.
    names = {str(one.digest): one.artifact for one in reversed(findings) if "@" not in one.artifact}
    content = [_banner(evidence), _counts(evidence), _facts(evidence), _method(evidence)]
    for title, verdicts in _CHAPTERS.items():
        listed = [finding for finding in findings if finding.verdict in verdicts]
        content += _chapter(title, listed, names, evidence)
    return _PAGE.format(
        policy=_POLICY,
        target=escape(evidence.target),
        ended=escape(format_time(evidence.ended)),
        version=escape(version()),
        style=_STYLE,
        content="\n".join(content),
    )


def _banner(evidence: Evidence) -> str:
    proof, count = evidence.proof, len(evidence.proof.expected)
    if evidence.good:
        text = f"All {count:,} artifacts are proved." if count != 1 else "The one artifact is proved."
        return f'<div class="verdict good"><strong>{text}</strong></div>'
    text = f"{proof.count(Verdict.PROVED):,} of {plural(count, 'artifact')} are proved."
    if proof.complete and evidence.unlisted_tags:
        text = "All expected artifacts are proved, but the target's other tags are unknown."
    elif proof.complete:
        text = "All expected artifacts are proved, but the target has extra tags."
    rest = "The others are listed below with their reasons."
    return f'<div class="verdict bad"><strong>{text}</strong> {rest}</div>'


def _counts(evidence: Evidence) -> str:
    items = [
        f'<li><b class="is-{_class(verdict)}">{evidence.proof.count(verdict):,}</b>{verdict}</li>'
        for verdict in Verdict
        if verdict is Verdict.PROVED or evidence.proof.count(verdict)
    ]
    items.append(f"<li><b>{evidence.proof.manifests_read:,}</b>manifests read</li>")
    return f'<ul class="counts">{"".join(items)}</ul>'


def _facts(evidence: Evidence) -> str:
    expected = evidence.expectation
    facts = [
        ("Source registry", escape(expected.registry or "not in the receipt")),
        ("Target registry", escape(evidence.target)),
        ("Expected artifacts", escape(expected.document)),
        ("Checksum", f"<code>{escape(expected.checksum)}</code>"),
        ("Start and end", f"{format_time(evidence.began)}, {format_time(evidence.ended)} (UTC)"),
        ("Layers", escape(_layers(evidence.proof.layers))),
        ("Extra tags", _extra_tags(evidence)),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return f"<h2>Scope</h2>\n<dl>{rows}</dl>"


def _extra_tags(evidence: Evidence) -> str:
    if evidence.unlisted_tags:
        return f"not searched: {escape(str(evidence.unlisted_tags))}"
    return f"{evidence.proof.count(Verdict.EXTRA):,} found"


def _layers(layers: LayerProof) -> str:
    if layers.mode is LayerMode.NONE:
        return "not read: a registry accepts a manifest only after all of its layers"
    how = "a random sample" if layers.mode is LayerMode.SAMPLE else "all"
    read = f"{len(layers.read):,} of {layers.of:,} configs and layers read and hashed ({how})"
    return f"{read}, {human_size(layers.bytes_read)}"


def _method(evidence: Evidence) -> str:
    origin = (
        "The expected digests were known before the export: later changes of tags have no effect."
        if evidence.expectation.is_pinned
        else "The expected digests of tags were read from the source registry during this proof, "
        "not during the export."
    )
    return (
        "<h2>Method</h2>\n"
        "<p>Every manifest was read from the target registry, and its SHA-256 was computed from the bytes. "
        "Digests in headers and lists were not trusted. A manifest names its configs and layers by digest, "
        f"so the right digest of a manifest covers all its content.</p><p>{origin}</p>"
    )


def _chapter(
    title: str, listed: Sequence[ArtifactFinding], names: Mapping[str, str], evidence: Evidence
) -> list[str]:
    if not listed:
        return []
    advice = [
        f'<p><b class="is-{_class(step.verdict)}">{step.verdict}</b> ({_MEANING[step.verdict]}). '
        f"{_code(step.text)}{''.join(f'<br><code>{escape(line)}</code>' for line in step.ways)}</p>"
        for step in evidence.next_steps(listed)
    ]
    rows = "".join(_row(finding, names) for finding in listed)
    return [
        f"<h2>{title}: {len(listed):,}</h2>",
        *advice,
        '<div class="wide"><table><thead>'
        "<tr><th>Artifact and digest</th><th>Kind</th><th>Verdict</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>",
    ]


def _row(finding: ArtifactFinding, names: Mapping[str, str]) -> str:
    digest = finding.digest if finding.digest and finding.digest not in finding.artifact else ""
    lines = [f'<span class="digest">{escape(digest)}</span>'] if digest else []
    if finding.subject:
        about = names.get(finding.subject, finding.subject)
        lines.append(f'<span class="digest">refers to {escape(about)}</span>')
    if finding.detail:
        lines.append(f"<div>{escape(finding.detail)}</div>")
    kind = escape(describe_kind(finding.kind, finding.artifact_type, finding.children))
    if finding.artifact_type and finding.artifact_type not in kind:
        kind += f'<span class="digest">{escape(finding.artifact_type)}</span>'
    name = f"<code>{escape(finding.artifact)}</code>"
    word = f'<td class="word is-{_class(finding.verdict)}">{finding.verdict}</td>'
    return f"<tr><td>{name}{''.join(lines)}</td><td>{kind}</td>{word}</tr>"


def _class(verdict: Verdict) -> str:
    return verdict.value.replace(" ", "-")


def _code(text: str) -> str:
    """The escaped text, with text in backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
