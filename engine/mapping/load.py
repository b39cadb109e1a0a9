"""YAML and CSV to the model: the standard library.

Every problem of every file is collected with its place; none hides another.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from functools import partial

from engine.documents import Node, read_document
from engine.errors import ConfigurationError, Place
from engine.mapping.codesystems import CodeSystems
from engine.mapping.conceptmap import ConceptMap, load_concept_map
from engine.mapping.expressions import parse_value
from engine.mapping.feedcheck import check_policies
from engine.mapping.folders import NOT_UTF8, Folder, Problems, files, text_of, texts_of
from engine.mapping.grammar import Condition, Ref
from engine.mapping.model import (
    DatatypeMap,
    Ignored,
    Library,
    MessageMap,
    SegmentMap,
)
from engine.mapping.rules import RuleReader
from engine.mapping.sentences import parse_condition_tree
from engine.mapping.structure import StructureReader


class StandardReader:
    """Reads the standard folder."""

    def __init__(self) -> None:
        self.problems = Problems()
        self.rules = RuleReader(self.problems.add)
        self.structure = StructureReader(self.problems)

    def standard(self, folder: Folder, label: str) -> Library:
        """Read a whole library: segments, datatypes, messages, tables, groups and keys."""
        messages, default = self._messages(folder.joinpath("messages"), f"{label}/messages")
        ignored: list[Ignored] = []
        library = Library(
            name="standard",
            segments=self._segments(folder.joinpath("segments"), f"{label}/segments", ignored),
            datatypes=self._datatypes(folder.joinpath("datatypes"), f"{label}/datatypes"),
            messages=messages,
            default=default,
            tables=self._tables(folder.joinpath("conceptmaps"), f"{label}/conceptmaps"),
            extensions=self._extensions(folder, label),
            systems=self._systems(folder, label),
            codesystems=CodeSystems(
                {row[0]: row[1] for row in self._csv(folder, "codesystems.csv", label)}
            ),
            groups=self.structure.groups(self._document(folder.joinpath("groups.yaml"), label)),
            keys=self.structure.keys(self._document(folder.joinpath("identity.yaml"), label)),
        )
        policies = self._standard_policies(library, folder.joinpath("conceptmaps"), label)
        return replace(library, ignored=tuple(ignored), policies=policies)

    def _standard_policies(self, library: Library, folder: Folder, label: str) -> dict[str, str]:
        """What becomes of codes outside the standard's own tables."""
        file = folder.joinpath("policies.yaml")
        node = self._document(file, f"{label}/conceptmaps") if file.is_file() else None
        if node is None:
            return {}
        check_policies(node, library.tables, self.problems.add)
        return {key: text_of(item) for key, item in node.entries.items()}

    def _read(self, file: Folder, label: str) -> str | None:
        try:
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            line = bytes(error.object).count(b"\n", 0, error.start) + 1
            self.problems.add(Place(f"{label}/{file.name}", line, 1), *NOT_UTF8)
        except OSError as error:
            place = Place(f"{label}/{file.name}", 1, 1)
            self.problems.add(place, f"the file cannot be read: {error.strerror}")
        return None

    def _files(self, folder: Folder, suffix: str, label: str) -> list[Folder]:
        try:
            return files(folder, suffix)
        except OSError as error:
            self.problems.add(Place(label, 1, 1), f"the folder cannot be read: {error.strerror}")
            return []

    def _document(self, file: Folder, label: str) -> Node | None:
        text = self._read(file, label)
        if text is None:
            return None
        node, problems = read_document(text, f"{label}/{file.name}")
        self.problems.found += problems
        return node

    def _segments(
        self, folder: Folder, label: str, ignored: list[Ignored]
    ) -> dict[str, SegmentMap]:
        found: dict[str, SegmentMap] = {}
        for file in self._files(folder, ".yaml", label):
            node = self._document(file, label)
            if node is None:
                continue
            known = ("segment", "resource", "per", "into", "when", "rules", "ignore", "about")
            self.problems.keys(node, known, ("segment", "resource", "rules"))
            segment_map = self._segment_map(node)
            if f"{segment_map.name}.yaml" != file.name:
                self.problems.add(node.place, f"this file should be named {segment_map.name}.yaml")
            found[segment_map.name] = segment_map
            ignored += self._ignored(node.entries.get("ignore"))
        return found

    def _segment_map(self, node: Node) -> SegmentMap:
        entries = node.entries
        segment, resource = text_of(entries.get("segment")), text_of(entries.get("resource"))
        name = f"{segment}[{resource}]"
        rules = entries.get("rules")
        return SegmentMap(
            name=name,
            segment=segment,
            resource=resource,
            rules=self.rules.rules(name, rules) if rules is not None else {},
            place=node.place,
            per=text_of(entries.get("per"), "segment"),
            into=self._yes(entries["into"]) if "into" in entries else False,
            when=self._condition(entries.get("when")),
        )

    def _yes(self, node: Node) -> bool:
        if node.text not in ("yes", "no"):
            self.problems.add(node.place, f"'{node.text}' is neither yes nor no", "write into: yes")
        return node.text == "yes"

    def _condition(self, node: Node | None) -> Condition | None:
        if node is None:
            return None
        return self.problems.guard(lambda: parse_condition_tree(node.text, node.place), None)

    def _ignored(self, node: Node | None) -> list[Ignored]:
        """``ignore:`` is a list of paths or segments, or of ``PATH: reason``."""
        if node is None or node.kind == "null":
            return []
        pairs: list[tuple[str, str, Place]] = []
        if node.kind == "map":
            pairs = [(key, text_of(item), node.keys[key]) for key, item in node.entries.items()]
        else:
            items = node.items if node.kind == "list" else [node]
            pairs = [(item.text, "", item.place) for item in items]
        return [
            Ignored(self._ignored_ref(text, place), reason, place) for text, reason, place in pairs
        ]

    def _ignored_ref(self, text: str, place: Place) -> Ref | str:
        if re.fullmatch(r"[A-Z][A-Z0-9]{2}", text):
            return text
        try:
            ref = getattr(parse_value(text, place), "choices", (None,))[0]
        except ConfigurationError:
            ref = None
        if not isinstance(ref, Ref) or not ref.segment:
            self.problems.add(place, f"'{text}' is not a segment or a path", "write PID-2 or ZAU")
            return ""
        return ref

    def _datatypes(self, folder: Folder, label: str) -> dict[str, DatatypeMap]:
        found: dict[str, DatatypeMap] = {}
        for file in self._files(folder, ".yaml", label):
            node = self._document(file, label)
            if node is None:
                continue
            known = ("datatype", "to", "resource", "also", "when", "rules", "about")
            self.problems.keys(node, known, ("datatype", "rules"))
            entries = node.entries
            resource = "resource" in entries
            target = text_of(entries.get("resource" if resource else "to"))
            datatype = text_of(entries.get("datatype"))
            name = f"{datatype}[{target}]"
            rules = entries.get("rules")
            if f"{name}.yaml" != file.name:
                self.problems.add(node.place, f"this file should be named {name}.yaml")
            found[name] = DatatypeMap(
                name=name,
                datatype=datatype,
                target=target,
                rules=self.rules.rules(name, rules) if rules is not None else {},
                place=node.place,
                resource=resource,
                also=texts_of(entries.get("also")),
                when=self._condition(entries.get("when")),
            )
        return found

    def _messages(
        self, folder: Folder, label: str
    ) -> tuple[dict[str, MessageMap], dict[str, tuple[str, ...]]]:
        found: dict[str, MessageMap] = {}
        default: dict[str, tuple[str, ...]] = {}
        for file in self._files(folder, ".yaml", label):
            node = self._document(file, label)
            if node is None:
                continue
            self.problems.keys(node, ("message", "for", "maps", "about"), ("message", "maps"))
            name = text_of(node.entries.get("message"))
            maps_node = node.entries.get("maps")
            entries = maps_node.entries.items() if maps_node else ()
            maps = {key: texts_of(item) for key, item in entries}
            if name == "any":
                default = maps
            else:
                structures = (name, *texts_of(node.entries.get("for")))
                found[name] = MessageMap(name, structures, maps, node.place)
        return found, default

    def _tables(self, folder: Folder, label: str) -> dict[str, ConceptMap]:
        found: dict[str, ConceptMap] = {}
        for file in self._files(folder, ".csv", label):
            name = file.name.removesuffix(".csv")
            found[name] = ConceptMap(name, ())  # one that cannot be read is there all the same
            text = self._read(file, label)
            if text is None:
                continue
            read = partial(load_concept_map, name, text, f"{label}/{file.name}")
            found[name] = self.problems.guard(read, found[name])
        return found

    def _csv(self, folder: Folder, name: str, label: str) -> list[list[str]]:
        file = folder.joinpath(name)
        text = self._read(file, label) if file.is_file() else None
        return list(csv.reader(io.StringIO(text or "")))[1:]

    def _extensions(self, folder: Folder, label: str) -> dict[str, tuple[str, str]]:
        rows = self._csv(folder, "extensions.csv", label)
        for number, row in enumerate(rows, 2):
            if len(row) < 3:
                place = Place(f"{label}/extensions.csv", number, 1)
                self.problems.add(place, "an extension needs an alias, a URL and a value type")
        return {row[0]: (row[1], row[2]) for row in rows if len(row) >= 3}

    def _systems(self, folder: Folder, label: str) -> dict[str, str]:
        rows = self._csv(folder, "systems.csv", label)
        for number, row in enumerate(rows, 2):
            if len(row) < 2:
                place = Place(f"{label}/systems.csv", number, 1)
                self.problems.add(place, "a system needs a name and a URI")
        return {row[0]: row[1] for row in rows if len(row) >= 2}
