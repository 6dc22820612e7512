meta:
  id: flashstrike_consumer
  title: File of a consumer of a Flashstrike log
  file-extension: consumer
  license: MIT
  ks-version: "0.9"
  endian: le
doc: |
  What a consumer has acknowledged, as docs/FORMAT.md tells (Consumers): four pages of 4096 bytes. No
  checksum is compared, and which slot counts is not decided.
seq:
  - id: header
    type: consumer_header
    size: 4096
  - id: even_page
    type: slot_page
    size: 4096
  - id: odd_page
    type: slot_page
    size: 4096
  - id: drop
    type: consumer_drop
    size: 4096
types:
  consumer_header:
    seq:
      - id: magic
        contents: FLASHCON
      - id: version
        type: u2
      - id: name_bytes
        type: u1
      - id: spare0
        size: 5
      - id: log_id
        type: u8
      - id: created_ts_ns
        type: u8
      - id: name
        size: 64
        doc: The first `name_bytes` of it.
      - id: spare1
        size: 24
      - id: checksum
        type: u8
  slot_page:
    seq:
      - id: slot
        type: consumer_slot
      - id: confirmation
        type: consumer_confirmation
        doc: Of the slot in the other page.
  consumer_slot:
    seq:
      - id: sequence
        type: u8
      - id: acknowledged_event_id
        type: u8
      - id: timestamp_ns
        type: u8
      - id: max_lag_bytes
        type: u8
      - id: max_lag_ms
        type: u8
      - id: policy
        type: u1
        enum: policy
      - id: spare0
        size: 15
      - id: checksum
        type: u8
  consumer_confirmation:
    seq:
      - id: sequence
        type: u8
      - id: checksum
        type: u8
  consumer_drop:
    seq:
      - id: acknowledged_event_id
        type: u8
      - id: timestamp_ns
        type: u8
      - id: lag_bytes
        type: u8
      - id: lag_ms
        type: u8
      - id: spare0
        size: 24
      - id: checksum
        type: u8
enums:
  policy:
    0: hold
    1: drop
