import pytest

from engine.documents import Node, load_document, suggest
from engine.errors import ConfigurationError, Place


def load(text: str) -> Node:
    return load_document(text, "x.yaml")


@pytest.mark.parametrize("written", ["NO", "0123", "12:30", "1e3", "0x1F", "true", "2026-01-02"])
def test_a_scalar_is_the_text_that_was_written(written: str) -> None:
    node = load(f"code: {written}").entries["code"]
    assert (node.kind, node.text) == ("text", written)


@pytest.mark.parametrize("written", ["", "~", "null", "Null", "NULL"])
def test_a_plain_null_is_nothing(written: str) -> None:
    assert load(f"code: {written}").entries["code"].kind == "null"


@pytest.mark.parametrize("written", ["''", '"null"', "'~'"])
def test_a_quoted_null_is_text(written: str) -> None:
    assert load(f"code: {written}").entries["code"].kind == "text"


def test_every_value_and_key_knows_its_place() -> None:
    node = load("a:\n  - b\n  - c: d\n")
    items = node.entries["a"].items
    assert node.keys["a"] == Place("x.yaml", 1, 1)
    assert items[0].place == Place("x.yaml", 2, 5)
    assert items[1].keys["c"] == Place("x.yaml", 3, 5)
    assert items[1].entries["c"].place == Place("x.yaml", 3, 8)


def test_an_empty_document_is_a_map_without_keys() -> None:
    assert load("# nothing yet\n").kind == "map"


def test_every_key_that_stands_twice_is_told() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load("a: 1\nb: 2\na: 3\nc:\n  d: 1\n  d: 2\n")
    assert [str(problem) for problem in caught.value.problems] == [
        "x.yaml:3:1: the key 'a' stands here a second time (keep one of them)",
        "x.yaml:6:3: the key 'd' stands here a second time (keep one of them)",
    ]


def test_a_key_is_a_word() -> None:
    with pytest.raises(ConfigurationError, match=r"x\.yaml:1:3: a key must be a word"):
        load("? [a, b]\n: c\n")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [b", "x.yaml:"),
        ("a: b\n c: d\n", "x.yaml:2:"),
        ("a: {b: c\nd: e\n", "x.yaml:"),
        ("a: 'b\n", "x.yaml:"),
        ("a: *b\n", "x.yaml:1:4"),
        ("a: \x07\n", "x.yaml:"),
        ("a: b\n---\nc: d\n", "x.yaml:2:"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(text: str, place: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    (problem,) = caught.value.problems
    assert str(problem).startswith(place)
    assert "not YAML" in problem.what


def test_an_alias_repeats_what_its_anchor_says() -> None:
    node = load("a: &x {b: c}\nd: *x\n")
    assert node.entries["d"].entries["b"].text == "c"


def test_an_alias_inside_its_own_anchor_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="too deep"):
        load("a: &x\n  b: *x\n")


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for n in range(1, 9):
        lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]")
    with pytest.raises(ConfigurationError, match="aliases"):
        load("\n".join(lines))


def test_a_document_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"deep|nesting depth"):
        load("[" * 5000 + "]" * 5000)


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("destinaton", "did you mean 'destination'?"),
        ("DESTINATION", "did you mean 'destination'?"),
        ("chanel", "did you mean 'channel'?"),
        ("zzz", None),
        ("", None),
    ],
)
def test_the_nearest_word_is_suggested(word: str, advice: str | None) -> None:
    assert suggest(word, ["channel", "destination"]) == advice
