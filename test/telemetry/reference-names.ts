// The fields of the reference, literally: what each is called in the code, its kind, what the
// reference exports it as (components.md of the task), and what it is exported as here, behind the
// prefix of its struct. What a name ends in comes from its kind.

export interface ReferenceStruct {
  /** The label that its metrics carry there and here; undefined: none. */
  readonly subsystem: string | undefined;
  readonly fields: readonly ReferenceField[];
}

export type ReferenceField = readonly [
  field: string,
  kind: string,
  reference: string,
  exported: string,
];

/**
 * Behind the exported name, where a collector asks for the reference's names; a counter's name, a
 * gauge's and a histogram's is whole.
 */
export const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  duration64: [
    '_ns',
    '_min_seconds',
    '_max_seconds',
    '_avg_seconds',
    '_jitter_seconds',
    '_rate_per_second',
  ],
  operation64: [
    '_ns',
    '_min_seconds',
    '_max_seconds',
    '_avg_seconds',
    '_jitter_seconds',
    '_rate_per_second',
  ],
  life_cycle: [
    '_cycles_total',
    '_active_cycles_total',
    '_seconds_total',
    '_active_seconds_total',
    '_last_sleep_seconds',
  ],
};

/** By the prefix of the struct's exported names. */
export const REFERENCE_STRUCTS: Readonly<Record<string, ReferenceStruct>> = {
  flashstrike_wal_recorder_meta_store: {
    subsystem: 'wal_meta',
    fields: [
      ['maintenanceMetaFlush', 'duration64', 'maintenance_meta_flush', 'maintenance_meta_flush'],
    ],
  },
  flashstrike_wal_recorder_segment_writer: {
    subsystem: 'wal_segment_writer',
    fields: [
      ['openNewSegment', 'operation64', 'open_new_segment', 'open_new_segment'],
      ['openExistingSegment', 'operation64', 'open_existing_segment', 'open_existing_segment'],
      ['closeSegment', 'operation64', 'close_segment', 'close_segment'],
      ['writeBlock', 'duration64', 'write_block_ns', 'write_block'],
      [
        'totalHeaderChecksumFailures',
        'counter64',
        'total_header_checksum_failures',
        'header_checksum_failures_total',
      ],
      [
        'totalBlockChecksumFailures',
        'counter64',
        'total_block_checksum_failures',
        'block_checksum_failures_total',
      ],
      [
        'totalChainedChecksumFailures',
        'counter64',
        'total_chained_checksum_failures',
        'chained_checksum_failures_total',
      ],
      [
        'totalValidationFailures',
        'counter64',
        'total_validation_failures',
        'validation_failures_total',
      ],
    ],
  },
  flashstrike_wal_recorder_segment_preparer: {
    subsystem: 'wal_prepare_worker',
    fields: [['getNextSegment', 'duration64', 'get_next_segment_ns', 'get_next_segment']],
  },
  flashstrike_wal_recorder_segment_maintainer: {
    subsystem: 'wal_persistence_worker',
    fields: [
      ['persistenceLifecycle', 'life_cycle', 'persistence_lifecycle', 'persistence_lifecycle'],
      ['maintenanceRetention', 'operation64', 'maintenance_retention', 'maintenance_retention'],
      [
        'maintenanceCompression',
        'operation64',
        'maintenance_compression',
        'maintenance_compression',
      ],
      ['maintenanceDeletion', 'operation64', 'maintenance_deletion', 'maintenance_deletion'],
      [
        'persistenceMaxHotSegments',
        'constant64',
        'persistence_max_hot_segments',
        'persistence_max_hot_segments',
      ],
      [
        'persistenceMaxColdSegments',
        'constant64',
        'persistence_max_cold_segments',
        'persistence_max_cold_segments',
      ],
    ],
  },
  flashstrike_wal_recorder_manager: {
    subsystem: undefined,
    fields: [
      ['initActiveSegment', 'operation64', 'restore_or_create_segment', 'init_active_segment'],
      ['appendEvent', 'operation64', 'append_event', 'append_event'],
      [
        'appendEventHistogram',
        'latency_histogram',
        'append_event_histogram',
        'append_event_seconds',
      ],
      ['segmentRotation', 'duration64', 'segment_rotation', 'segment_rotation'],
      ['workPlanning', 'duration64', 'work_planning', 'work_planning'],
      ['persistCurrentSegment', 'duration64', 'persist_current_segment', 'persist_current_segment'],
      ['persistenceHotSegments', 'gauge64', 'persistence_hot_segments', 'persistence_hot_segments'],
      [
        'persistenceColdSegments',
        'gauge64',
        'persistence_cold_segments',
        'persistence_cold_segments',
      ],
    ],
  },
  flashstrike_wal_recovery_segment_reader: {
    subsystem: 'wal_recovery_reader',
    fields: [
      ['openSegment', 'operation64', 'open_segment', 'open_segment'],
      ['closeSegment', 'operation64', 'close_segment', 'close_segment'],
      ['verifySegment', 'operation64', 'verify_segment', 'verify_segment'],
      ['buildIndex', 'operation64', 'build_index', 'build_index'],
      ['seekEvent', 'duration64', 'seek_event', 'seek_event'],
      [
        'totalHeaderChecksumFailures',
        'counter64',
        'total_header_checksum_failures',
        'header_checksum_failures_total',
      ],
      [
        'totalBlockChecksumFailures',
        'counter64',
        'total_block_checksum_failures',
        'block_checksum_failures_total',
      ],
      [
        'totalChainedChecksumFailures',
        'counter64',
        'total_chained_checksum_failures',
        'chained_checksum_failures_total',
      ],
      [
        'totalValidationFailures',
        'counter64',
        'total_validation_failures',
        'validation_failures_total',
      ],
    ],
  },
  flashstrike_wal_recovery_segment_preloader: {
    subsystem: 'wal_recovery_worker',
    fields: [
      ['preloadSegment', 'operation64', 'preload_segment', 'preload_segment'],
      ['finishSegment', 'operation64', 'finish_segment', 'finish_segment'],
    ],
  },
  flashstrike_wal_recovery_manager: {
    subsystem: undefined,
    fields: [
      ['readSegmentHeader', 'operation64', 'read_segment_header', 'read_segment_header'],
      ['resumeFromEvent', 'operation64', 'resume_from_event', 'resume_from_event'],
      ['seekEvent', 'duration64', 'seek_event', 'seek_event'],
      ['nextEvent', 'duration64', 'next_event', 'next_event'],
      ['nextEventHistogram', 'latency_histogram', 'next_event_histogram', 'next_event_seconds'],
    ],
  },
};

/**
 * The names that Prometheus' linter does not like: the reference's times have `ns` as their unit.
 * They are there where a collector asks for them.
 */
export const NANOSECOND_NAMES: readonly string[] = [
  'flashstrike_wal_recorder_meta_store_maintenance_meta_flush_ns',
  'flashstrike_wal_recorder_segment_writer_open_new_segment_ns',
  'flashstrike_wal_recorder_segment_writer_open_existing_segment_ns',
  'flashstrike_wal_recorder_segment_writer_close_segment_ns',
  'flashstrike_wal_recorder_segment_writer_write_block_ns',
  'flashstrike_wal_recorder_segment_preparer_get_next_segment_ns',
  'flashstrike_wal_recorder_segment_maintainer_maintenance_retention_ns',
  'flashstrike_wal_recorder_segment_maintainer_maintenance_compression_ns',
  'flashstrike_wal_recorder_segment_maintainer_maintenance_deletion_ns',
  'flashstrike_wal_recorder_manager_init_active_segment_ns',
  'flashstrike_wal_recorder_manager_append_event_ns',
  'flashstrike_wal_recorder_manager_segment_rotation_ns',
  'flashstrike_wal_recorder_manager_work_planning_ns',
  'flashstrike_wal_recorder_manager_persist_current_segment_ns',
  'flashstrike_wal_recovery_segment_reader_open_segment_ns',
  'flashstrike_wal_recovery_segment_reader_close_segment_ns',
  'flashstrike_wal_recovery_segment_reader_verify_segment_ns',
  'flashstrike_wal_recovery_segment_reader_build_index_ns',
  'flashstrike_wal_recovery_segment_reader_seek_event_ns',
  'flashstrike_wal_recovery_segment_preloader_preload_segment_ns',
  'flashstrike_wal_recovery_segment_preloader_finish_segment_ns',
  'flashstrike_wal_recovery_manager_read_segment_header_ns',
  'flashstrike_wal_recovery_manager_resume_from_event_ns',
  'flashstrike_wal_recovery_manager_seek_event_ns',
  'flashstrike_wal_recovery_manager_next_event_ns',
];
