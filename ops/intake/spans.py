"""Cutting the items of a JSON body out of its bytes, so that a refused one is kept exactly as it came."""

from json import JSONDecodeError, JSONDecoder

_BLANK = " \t\n\r"
_DECODER = JSONDecoder()


def cut_items(body: bytes, items: str) -> list[bytes] | None:
    """The bytes of each item of a list, or of the list under `items` of an object; None where they cannot be told apart.

    >>> cut_items(b'{"alerts": [{"a": 1.0}, 2 ]}', "alerts")
    [b'{"a": 1.0}', b'2']
    """
    try:
        text = body.decode()
        at = _skip(text, 0)
        start = at if text[at] == "[" else _member(text, at, items)
        return None if start is None else [text[a:b].encode() for a, b in _elements(text, start)]
    except (JSONDecodeError, UnicodeDecodeError, IndexError, RecursionError):
        return None


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _member(text: str, at: int, name: str) -> int | None:
    """Where the value of a member begins; of several of the same name the last counts, as for JSON parsers."""
    if text[at] != "{":
        return None
    found = None
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # past the colon
        if key == name:
            found = at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at] == "," else at
    return found if found is not None and text[found] == "[" else None


def _elements(text: str, at: int) -> list[tuple[int, int]]:
    spans = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        spans.append((at, end))
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return spans
