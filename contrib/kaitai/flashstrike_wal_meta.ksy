meta:
  id: flashstrike_wal_meta
  title: File wal.meta of a Flashstrike log
  license: MIT
  ks-version: "0.9"
  endian: le
doc: |
  One durable point of a log, as docs/FORMAT.md tells (WalMeta). No checksum is compared.
seq:
  - id: wal_meta
    type: wal_meta
types:
  wal_meta:
    seq:
      - id: magic
        contents: FLASHMTA
      - id: version
        type: u2
      - id: flags
        type: u2
        doc: Bit 0, closed cleanly.
      - id: spare0
        size: 4
      - id: segment_index
        type: u4
      - id: offset
        type: u4
      - id: last_event_id
        type: u8
      - id: log_id
        type: u8
      - id: durable_event_id
        type: u8
      - id: first_kept_event_id
        type: u8
      - id: checksum
        type: u8
        doc: XXH64 of the preceding 56 bytes, seed 0.
