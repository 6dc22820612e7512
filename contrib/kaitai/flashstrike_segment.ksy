meta:
  id: flashstrike_segment
  title: Segment of a Flashstrike log
  file-extension: wal
  license: MIT
  ks-version: "0.9"
  endian: le
doc: |
  A segment (`0000000042.wal`) of a write-ahead log of Flashstrike, format version 1, as
  docs/FORMAT.md tells. A compressed one (`.wal.lz4`) is an LZ4 frame: `lz4 -d` gives the segment.

  It shows what stands in a file and judges nothing: no checksum is compared, and where a log ends is
  not decided. The blocks are those from offset 4096 on, up to the first place without the magic of one.
  In a file that is used again, blocks of an earlier use may follow: their checksums do not match.
seq:
  - id: header
    type: segment_header
  - id: header_rest
    size: 3968
    doc: Zeros up to the end of the first page.
  - id: blocks
    type: block
    repeat: until
    repeat-until: _.is_last
    if: has_blocks
instances:
  first_magic:
    pos: 4096
    type: u2
    if: _io.size >= 4160
  has_blocks:
    value: '_io.size >= 4160 and first_magic == 0x4246'
types:
  segment_header:
    seq:
      - id: magic
        contents: FLASHWAL
      - id: version
        type: u2
      - id: header_bytes
        type: u2
      - id: block_alignment
        type: u2
      - id: checksum_kind
        type: u1
        enum: checksum_kind
      - id: spare0
        size: 1
      - id: incompatible_flags
        type: u4
        doc: Bit 0, blocks may be longer than 1 MiB.
      - id: compatible_flags
        type: u4
        doc: Bit 0, a recycled body.
      - id: segment_index
        type: u4
      - id: spare1
        size: 4
      - id: segment_bytes
        type: u8
      - id: first_event_id
        type: u8
      - id: log_id
        type: u8
      - id: salt
        type: u8
        doc: Seed of the checksums of all blocks in this file.
      - id: created_ts_ns
        type: u8
      - id: previous_last_event_id
        type: u8
      - id: previous_end_offset
        type: u8
      - id: previous_block_checksum
        type: u8
      - id: spare2
        size: 24
      - id: header_checksum
        type: u8
        doc: XXH64 of the preceding 120 bytes, seed 0.
  block:
    seq:
      - id: header
        type: block_header
      - id: payload
        size: header.payload_bytes
        type:
          switch-on: header.kind
          cases:
            'block_kind::events': frames
            'block_kind::seal': seal
    instances:
      next_magic:
        pos: _io.pos
        type: u2
        if: _io.size - _io.pos >= 64
      is_last:
        value: '_io.size - _io.pos < 64 or next_magic != 0x4246'
  block_header:
    seq:
      - id: magic
        contents: FB
      - id: kind
        type: u1
        enum: block_kind
      - id: flags
        type: u1
      - id: payload_bytes
        type: u4
      - id: first_event_id
        type: u8
      - id: event_count
        type: u4
      - id: block_index
        type: u4
      - id: durable_event_id
        type: u8
      - id: payload_checksum
        type: u8
        doc: XXH64 of the payload, the seed is the salt.
      - id: previous_block_checksum
        type: u8
      - id: written_ts_ns
        type: u8
      - id: header_checksum
        type: u8
        doc: XXH64 of the preceding 56 bytes, the seed is the salt XOR the offset of this header.
  frames:
    seq:
      - id: frames
        type: frame
        repeat: eos
  frame:
    seq:
      - id: frame_bytes
        type: u4
      - id: kind
        type: u2
        enum: frame_kind
      - id: type
        type: u2
      - id: event_id
        type: u8
      - id: timestamp_ns
        type: u8
      - id: payload
        size: frame_bytes - 24
      - id: spare
        size: (8 - frame_bytes % 8) % 8
  seal:
    seq:
      - id: totals
        type: seal_totals
      - id: entries
        type: seal_entry
        repeat: expr
        repeat-expr: totals.entry_count
  seal_totals:
    seq:
      - id: first_event_id
        type: u8
      - id: last_event_id
        type: u8
      - id: event_count
        type: u8
      - id: event_blocks
        type: u4
      - id: watermark_blocks
        type: u4
      - id: payload_bytes
        type: u8
      - id: first_timestamp_ns
        type: u8
      - id: highest_timestamp_ns
        type: u8
      - id: entry_count
        type: u4
      - id: spare
        size: 4
  seal_entry:
    seq:
      - id: event_id
        type: u8
      - id: highest_timestamp_ns
        type: u8
      - id: offset
        type: u4
      - id: block_index
        type: u4
enums:
  checksum_kind:
    1: xxh64
  block_kind:
    1: events
    2: watermark
    3: seal
  frame_kind:
    1: event
    2: event_of_batch_that_continues
    3: padding
