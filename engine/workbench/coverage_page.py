"""Coverage as one page of HTML that needs nothing else: to be mailed, printed, kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from engine.hl7v2 import dictionary
from engine.workbench.coverage import FATES, Coverage
from engine.workbench.novelty import News

MEANING = {
    "mapped": "a rule reads it, and it stands in the FHIR",
    "repeated": "a kindred field of the message says the same, and that one is mapped",
    "ignored": "dropped on purpose, by a rule that says why",
    "reported": "an issue says why it could not be converted",
    "unmapped": "no rule reads it",
}

_STYLE = """
:root{--ink:#1c2430;--soft:#667085;--line:#e4e7ec;--card:#fff;--ground:#f6f7f9;
--mapped:#2e8b57;--repeated:#9fd3b6;--ignored:#c3c9d2;--reported:#e0a800;--unmapped:#cf4436}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#98a2b3;--line:#303743;--card:#1b212b;
--ground:#12161d}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:62rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.05rem;margin:0 0 .75rem}p{margin:.25rem 0}
.soft{color:var(--soft)}section{background:var(--card);border:1px solid var(--line);
border-radius:.6rem;padding:1.1rem 1.25rem;margin-top:1.25rem;overflow-x:auto}
.figures{display:flex;gap:2.25rem;flex-wrap:wrap;margin-top:.9rem}
.figure b{display:block;font-size:1.55rem;line-height:1.2;font-variant-numeric:tabular-nums}
.figure i{display:inline-block;width:.65rem;height:.65rem;border-radius:.15rem;margin-right:.4rem}
.bar{display:flex;height:1rem;border-radius:.3rem;overflow:hidden;background:var(--line)}
.bar span{display:block;min-width:0}.small{height:.55rem;min-width:9rem}
table{border-collapse:collapse;width:100%}th{font-weight:600;color:var(--soft);font-size:.85rem}
td,th{text-align:left;padding:.32rem .9rem .32rem 0;border-bottom:1px solid var(--line);
vertical-align:middle}tr:last-child td{border-bottom:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,monospace}
.chips code{display:inline-block;border:1px solid var(--line);border-radius:.3rem;
padding:.05rem .4rem;margin:.15rem .25rem .15rem 0}
""" + "".join(f".{fate}{{background:var(--{fate})}}" for fate in FATES)


def page(coverage: Coverage, title: str, *, span: str = "", fresh: News | None = None) -> str:
    """The totals as a page; ``span`` says of when the messages are."""
    sections = [
        _summary(coverage),
        _news(fresh) if fresh is not None else "",
        _segments(coverage),
        _fields(coverage, "unmapped", "Unmapped fields", MEANING["unmapped"]),
        _fields(coverage, "reported", "Reported fields", MEANING["reported"]),
        _issues(coverage),
    ]
    types = ", ".join(f"{count} {escape(name)}" for name, count in coverage.types.most_common(8))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Coverage: {escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>Coverage: {escape(title)}</h1>"
        f'<p class="soft">{coverage.messages:,} messages{escape(span)}: {types}</p>'
        + "".join(sections)
        + "</main></body></html>\n"
    )


def _summary(coverage: Coverage) -> str:
    figures = "".join(
        f'<div class="figure" title="{escape(MEANING[fate])}"><b>{coverage.share(fate):.1%}</b>'
        f'<span class="soft"><i class="{fate}"></i>{fate}</span></div>'
        for fate in FATES
    )
    return (
        f"<section><h2>{coverage.total:,} populated values</h2>{_bar(coverage.fates)}"
        f'<div class="figures">{figures}</div></section>'
    )


def _bar(fates: Counter[str], size: str = "") -> str:
    total = sum(fates.values()) or 1
    parts = "".join(
        f'<span class="{fate}" style="width:{fates[fate] / total:.3%}" title="{fate} '
        f'{fates[fate] / total:.1%}"></span>'
        for fate in FATES
        if fates[fate]
    )
    return f'<div class="bar{size}">{parts}</div>'


def _news(fresh: News) -> str:
    if not fresh.before:
        said = "<p>There are no messages before to compare with.</p>"
    elif not (fresh.segments or fresh.fields or fresh.codes):
        said = f"<p>Nothing that the {fresh.before:,} messages before had not.</p>"
    else:
        codes = [f"{path} {code}" for path, code in fresh.codes]
        said = (
            f'<p class="soft">What the {fresh.before:,} messages before never had.</p>'
            + _chips("segments", fresh.segments)
            + _chips("fields", [f"{path} {_name(path)}".strip() for path in fresh.fields])
            + _chips("codes", codes)
        )
    return f"<section><h2>New</h2>{said}</section>"


def _chips(title: str, items: Sequence[str]) -> str:
    chips = "".join(f"<code>{escape(item)}</code>" for item in items)
    return f'<p class="chips">{title}: {chips}</p>' if items else ""


def _segments(coverage: Coverage) -> str:
    rows = [
        (
            f"<code>{escape(name)}</code>",
            _bar(fates, " small"),
            *_shares(fates),
            f"{sum(fates.values()):,}",
        )
        for name, fates in sorted(coverage.segments.items())
    ]
    return _section("By segment", "", ("segment", "", *FATES, "values"), rows)


def _shares(fates: Counter[str]) -> Iterable[str]:
    total = sum(fates.values())
    return [f"{fates[fate] / total:.0%}" if fates[fate] else "" for fate in FATES]


def _fields(coverage: Coverage, fate: str, title: str, said: str) -> str:
    rows = [
        (
            f"<code>{escape(path)}</code>",
            escape(_name(path)),
            f"{count.fates[fate]:,}",
            f"{count.messages[fate] / coverage.messages:.0%}",
        )
        for path, count in coverage.left(fate)
    ]
    return _section(title, said, ("field", "", "values", "of messages"), rows) if rows else ""


def _issues(coverage: Coverage) -> str:
    rows = [(escape(text), "", f"{count:,}") for text, count in coverage.issues.most_common(40)]
    return _section("Issues", "", ("rule: what", "", "times"), rows) if rows else ""


def _name(path: str) -> str:
    segment, _, rest = path.partition("-")
    found = dictionary.field(segment, int(rest.partition(".")[0]))
    return found.name if found is not None else ""


def _section(title: str, said: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; its first two columns are text, the others numbers."""
    head = "".join(f"<th{_number(index)}>{escape(text)}</th>" for index, text in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(f"<td{_number(i)}>{cell}</td>" for i, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    told = f'<p class="soft">{escape(said)}</p>' if said else ""
    return f"<section><h2>{escape(title)}</h2>{told}<table><tr>{head}</tr>{body}</table></section>"


def _number(column: int) -> str:
    return ' class="n"' if column > 1 else ""
