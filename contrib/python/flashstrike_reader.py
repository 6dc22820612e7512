#!/usr/bin/env python3
"""Reads a Flashstrike log. Written from docs/FORMAT.md alone, with Python's standard library alone.

    python3 flashstrike_reader.py DIR             events as text
    python3 flashstrike_reader.py DIR --json      events as lines of JSON, payloads in base64

Events go to standard output. The verdict goes to standard error as one line of JSON. Exit code: 0 for
`clean` and `torn-tail`, 1 for a log that is refused (`corrupt`, `undecidable`, `unsupported`, `no-log`),
3 where the system does not let it be read. In a program:

    log = Log('./orders')
    for event in log.events():      # raises Refusal where the log is refused; events before are good
        print(event.event_id, event.type, event.timestamp_ns, event.payload)
    print(log.verdict, log.last_event_id, log.durable_event_id)

It needs no lock, and the log may be open. Compressed segments are read (LZ4 is decoded here). The
package `xxhash` is used where it is installed; without it some 6 MB are checked in a second.
Needs Python 3.8 or later. Events that a process left in shared memory are not part of the format.
"""

import argparse
import base64
import errno
import json
import os
import re
import stat
import struct
import sys
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

PAGE = 4096
GIB = 1 << 30
BLOCK_LIMIT = 1 << 20
LARGE_BLOCK_LIMIT = (1 << 26) + PAGE
LARGE_BLOCKS = 1
NEXT_ID_LIMIT = (1 << 53) - 1

# --- checksums: XXH64 and XXH32, as in doc/xxhash_spec.md of github.com/Cyan4973/xxHash ------------

_M64 = (1 << 64) - 1
_M32 = (1 << 32) - 1
_P64 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
_P32 = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1)


def _rotated(value: int, bits: int, width: int) -> int:
    return ((value << bits) | (value >> (width - bits))) & ((1 << width) - 1)


def _round64(lane: int, word: int) -> int:
    lane = (lane + word * _P64[1]) & _M64
    return (_rotated(lane, 31, 64) * _P64[0]) & _M64


def _python_xxh64(data: bytes, seed: int) -> int:
    size = len(data)
    whole = size - size % 32
    if whole:
        lanes = [
            (seed + _P64[0] + _P64[1]) & _M64,
            (seed + _P64[1]) & _M64,
            seed,
            (seed - _P64[0]) & _M64,
        ]
        for words in struct.iter_unpack("<4Q", data[:whole]):
            lanes = [_round64(lane, word) for lane, word in zip(lanes, words)]
        state = sum(_rotated(lane, bits, 64) for lane, bits in zip(lanes, (1, 7, 12, 18))) & _M64
        for lane in lanes:
            state = ((state ^ _round64(0, lane)) * _P64[0] + _P64[3]) & _M64
    else:
        state = (seed + _P64[4]) & _M64
    state = (state + size) & _M64
    at = whole
    for at in range(whole, size - 7, 8):
        (word,) = struct.unpack_from("<Q", data, at)
        state = (_rotated(state ^ _round64(0, word), 27, 64) * _P64[0] + _P64[3]) & _M64
    at = size - size % 8
    if at + 4 <= size:
        (word,) = struct.unpack_from("<I", data, at)
        state = state ^ (word * _P64[0]) & _M64
        state = (_rotated(state, 23, 64) * _P64[1] + _P64[2]) & _M64
        at += 4
    for byte in data[at:]:
        state = (_rotated(state ^ (byte * _P64[4]) & _M64, 11, 64) * _P64[0]) & _M64
    state = ((state ^ (state >> 33)) * _P64[1]) & _M64
    state = ((state ^ (state >> 29)) * _P64[2]) & _M64
    return state ^ (state >> 32)


def _round32(lane: int, word: int) -> int:
    lane = (lane + word * _P32[1]) & _M32
    return (_rotated(lane, 13, 32) * _P32[0]) & _M32


def _python_xxh32(data: bytes, seed: int) -> int:
    size = len(data)
    whole = size - size % 16
    if whole:
        lanes = [
            (seed + _P32[0] + _P32[1]) & _M32,
            (seed + _P32[1]) & _M32,
            seed,
            (seed - _P32[0]) & _M32,
        ]
        for words in struct.iter_unpack("<4I", data[:whole]):
            lanes = [_round32(lane, word) for lane, word in zip(lanes, words)]
        state = sum(_rotated(lane, bits, 32) for lane, bits in zip(lanes, (1, 7, 12, 18))) & _M32
    else:
        state = (seed + _P32[4]) & _M32
    state = (state + size) & _M32
    for at in range(whole, size - 3, 4):
        (word,) = struct.unpack_from("<I", data, at)
        state = (_rotated((state + word * _P32[2]) & _M32, 17, 32) * _P32[3]) & _M32
    for byte in data[size - size % 4 :]:
        state = (_rotated((state + byte * _P32[4]) & _M32, 11, 32) * _P32[0]) & _M32
    state = ((state ^ (state >> 15)) * _P32[1]) & _M32
    state = ((state ^ (state >> 13)) * _P32[2]) & _M32
    return state ^ (state >> 16)


try:
    import xxhash

    def xxh64(data: bytes, seed: int) -> int:
        return xxhash.xxh64_intdigest(data, seed)

    def xxh32(data: bytes, seed: int) -> int:
        return xxhash.xxh32_intdigest(data, seed)

except ImportError:
    xxh64 = _python_xxh64
    xxh32 = _python_xxh32

# --- what is read -----------------------------------------------------------------------------------


class Refusal(Exception):
    """Why a log is not given any further; `word` is its verdict."""

    def __init__(self, word: str, why: str) -> None:
        super().__init__(f"{word}: {why}")
        self.word = word
        self.why = why


class Event(NamedTuple):
    event_id: int
    type: int
    timestamp_ns: int
    payload: bytes


class Meta(NamedTuple):
    segment_index: int
    log_id: int
    durable_event_id: int
    first_kept_event_id: int


class Header(NamedTuple):
    """Of a segment, and its pin: where the segment before it ends."""

    recycled_body: bool
    large_blocks: bool
    index: int
    segment_bytes: int
    first_event_id: int
    log_id: int
    salt: int
    pin_offset: int
    pin_checksum: int
    checksum: int


class BlockHeader(NamedTuple):
    kind: int
    flags: int
    payload_bytes: int
    first_event_id: int
    event_count: int
    index: int
    durable_event_id: int
    payload_checksum: int
    previous_checksum: int
    checksum: int


class Claim(NamedTuple):
    """What a block header behind the end of the walk says."""

    durable_event_id: int
    is_seal: bool
    sealed_before: int  # the next id, where the seal is whole; else 0


def is_zero(data: bytes) -> bool:
    return data.count(0) == len(data)


def need(holds: bool, what: str) -> None:
    if not holds:
        raise Refusal("corrupt", what)


def need_known(holds: bool, what: str) -> None:
    if not holds:
        raise Refusal("unsupported", what)


def regular_file(directory: str, name: str) -> Optional[int]:
    """A descriptor of the regular file `name`, or None where there is no such name."""
    path = os.path.join(directory, name)
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    need(stat.S_ISREG(status.st_mode), f"{name} is not a regular file")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise Refusal("corrupt", f"{name} is not a regular file") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refusal("corrupt", f"{name} is not a regular file")
    return descriptor


# --- the bytes of a segment: a plain file, or an LZ4 frame ----------------------------------------


class PlainBytes:
    """The bytes of a file as it is; it may grow while it is read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    is_whole = True

    @property
    def size(self) -> int:
        return min(os.fstat(self._descriptor).st_size, GIB)

    def read(self, offset: int, length: int) -> bytes:
        """What is there of these bytes."""
        length = min(length, GIB - offset)
        parts = []
        while length > 0:
            part = os.pread(self._descriptor, length, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        os.close(self._descriptor)


FRAME_HEADER = 15
FRAME_BLOCK = 1 << 18


def lz4_block(block: bytes, room: int) -> Optional[bytes]:
    """The content of an LZ4 block; None where it is not valid, or longer than `room`."""
    out = bytearray()
    at, end = 0, len(block)

    def more(count: int, at: int) -> Tuple[int, int]:
        byte = 255 if count == 15 else 0
        while byte == 255:
            if at >= end:
                return -1, at
            byte = block[at]
            at += 1
            count += byte
        return count, at

    while at < end:
        token = block[at]
        literals, at = more(token >> 4, at + 1)
        if literals < 0 or at + literals > end or len(out) + literals > room:
            return None
        out += block[at : at + literals]
        at += literals
        if at == end:
            return bytes(out)
        if at + 2 > end:
            return None
        distance = block[at] | block[at + 1] << 8
        matched, at = more(token & 15, at + 2)
        if matched < 0 or distance == 0 or distance > len(out):
            return None
        matched += 4
        if len(out) + matched > room:
            return None
        while matched > 0:
            # A match may run into what it makes: at most `distance` bytes are there at a time.
            part = out[len(out) - distance :][:matched]
            out += part
            matched -= len(part)
    return None


class FrameBytes:
    """The content of a compressed segment. Blocks are unpacked when they are asked for."""

    def __init__(self, file: PlainBytes, name: str) -> None:
        self._file = file
        head = file.read(0, FRAME_HEADER + 4)
        need(len(head) >= FRAME_HEADER and head[:4] == b"\x04\x22\x4d\x18", f"{name}: no LZ4 frame")
        flags = head[4]
        checksum_at = 6 + (8 if flags & 8 else 0) + (4 if flags & 1 else 0)
        need(checksum_at < len(head), f"{name}: the frame's header is cut")
        checksum = xxh32(head[4:checksum_at], 0) >> 8 & 0xFF
        need(checksum == head[checksum_at], f"{name}: the checksum of the frame's header")
        need_known(flags == 0x7C and head[5] == 0x50, f"{name}: another kind of LZ4 frame")
        (self.size,) = struct.unpack_from("<Q", head, 6)
        need(PAGE <= self.size <= GIB, f"{name}: the content size")
        self._index()
        self._cached: Tuple[int, Optional[bytes]] = (-1, None)
        need(self._block(0) is not None, f"{name}: the first block is damaged")

    def _content_of(self, number: int) -> Tuple[int, int]:
        """Where the content of a block begins, and its length."""
        begin = 0 if number == 0 else PAGE + (number - 1) * FRAME_BLOCK
        end = PAGE if number == 0 else min(begin + FRAME_BLOCK, self.size)
        return begin, end - begin

    def _index(self) -> None:
        """Finds the blocks, up to the first without a possible size, and whether that was all."""
        self._places: List[Tuple[int, int, bool]] = []
        self.is_whole = False
        place, number = FRAME_HEADER, 0
        while self._content_of(number)[0] < self.size:
            word = self._file.read(place, 4)
            if len(word) < 4:
                return
            (size,) = struct.unpack("<I", word)
            is_stored, size = size >= 1 << 31, size & 0x7FFFFFFF
            length = self._content_of(number)[1]
            if not (size == length if is_stored else 0 < size < length):
                return
            self._places.append((place + 4, size, is_stored))
            place += 4 + size + 4
            number += 1
        end = self._file.read(place, 8)
        self.is_whole = self._file.size == place + 8 and end[:4] == b"\0\0\0\0"

    def _block(self, number: int) -> Optional[bytes]:
        """The content of a block, or None where it is damaged."""
        if self._cached[0] != number:
            self._cached = (number, self._unpacked(number))
        return self._cached[1]

    def _unpacked(self, number: int) -> Optional[bytes]:
        if number >= len(self._places):
            return None
        place, size, is_stored = self._places[number]
        length = self._content_of(number)[1]
        bytes_there = self._file.read(place, size + 4)
        if len(bytes_there) < size + 4:
            return None
        block = bytes_there[:size]
        if xxh32(block, 0) != struct.unpack_from("<I", bytes_there, size)[0]:
            return None
        content = block if is_stored else lz4_block(block, length)
        return content if content is not None and len(content) == length else None

    def read(self, offset: int, length: int) -> bytes:
        """Damaged blocks are bytes that are neither zero nor a block header."""
        length = max(0, min(length, self.size - offset))
        parts = []
        while length > 0:
            number = 0 if offset < PAGE else 1 + (offset - PAGE) // FRAME_BLOCK
            begin, size = self._content_of(number)
            content = self._block(number)
            at = offset - begin
            count = min(length, size - at)
            parts.append(b"\xee" * count if content is None else content[at : at + count])
            offset += count
            length -= count
        return b"".join(parts)

    def close(self) -> None:
        self._file.close()


SegmentBytes = Union[PlainBytes, FrameBytes]

# --- headers ----------------------------------------------------------------------------------------


def parse_header(page: bytes) -> Header:
    """All of step 3, but which index it is to have, and whose log it is to be of."""
    need(len(page) == PAGE, "the header page is cut")
    need(page[:8] == b"FLASHWAL", "the header's magic")
    version, header_bytes, alignment, checksum_kind = struct.unpack_from("<HHHB", page, 8)
    need(20 <= header_bytes <= PAGE, "headerBytes")
    (checksum,) = struct.unpack_from("<Q", page, header_bytes - 8)
    need(xxh64(page[: header_bytes - 8], 0) == checksum, "the header's checksum")
    need_known(version == 1, f"version {version}")
    need(header_bytes == 128, "headerBytes")
    incompatible, compatible, index = struct.unpack_from("<III", page, 16)
    need_known(incompatible & ~LARGE_BLOCKS == 0, f"incompatibleFlags {incompatible:#x}")
    need_known(checksum_kind == 1, f"checksumKind {checksum_kind}")
    need_known(alignment == 8, f"blockAlignment {alignment}")
    spare = page[15:16] + page[28:32] + page[96:120] + page[128:]
    need(is_zero(spare), "spare bytes of the header page")
    segment_bytes, first_event_id, log_id, salt = struct.unpack_from("<4Q", page, 32)
    last, pin_offset, pin_checksum = struct.unpack_from("<3Q", page, 72)
    need(1 <= index <= (1 << 32) - 2, "segmentIndex")
    need(segment_bytes % PAGE == 0 and 1 << 16 <= segment_bytes <= GIB, "segmentBytes")
    need(1 <= first_event_id <= NEXT_ID_LIMIT, "firstEventId")
    need(last == first_event_id - 1, "previousLastEventId")
    if index == 1:
        need(first_event_id == 1 and pin_offset == 0 and pin_checksum == 0, "the pin of segment 1")
    else:
        need(PAGE <= pin_offset <= GIB and pin_offset % 8 == 0, "previousEndOffset")
    return Header(
        bool(compatible & 1),
        bool(incompatible & LARGE_BLOCKS),
        index,
        segment_bytes,
        first_event_id,
        log_id,
        salt,
        pin_offset,
        pin_checksum,
        checksum,
    )


def parse_meta(data: bytes) -> Union[Meta, Refusal]:
    damaged = Refusal("undecidable", "wal.meta is damaged")
    if len(data) < 64 or data[:8] != b"FLASHMTA":
        return damaged
    if xxh64(data[:56], 0) != struct.unpack_from("<Q", data, 56)[0]:
        return damaged
    version, flags, spare, index, offset = struct.unpack_from("<HHIII", data, 8)
    if version not in (1, 2):
        return Refusal("unsupported", f"version {version} of wal.meta")
    last, log_id, durable, first_kept = struct.unpack_from("<4Q", data, 24)
    is_place = PAGE <= offset <= GIB and offset % 8 == 0
    is_nowhere = offset == 0 and durable == 0
    rules = (
        len(data) == 64,
        flags <= 1 and spare == 0,
        (first_kept == 0) == (version == 1),
        is_nowhere if index == 0 else is_place,
        last <= durable <= NEXT_ID_LIMIT - 1,
        first_kept <= durable + 1,
    )
    return Meta(index, log_id, durable, first_kept) if all(rules) else damaged


def is_seal(seal: bytes, next_event_id: int) -> bool:
    """Whether a seal is whole: agrees with its block and with itself."""
    if len(seal) < 64:
        return False
    first, last, count, blocks, _watermarks, payload, first_ns, highest_ns, entries, spare = (
        struct.unpack_from("<QQQIIQQQII", seal)
    )
    is_empty = count == 0
    rules = (
        len(seal) == 64 + 24 * entries and spare == 0,
        first >= 1 and last == next_event_id - 1,
        last == first + count - 1,
        blocks <= count and (blocks == 0) == is_empty,
        payload < 1 << 53 and (payload == 0) == is_empty,
        first_ns <= highest_ns and (highest_ns == 0 or not is_empty),
        entries <= blocks,
    )
    if not all(rules):
        return False
    before = (0, 0, 0, -1)
    for entry in struct.iter_unpack("<QQII", seal[64:]):
        event_id, entry_ns, offset, index = entry
        if not (first <= event_id <= last and offset % 8 == 0 and entry_ns <= highest_ns):
            return False
        is_first = before[3] == -1
        if not is_first and not (
            event_id > before[0]
            and entry_ns >= before[1]
            and offset > before[2]
            and index > before[3]
        ):
            return False
        before = entry
    return True


def parse_frames(payload: bytes, header: BlockHeader) -> Optional[List[Event]]:
    events: List[Event] = []
    at, kind = 0, 0
    while at < len(payload):
        if at + 24 > len(payload):
            return None
        frame_bytes, kind, event_type, event_id, ns = struct.unpack_from("<IHHQQ", payload, at)
        end = at + frame_bytes
        following = end + -end % 8
        if frame_bytes < 24 or following > len(payload) or not is_zero(payload[end:following]):
            return None
        if kind not in (1, 2) or event_id != header.first_event_id + len(events):
            return None
        events.append(Event(event_id, event_type, ns, payload[at + 24 : end]))
        at = following
    return events if kind == 1 and len(events) == header.event_count else None


class Segment:
    """A segment whose header is sound, and where the walk over its blocks stands."""

    def __init__(self, data: SegmentBytes, header: Header) -> None:
        self.data = data
        self.header = header
        self.offset = PAGE
        self.event_id = header.first_event_id
        self.block_index = 0
        self.checksum = header.checksum
        self.is_sealed = False
        self.durable_event_id = header.first_event_id - 1
        # What a seal has to say: of each events block id, highest time, offset, index.
        self._blocks: List[Tuple[int, int, int, int]] = []
        self._watermarks = 0
        self._payload_bytes = 0
        self._first_ns = 0
        self._highest_ns = 0

    def header_at(self, offset: int) -> Optional[BlockHeader]:
        data = self.data.read(offset, 64)
        return None if len(data) < 64 else self._block_header(data, offset)

    def _block_header(self, data: bytes, offset: int) -> Optional[BlockHeader]:
        """Of the 64 bytes that stand at `offset`."""
        if data[:2] != b"FB":
            return None
        _, kind, flags, size, first, count, index, durable, payload, previous, _ns, own = (
            struct.unpack("<HBBIQIIQQQQQ", data)
        )
        if xxh64(data[:56], self.header.salt ^ offset) != own:
            return None
        return BlockHeader(kind, flags, size, first, count, index, durable, payload, previous, own)

    def is_possible(self, block: BlockHeader) -> bool:
        limit = LARGE_BLOCK_LIMIT if self.header.large_blocks else BLOCK_LIMIT
        kind, size, count = block.kind, block.payload_bytes, block.event_count
        return (
            block.flags == 0
            and block.first_event_id >= 1
            and block.first_event_id > block.durable_event_id
            and block.first_event_id + count <= NEXT_ID_LIMIT
            and size % 8 == 0
            and size <= limit - 64
            and (
                (kind == 1 and count >= 1 and size >= 24 * count)
                or (kind == 2 and count == 0 and size == 0)
                or (kind == 3 and count == 0 and size <= 32768 - 64)
            )
        )

    def whole_payload(self, block: BlockHeader, offset: int) -> Optional[Tuple[bytes, List[Event]]]:
        """The payload of a possible block and its events, or None where it is not whole."""
        payload = self.data.read(offset + 64, block.payload_bytes)
        if len(payload) < block.payload_bytes:
            return None
        if xxh64(payload, self.header.salt) != block.payload_checksum:
            return None
        if block.kind == 1:
            events = parse_frames(payload, block)
            return None if events is None else (payload, events)
        if block.kind == 3 and not is_seal(payload, block.first_event_id):
            return None
        return payload, []

    def next_block(self, limit: int = GIB) -> Optional[List[Event]]:
        """The events of the valid block where the walk stands; None: there is none."""
        block = None if self.is_sealed else self.header_at(self.offset)
        if block is None or not self.is_possible(block):
            return None
        end = self.offset + 64 + block.payload_bytes
        if end > min(limit, self.header.segment_bytes):
            return None
        expected = (self.event_id, self.block_index, self.checksum)
        if (block.first_event_id, block.index, block.previous_checksum) != expected:
            return None
        found = self.whole_payload(block, self.offset)
        if found is None:
            return None
        payload, events = found
        if block.kind == 3 and not self._is_true(payload):
            return None
        self._count(block, events)
        self.offset = end
        self.event_id += len(events)
        self.block_index += 1
        self.checksum = block.checksum
        self.is_sealed = block.kind == 3
        self.durable_event_id = max(self.durable_event_id, block.durable_event_id)
        return events

    def _count(self, block: BlockHeader, events: List[Event]) -> None:
        if block.kind == 2:
            self._watermarks += 1
        if block.kind != 1:
            return
        if not self._blocks:
            self._first_ns = events[0].timestamp_ns
        self._highest_ns = max(self._highest_ns, *(event.timestamp_ns for event in events))
        self._payload_bytes += block.payload_bytes
        self._blocks.append(
            (block.first_event_id, self._highest_ns, self.offset, block.index)
        )

    def _is_true(self, seal: bytes) -> bool:
        first = self.header.first_event_id
        expected = (
            first,
            self.event_id - 1,
            self.event_id - first,
            len(self._blocks),
            self._watermarks,
            self._payload_bytes,
            self._first_ns,
            self._highest_ns,
        )
        entries = struct.iter_unpack("<QQII", seal[64:])
        known = set(self._blocks)
        return struct.unpack_from("<QQQIIQQQ", seal) == expected and all(
            entry in known for entry in entries
        )

    def claims(self) -> List[Claim]:
        """The block headers from the end of the walk on, those inside of whole payloads left out."""
        claims: List[Claim] = []
        size = self.data.size
        budget = 8 * size
        at = self.offset
        while at + 64 <= size:
            window = self.data.read(at, FRAME_BLOCK)
            step = self._claim_in(window, at)
            if step is None:
                # The last 56 bytes may begin a header that goes on behind them.
                at += max(8, (len(window) - 56) // 8 * 8)
                continue
            at, block = step
            found = None
            if self.is_possible(block) and budget >= 0:
                found = self.whole_payload(block, at)
                if found is None:
                    budget -= block.payload_bytes
            sealed = block.first_event_id if found is not None and block.kind == 3 else 0
            claims.append(Claim(block.durable_event_id, block.kind == 3, sealed))
            at += 8 if found is None else 64 + block.payload_bytes
        return claims

    def _claim_in(self, window: bytes, begin: int) -> Optional[Tuple[int, BlockHeader]]:
        at = window.find(b"FB")
        while 0 <= at <= len(window) - 64:
            if at % 8 == 0:
                block = self._block_header(window[at : at + 64], begin + at)
                if block is not None:
                    return begin + at, block
            at = window.find(b"FB", at + 1)
        return None

    def is_zero_behind(self) -> bool:
        at = self.offset
        while True:
            window = self.data.read(at, FRAME_BLOCK)
            if not window:
                return True
            if not is_zero(window):
                return False
            at += len(window)


# --- a log ------------------------------------------------------------------------------------------

SEGMENT_NAME = re.compile(r"([0-9]{10})\.wal(\.lz4)?\Z")
PREPARED_NAME = re.compile(r"prepared-(0|[1-9][0-9]{0,9})\.tmp\Z")
WHITE = bytes((9, 10, 11, 12, 13, 32))


class Log:
    """One reading of a log. After `events` has ended, `verdict` and the ids are what it found."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.verdict: Optional[str] = None
        self.durable_event_id: Optional[int] = None
        self._segment: Optional[Segment] = None

    @property
    def last_event_id(self) -> int:
        return 0 if self._segment is None else self._segment.event_id - 1

    def events(self) -> Iterator[Event]:
        """All events in the order of their ids. Raises Refusal, OSError."""
        try:
            yield from self._read()
        except Refusal as refusal:
            self.verdict = refusal.word
            raise

    def _names(self) -> Dict[int, str]:
        """The file of each segment by its index; a plain one goes before a compressed one."""
        names: Dict[int, str] = {}
        for name in sorted(os.listdir(self.directory)):
            match = SEGMENT_NAME.match(name)
            if match and 1 <= int(match.group(1)) < 1 << 32:
                names.setdefault(int(match.group(1)), name)
        return names

    def _meta(self) -> Union[Meta, Refusal, None]:
        try:
            descriptor = regular_file(self.directory, "wal.meta")
        except Refusal as refusal:
            return refusal
        if descriptor is None:
            return None
        try:
            return parse_meta(os.read(descriptor, 65))
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> Union[Segment, Refusal]:
        """Step 3, but its last item."""
        data: Optional[SegmentBytes] = None
        try:
            descriptor = regular_file(self.directory, name)
            if descriptor is None:
                return Refusal("corrupt", f"{name} is gone")
            data = PlainBytes(descriptor)
            if name.endswith(".lz4"):
                data = FrameBytes(data, name)
            header = parse_header(data.read(0, PAGE))
            if name.endswith(".lz4"):
                need(data.size <= header.segment_bytes, "longer than its segment")
            return Segment(data, header)
        except Refusal as refusal:
            if data is not None:
                data.close()
            return Refusal(refusal.word, f"{name}: {refusal.why}")

    def _elected(self, names: Dict[int, str], meta: Union[Meta, Refusal, None]) -> int:
        """Step 2: whose log it is."""
        votes: Dict[int, int] = {}
        for index in sorted(names):
            segment = self._open(names[index])
            if isinstance(segment, Segment):
                votes[segment.header.log_id] = votes.get(segment.header.log_id, 0) + 1
                segment.data.close()
        segments = dict(votes)
        if isinstance(meta, Meta):
            votes[meta.log_id] = votes.get(meta.log_id, 0) + 1
        # Of what is equal in both, the first counts: dictionaries keep their order.
        return max(votes, key=lambda each: (votes[each], segments.get(each, 0)), default=0)

    def _sound(self, index: int, names: Dict[int, str], log_id: int) -> Segment:
        segment = self._open(names[index])
        if isinstance(segment, Refusal):
            raise segment
        try:
            need(segment.header.index == index, f"{names[index]} has another index inside")
            need(segment.header.log_id == log_id, f"{names[index]} is of another log")
        except Refusal:
            segment.data.close()
            raise
        return segment

    def _read(self) -> Iterator[Event]:
        try:
            names = self._names()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Refusal("no-log", f"{self.directory} is no folder") from error
        meta = self._meta()
        if not names:
            self.durable_event_id = self._without_segments(meta)
            self.verdict = "clean"
            return
        log_id = self._elected(names, meta)
        index = min(names)
        segment = self._sound(index, names, log_id)
        self._segment = segment
        # Of a log that is being written: what was removed since is told by a newer one.
        self._check_beginning(segment, self._meta(), log_id)
        try:
            while True:
                later = [each for each in names if each > index]
                if not later:
                    yield from self._walk(segment)
                    verdict = self._judge(segment, log_id)
                    if verdict is not None:
                        self.verdict = verdict
                        return
                    names = self._names()
                    continue
                try:
                    need(min(later) == index + 1, f"no segment follows {index}")
                    successor = self._sound(min(later), names, log_id)
                except Refusal as refusal:
                    yield from self._unpinned(segment)
                    raise refusal
                try:
                    yield from self._pinned(segment, successor, names[index])
                except BaseException:
                    successor.data.close()
                    raise
                segment.data.close()
                segment, index = successor, min(later)
                self._segment = segment
        finally:
            segment.data.close()

    @staticmethod
    def _check_beginning(
        first: Segment, meta: Union[Meta, Refusal, None], log_id: int
    ) -> None:
        if not isinstance(meta, Meta) or meta.log_id != log_id:
            return
        kept = meta.first_kept_event_id
        need(kept == 0 or kept >= first.header.first_event_id, f"event {kept} is missing")

    @staticmethod
    def _walk(segment: Segment, limit: int = GIB) -> Iterator[Event]:
        events = segment.next_block(limit)
        while events is not None:
            yield from events
            events = segment.next_block(limit)

    def _pinned(self, segment: Segment, successor: Segment, name: str) -> Iterator[Event]:
        pin = successor.header
        yield from self._walk(segment, pin.pin_offset)
        found = (segment.offset, segment.event_id, segment.checksum, segment.is_sealed)
        expected = (pin.pin_offset, pin.first_event_id, pin.pin_checksum, False)
        need(found == expected, f"{name} does not end as its successor says")
        need(segment.data.is_whole, f"{name} is not one whole frame")

    def _unpinned(self, segment: Segment) -> Iterator[Event]:
        yield from self._walk(segment)
        if segment.is_sealed:
            return
        for claim in segment.claims():
            is_lost = claim.durable_event_id >= segment.event_id
            need(
                not is_lost and claim.sealed_before <= segment.event_id,
                f"segment {segment.header.index}, offset {segment.offset}",
            )

    def _judge(self, segment: Segment, log_id: int) -> Optional[str]:
        """The verdict at the end of the last segment; None: the log has gone on meanwhile."""
        lock = regular_file(self.directory, "LOCK")
        if lock is not None:
            os.close(lock)
        found = self._meta()
        claims = segment.claims()
        has_gone_on = segment.header.index + 1 in self._names()
        if has_gone_on or (claims and segment.header_at(segment.offset) and self._goes_on(segment)):
            return None
        is_damaged = isinstance(found, Refusal) and found.word == "undecidable"
        if isinstance(found, Refusal) and not is_damaged:
            raise found
        meta = found if isinstance(found, Meta) else None
        durable = max(
            segment.durable_event_id, *(claim.durable_event_id for claim in claims), 0
        )
        if meta is not None:
            need(meta.log_id == log_id, "wal.meta is of another log")
            need(meta.segment_index <= segment.header.index, "the last segments are missing")
            durable = max(durable, meta.durable_event_id)
        need(durable < segment.event_id, f"event {segment.event_id} was durable, and is missing")
        if meta is None:
            is_finished = segment.is_sealed or any(claim.is_seal for claim in claims)
            if is_finished or (segment.block_index == 0 and not claims):
                raise Refusal("undecidable", "nothing records what was durable")
        self.durable_event_id = durable
        is_end = segment.header.recycled_body or segment.is_zero_behind()
        return "clean" if not claims and is_end else "torn-tail"

    @staticmethod
    def _goes_on(segment: Segment) -> bool:
        """Whether a valid block stands at the end by now; the walk is not moved."""
        before = dict(vars(segment))
        before["_blocks"] = list(segment._blocks)
        is_there = segment.next_block() is not None
        vars(segment).update(before)
        return is_there

    def _without_segments(self, meta: Union[Meta, Refusal, None]) -> int:
        lock = regular_file(self.directory, "LOCK")
        text = None
        if lock is not None:
            try:
                text = os.read(lock, 4096)
            finally:
                os.close(lock)
        if isinstance(meta, Refusal):
            raise meta
        if meta is not None:
            is_new = meta.segment_index == 0 and meta.durable_event_id == 0
            need(is_new, "all segments are missing")
            return 0
        if text is not None:
            if text.strip(WHITE):
                raise Refusal("undecidable", "a log was opened here")
            return 0
        for name in os.listdir(self.directory):
            match = PREPARED_NAME.match(name)
            if name == "wal.meta.tmp" or (match and int(match.group(1)) < 1 << 32):
                return 0
        raise Refusal("no-log", f"{self.directory} holds nothing of a log")


# --- the command --------------------------------------------------------------------------------------


def _line(event: Event, as_json: bool) -> str:
    if as_json:
        return json.dumps(
            {
                "eventId": event.event_id,
                "type": event.type,
                "timestampNs": str(event.timestamp_ns),
                "payload": base64.b64encode(event.payload).decode("ascii"),
            }
        )
    # Whatever it holds: a payload steers no terminal.
    text = event.payload.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")
    return f"{event.event_id} type {event.type} at {event.timestamp_ns}: {text}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Prints the events of a Flashstrike log.")
    parser.add_argument("directory", help="folder of the log")
    parser.add_argument("--json", action="store_true", help="lines of JSON, payloads in base64")
    arguments = parser.parse_args()
    log = Log(arguments.directory)
    code, why = 0, None
    try:
        for event in log.events():
            print(_line(event, arguments.json))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough; nothing more is to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Refusal as refusal:
        code, why = 1, refusal.why
    except OSError as error:
        code, why = 3, str(error)
    end = {
        "verdict": log.verdict,
        "lastEventId": log.last_event_id,
        "durableEventId": log.durable_event_id,
        "why": why,
    }
    sys.stdout.flush()
    print(json.dumps(end), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
