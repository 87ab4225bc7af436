"""Walking over the elements of a DICOM data set, bounded in length and nesting (PS3.5 section 7)."""

from __future__ import annotations

from struct import Struct

from bregma.scan.errors import RefusedError

UNDEFINED = 0xFFFFFFFF
"""A length that is not given: the end is marked by a delimiter (PS3.5 section 7.1.3)."""

MAX_NESTING = 64
"""Items and sequences within one another; real files have fewer than ten."""

LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Value representations whose length takes four bytes (PS3.5 table 7.1-1)."""

SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
"""Value representations whose length takes two bytes."""

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

_EXPLICIT = {"<": Struct("<HH2sH"), ">": Struct(">HH2sH")}
_IMPLICIT = {"<": Struct("<HHI"), ">": Struct(">HHI")}
_LONG = {"<": Struct("<I"), ">": Struct(">I")}

Element = tuple[int, int, int]
"""Tag, offset of the value, length of the value (`UNDEFINED` when delimited)."""


class MoreNeeded(Exception):  # noqa: N818 (a request, not an error)
    """The bytes at hand end within the header; `size` of them would do for the next step."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes of the header are needed")
        self.size = size


def read_element(data: bytes, at: int, *, order: str, explicit: bool) -> Element:
    """The element that begins at an offset.

    Args:
        data: the beginning of a data set.
        at: offset of the tag.
        order: "<" little endian, ">" big endian.
        explicit: whether the value representation is written.

    Raises:
        MoreNeeded: the element's head lies beyond the data.
        RefusedError: "bad_header".
    """
    if at + 8 > len(data):
        raise MoreNeeded(at + 8)
    if explicit:
        group, number, vr, length = _EXPLICIT[order].unpack_from(data, at)
        if group != 0xFFFE:
            if vr in SHORT_VRS:
                return group << 16 | number, at + 8, length
            if vr not in LONG_VRS:
                raise RefusedError("bad_header", f"what stands at byte {at} is no element of a DICOM header")
            if at + 12 > len(data):
                raise MoreNeeded(at + 12)
            return group << 16 | number, at + 12, _LONG[order].unpack_from(data, at + 8)[0]
    group, number, length = _IMPLICIT[order].unpack_from(data, at)
    return group << 16 | number, at + 8, length


def after_sequence(data: bytes, at: int, value: int, *, order: str, explicit: bool) -> int:
    """Where a sequence of undefined length ends; a loop, so that no depth of nesting exhausts the stack.

    Args:
        data: the beginning of a data set.
        at: offset of the sequence's tag.
        value: offset of its first item.
        order: "<" little endian, ">" big endian.
        explicit: whether the value representation is written.

    Raises:
        MoreNeeded: the sequence goes on beyond the data.
        RefusedError: "nested_sequences".
    """
    open_ = [explicit and data[at + 4 : at + 6] != b"UN"]  # PS3.5 section 6.2.2 note 2: UN holds implicit items
    while open_:
        if len(open_) > MAX_NESTING:
            raise RefusedError("nested_sequences", f"sequences are nested more than {MAX_NESTING} deep")
        tag, inner, length = read_element(data, value, order=order, explicit=open_[-1])
        if tag in (ITEM_END, SEQUENCE_END):
            open_.pop()
            value = inner
        elif length != UNDEFINED:
            value = inner + length
        else:
            open_.append(open_[-1] and (tag == ITEM or data[value + 4 : value + 6] != b"UN"))
            value = inner
    return value
