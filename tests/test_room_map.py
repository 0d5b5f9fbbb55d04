"""docs/images/rooms.svg shows the rooms and imports that there are."""

from __future__ import annotations

import re

import pytest
import room_map

AGAIN = (
    "the drawing is out of date: run `.venv/bin/python tests/support/room_map.py`, and look at docs/images/rooms.svg"
)


def drawn_rooms(svg: str) -> dict[str, tuple[int, set[str]]]:
    """Lines and folders by the name of the room."""
    found = {}
    for line in svg.splitlines():
        if room := re.match(r'<g data-room="(\w+)" data-lines="(\d+)">', line):
            found[room[1]] = int(room[2]), set(re.findall(r'data-folder="(\w+)"', line))
    return found


def drawn_edges(svg: str) -> dict[tuple[str, str], int]:
    pattern = r'<g data-from="(\w+)" data-to="(\w+)" data-count="(\d+)">'
    return {(source, target): int(count) for source, target, count in re.findall(pattern, svg)}


def test_the_drawing_has_the_rooms_with_their_folders() -> None:
    drawn = {name: folders for name, (_, folders) in drawn_rooms(room_map.FILE.read_text()).items()}
    assert drawn == {room.name: set(room.folders) - {""} for room in room_map.rooms()}, AGAIN


def test_the_drawing_has_the_imports_between_rooms() -> None:
    assert drawn_edges(room_map.FILE.read_text()).keys() == room_map.edges().keys(), AGAIN


def test_the_sizes_are_near_what_they_are_now() -> None:
    """Lines and imports come and go with every change; a third more or less is seen."""
    svg = room_map.FILE.read_text()
    for room in room_map.rooms():
        assert drawn_rooms(svg)[room.name][0] == pytest.approx(room.lines, rel=0.33, abs=150), AGAIN
    for pair, count in room_map.edges().items():
        assert drawn_edges(svg)[pair] == pytest.approx(count, rel=0.33, abs=6), AGAIN


def test_what_is_drawn_is_what_the_file_is_read_for() -> None:
    svg = room_map.draw()
    assert drawn_edges(svg) == room_map.edges()
    assert {name: lines for name, (lines, _) in drawn_rooms(svg).items()} == {r.name: r.lines for r in room_map.rooms()}


def test_all_arrows_go_down() -> None:
    order = room_map.room_names()
    assert all(order.index(source) > order.index(target) for source, target in room_map.edges())
    assert len(room_map.edges()) > 20


def test_every_room_has_its_question_and_a_colour_of_its_own() -> None:
    svg = room_map.draw()
    assert all(room.question for room in room_map.rooms())
    assert len(set(re.findall(r'rx="2.5" fill="(#\w+)"', svg))) == len(room_map.room_names())
