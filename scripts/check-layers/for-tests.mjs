/** What is exported for tests alone, by the reason why they need it. */
export const FOR_TESTS = {
  'a machine whose snapshots are written on the thread of the test': [
    'machine/open-machine.ts#openMachineWith',
  ],
  'readers with the files, regions and clocks of a simulation': [
    'judgement/region-ports.ts#regionPorts',
    'replication/objects/folder-objects.ts#FolderObjects',
    'restore/restore.ts#restoreThrough',
    'salvage/salvage-copy.ts#salvageToThrough',
    'salvage/salvage.ts#salvageThrough',
    'verification/verify.ts#verifyThrough',
  ],
  'docs/FORMAT.md is compared with the layouts, and specimens are damaged field by field': [
    'replication/stream-block.ts#StreamMarkLayout',
    'events/schema-event.ts#SchemaRecordLayout',
    'segment/consumer-record.ts#ConsumerConfirmationLayout',
    'segment/consumer-record.ts#ConsumerHeaderLayout',
    'segment/consumer-record.ts#ConsumerSlotLayout',
    'segment/snapshot-record.ts#SnapshotHeaderLayout',
    'segment/snapshot-record.ts#snapshotFileBytes',
    'segment/state-hash-record.ts#HashesHeaderLayout',
    'segment/state-hash-record.ts#StateHashLayout',
    'segment/seal.ts#SealEntryLayout',
    'segment/seal.ts#SealTotalsLayout',
    'segment/wal-meta.ts#WalMetaLayout',
  ],
  'tables, of which tests go through every row': [
    'cli/doctor/examine.ts#RULES',
    'events/define-event.ts#typeOfName',
    'judgement/region-verdict.ts#REGION_CASES',
    'judgement/region-verdict.ts#regionCasesOf',
    'reading/advice.ts#ADVICE_WORDS',
    'recorder/threads/signals.ts#SignalsLayout',
    'segment/verdict.ts#TAIL_CASES',
    'segment/verdict.ts#casesOf',
  ],
  'the product is compared with a second implementation': [
    'metrics/collecting.ts#collectMetric',
    'metrics/latency-histogram.ts#CELL_COUNT',
    'metrics/latency-histogram.ts#cellStart',
  ],
  'both sides of a bell, one step of either at a time': [
    'judgement/region-bell.ts#BellRegion',
    'judgement/region-bell.ts#RegionBell',
  ],
  'what the system says, which no test can make it say': [
    'memory/libc.ts#addressOf',
    'memory/libc.ts#bindLibc',
    'region/left-mappings.ts#regionMappings',
    'region/mapped-region.ts#whyNotMappable',
    'storage/lock-holder.ts#holdsFlock',
  ],
  'simulated parts do with it what the real ones do': [
    'recorder/application/open-log-handles.ts#giveBack',
    'region/region-file.ts#identify',
  ],
  'what a broken invariant throws, for the tests that such an error goes on': [
    'errors.ts#AssertionFailure',
  ],
  'one consumer as it is on disk, beside what its store says': [
    'reading/consumer-files.ts#readConsumer',
  ],
  'texts, from reports that no log gives': ['cli/demo/proof.ts#compareEvents'],
};
