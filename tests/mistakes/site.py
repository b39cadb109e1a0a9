"""A small installation in which nothing is wrong, and mistakes to plant in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.config import load_installation
from engine.errors import ConfigurationError, Problem

#: Where in the planted text the problem must be told.
MARK = "§"

ENGINE = """\
data: data
servers:
  clinic:
    url: https://fhir.clinic.example/r4
    auth:
      basic:
        user: engine
        password: {env: FHIR_PASSWORD}
console:
  port: 8099
retention_days: 30
"""

CHANNEL = """\
channel: north-lab
source:
  mllp:
    port: 2575
    allow: [10.20.0.0/16]
  charset: iso-8859-1
  timezone: America/New_York
accept:
  - MSH-9.1 in (ORU, OML)
assigner:
  PID-3: urn:oid:2.999.20.1
mapping: north-lab
issues: deliver
duplicates: 7d
destinations:
  - fhir: clinic
"""

MAPPING = """\
mapping: north-lab
extends: standard
authorities: {NORTHLAB: "urn:oid:2.999.4"}
systems: {NL: "https://north-lab.example/codes"}
segments:
  ZLB:
    1: {name: set id, type: SI}
    3: {name: fasting status, type: CWE}
rules:
  ZLB[Observation-Fasting]:
    per: segment
    when: ZLB-3 is valued
    status: =final
    code: loinc#49541-6
    subject: -> Patient
    effectiveDateTime: OBR-7
    valueCodeableConcept: ZLB-3 via fasting-status
  PID[Patient]:
    gender: PID-8 via north-lab-sex
    maritalStatus: null
unmapped:
  fasting-status: keep
identity:
  Observation-Fasting:
    knows: whole
    keys:
      - [patient, order, ZLB-1]
ignore:
  ZAU: audit trail of the sender
  PV1-31: the code of a debt agency
"""

FASTING = """\
source code,source display,target system,target code,target display
Y,fasting,http://terminology.hl7.org/CodeSystem/v2-0136,Y,Yes
N,not fasting,http://terminology.hl7.org/CodeSystem/v2-0136,N,No
"""

SEX = """\
source code,source display,target system,target code,target display
W,weiblich,http://hl7.org/fhir/administrative-gender,female,Female
M,maennlich,http://hl7.org/fhir/administrative-gender,male,Male
"""

FILES = {
    "engine.yaml": ENGINE,
    "channels/north-lab.yaml": CHANNEL,
    "mappings/north-lab/mapping.yaml": MAPPING,
    "mappings/north-lab/conceptmaps/fasting-status.csv": FASTING,
    "mappings/north-lab/conceptmaps/north-lab-sex.csv": SEX,
}

#: Short names of the files, for tables of mistakes.
ENGINE_FILE, CHANNEL_FILE, MAPPING_FILE, FASTING_FILE, SEX_FILE = FILES


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake: in which file, what it replaces there, and what must be said of it."""

    file: str
    #: what stands there rightly; "" for the whole file
    right: str
    #: what is written instead, with a mark where the problem must be told
    wrong: str
    what: str
    #: part of what is advised
    instead: str

    def __str__(self) -> str:
        """What pytest calls it."""
        return self.what

    def check(self, folder: Path) -> None:
        """Plant it: it, and nothing else, is told."""
        place = self.plant(folder)
        found = problems(folder)
        assert [str(problem.place) for problem in found] == [place], [*map(str, found)]
        assert self.what in found[0].what, str(found[0])
        assert self.instead in (found[0].instead or ""), str(found[0])

    def plant(self, folder: Path) -> str:
        """Write the installation with the mistake; the place of the mark."""
        text = FILES.get(self.file, "")
        assert not self.right or text.count(self.right) == 1, f"'{self.right}' is not unique"
        whole = text.replace(self.right, self.wrong) if self.right else self.wrong
        assert whole.count(MARK) == 1, "one mark"
        lay_out(folder, {**FILES, self.file: whole.replace(MARK, "")})
        before = whole.partition(MARK)[0]
        line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
        return f"{self.file}:{line}:{column}"


def lay_out(folder: Path, files: dict[str, str]) -> None:
    """Write files into a folder."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")


def problems(folder: Path) -> tuple[Problem, ...]:
    """What is wrong there."""
    try:
        load_installation(folder, environment={"FHIR_PASSWORD": "secret"})
    except ConfigurationError as error:
        return error.problems
    return ()
