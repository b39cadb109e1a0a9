import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7v2.path import Path

number = st.none() | st.integers(1, 999)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("PID", Path("PID")),
        ("PID-3", Path("PID", 3)),
        ("PID-3[2]", Path("PID", 3, 2)),
        ("PID-3.4", Path("PID", 3, None, 4)),
        ("PID-3[1].4.1", Path("PID", 3, 1, 4, 1)),
        ("OBX(2)-5", Path("OBX", 5, sequence=2)),
        ("ZL1-12", Path("ZL1", 12)),
    ],
)
def test_a_path_is_read_and_written_alike(text: str, path: Path) -> None:
    assert Path.parse(text) == path
    assert str(path) == text


@given(
    segment=st.from_regex(r"[A-Z][A-Z0-9]{2}", fullmatch=True),
    field=number,
    repetition=number,
    component=number,
    subcomponent=number,
    sequence=number,
)
def test_every_path_that_is_written_can_be_read(
    segment: str,
    field: int | None,
    repetition: int | None,
    component: int | None,
    subcomponent: int | None,
    sequence: int | None,
) -> None:
    if field is None:
        repetition = component = None
    if component is None:
        subcomponent = None
    path = Path(segment, field, repetition, component, subcomponent, sequence)
    assert Path.parse(str(path)) == path


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("PID.3", "write it like PID-3"),
        ("pid-3", "write it like PID-3"),
        ("PID_3.4", "write it like PID-3.4"),
        ("PID-3-4-1", "write it like PID-3.4.1"),
        ("PID 3", "write it like PID-3"),
        ("/PID-3", "write it like PID-3[1].4"),
        ("PID-0", "everything counts from 1; write it like PID-3[1].4"),
        ("PID-3[0]", "everything counts from 1; write it like PID-3[1].4"),
        ("", "write it like PID-3[1].4"),
        ("patient name", "write it like PID-3[1].4"),
        ("PID-3.1.2.3", "write it like PID-3[1].4"),
        ("PID-3\n", "write it like PID-3"),
        ("PID-٣", "write it like PID-3[1].4"),
    ],
)
def test_what_is_no_path_is_refused_with_what_to_write(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r"is not a path; ") as refusal:
        Path.parse(text)
    assert str(refusal.value).endswith(f"; {advice}")


def test_paths_sort_as_they_stand_in_a_message() -> None:
    texts = ["PID", "PID-3", "PID-3.1", "PID-3[2]", "PID-11", "PID(2)-3"]
    assert [str(path) for path in sorted(map(Path.parse, reversed(texts)))] == texts
