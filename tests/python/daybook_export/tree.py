"""Leaves, nodes and tiles of RFC 6962 and C2SP tlog-tiles: "Lines and leaves" and "Tiles" in docs/AUDIT.md."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .report import Malformed

TILE = 256


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


class Tree:
    """A Merkle tree that grows to the right; of its nodes only those of the right edge are kept."""

    def __init__(self) -> None:
        self.complete: list[tuple[int, bytes]] = []  # subtrees, leaves and root, from left to right

    def add(self, node: bytes, leaves: int = 1) -> None:
        """Add a complete subtree, which is not larger than those to the left of it."""
        while self.complete and self.complete[-1][0] == leaves:
            _, left = self.complete.pop()
            leaves, node = 2 * leaves, self.parent(left, node)
        self.complete.append((leaves, node))

    def root(self) -> bytes:
        if not self.complete:
            return hashlib.sha256(b"").digest()
        _, root = self.complete[-1]
        for _, left in reversed(self.complete[:-1]):
            root = self.parent(left, root)
        return root

    @staticmethod
    def parent(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()


def tile_path(folder: Path, level: int, number: int, width: int) -> Path:
    number, last = divmod(number, 1000)
    name = f"{last:03}"
    while number:
        number, part = divmod(number, 1000)
        name = f"x{part:03}/{name}"
    return folder / "tile" / str(level) / (name if width == TILE else f"{name}.p/{width}")


def read_tile(folder: Path, level: int, number: int, size: int) -> list[bytes]:
    """The hashes of one tile of a tree of `size` leaves."""
    width = min(TILE, (size >> (8 * level)) - TILE * number)
    path = tile_path(folder, level, number, width)
    try:
        with path.open("rb") as file:
            hashes = file.read(32 * width + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise Malformed(f"{path.relative_to(folder)} is missing") from None
    if len(hashes) != 32 * width:
        raise Malformed(f"{path.relative_to(folder)} has not {width} hashes")
    return [hashes[at : at + 32] for at in range(0, len(hashes), 32)]


def check_tiles(folder: Path, size: int, root: bytes) -> None:
    """Every tile is made of those below, and level 0 makes the root."""
    unfinished: list[list[bytes]] = []  # by level, what the tile that is not full yet has to be

    def finish(level: int) -> None:
        number = ((size >> (8 * level)) - 1) // TILE if len(unfinished[level]) < TILE else done[level]
        if level > 0 and read_tile(folder, level, number, size) != unfinished[level]:
            raise Malformed(f"tile {number} of level {level} is not made of those below")

    done: list[int] = []  # by level, how many full tiles there were

    def add(level: int, node: bytes) -> None:
        if level == len(unfinished):
            unfinished.append([])
            done.append(0)
        unfinished[level].append(node)
        if len(unfinished[level]) == TILE:
            finish(level)
            tile = Tree()
            for below in unfinished[level]:
                tile.add(below)
            unfinished[level], done[level] = [], done[level] + 1
            add(level + 1, tile.root())

    for number in range(-(-size // TILE)):
        for node in read_tile(folder, 0, number, size):
            add(0, node)
    tree = Tree()
    for level in reversed(range(len(unfinished))):
        if unfinished[level]:
            finish(level)
        for node in unfinished[level]:
            tree.add(node, TILE**level)
    if tree.root() != root:
        raise Malformed("the tiles have another root than the checkpoint")
