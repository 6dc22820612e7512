// Flashstrike: the write-ahead log whose `append` never waits for a disk.
export { type BackupOptions, backup } from './backup/backup.js';
export type { BackupProgress, BackupReport } from './backup/backup-steps.js';
export type { Consumer, ConsumerFollowOptions } from './consumers/consumer.js';
export type {
  ConsumerLeash,
  OpenConsumerOptions,
  RegisterConsumerOptions,
} from './consumers/consumer-options.js';
export {
  type ConsumerStatus,
  listConsumers,
  openConsumer,
  removeConsumer,
} from './consumers/consumers.js';
export type { ConsumerLag } from './consumers/lag.js';
export { ERROR_CODES, type ErrorCode, WalError } from './errors.js';
export type { AnyDefinition, AppendableDefinition } from './events/any-definition.js';
export {
  defineEvent,
  type EventDefinition,
  type EventDefinitionOptions,
  type EventOf,
  type EventView,
} from './events/define-event.js';
export {
  EventDecoder,
  followEvents,
  type ReplayEventsOptions,
  replayEvents,
  type TypedEvent,
  type TypedView,
} from './events/event-decoder.js';
export type { EventSource, EventViewing } from './events/event-view.js';
export type {
  BytesField,
  EnumField,
  EventField,
  EventFields,
  EventValues,
  FieldValue,
  RestKind,
  ScalarKind,
  SpareField,
  StringField,
} from './events/fields.js';
export {
  defineJsonEvent,
  type JsonEventDefinition,
  type JsonEventOptions,
  type StandardValidator,
} from './events/json-event.js';
export { ReferenceRequest, ReferenceTrade } from './events/reference-events.js';
export { isSchemaEvent } from './events/schema-event.js';
export type { LineOptions } from './intake/line-intake.js';
export type { LineSource, RecordedLines, RecordLinesOptions } from './intake/record-lines.js';
export type { WalWritable, WalWritableOptions } from './intake/wal-writable.js';
export type { OldRingChoice } from './judgement/region-verdict.js';
export {
  type CheckMachineOptions,
  checkMachine,
  type MachineCheckReport,
  type Parting,
} from './machine/check.js';
export type { Fork, TypedFork } from './machine/fork.js';
export type { Machine } from './machine/machine.js';
export type {
  Applied,
  CloseMachineOptions,
  MachineLog,
  MachineUpkeep,
} from './machine/machine-base.js';
export type {
  MachineDefinition,
  MachineEvent,
  MachineOptions,
  SnapshotContent,
  SnapshotInfo,
  SnapshotOptions,
  StoredSnapshot,
  TypedMachineDefinition,
  TypedMachineOptions,
} from './machine/machine-options.js';
export { openMachine } from './machine/open-machine.js';
export type { MachineRecovery } from './machine/state-loader.js';
export type { TypedMachine } from './machine/typed-machine.js';
export type {
  CursorOptions,
  EventBatch,
  EventCursor,
  EventOptions,
  FollowBlocksOptions,
  FollowOptions,
  LoggedBlock,
  LoggedEvent,
  ReadingOptions,
  ReplayOptions,
  ReusedEvent,
  Reusing,
} from './reading/events.js';
export type {
  ConsumerDroppedMessage,
  DiagnosticMessage,
  DiagnosticMessages,
  FailureMessage,
  RecoveryMessage,
  RetentionMessage,
  RotationMessage,
  StallMessage,
} from './recorder/application/diagnostics.js';
export type { EventWriter } from './recorder/application/event-appender.js';
export type { Capabilities } from './recorder/application/open-log-handles.js';
export type { WaitOptions } from './recorder/application/unless-aborted.js';
export { Wal, type WalState } from './recorder/application/wal.js';
export { type TrimOptions, type TrimReport, trim } from './recorder/maintainer/trim.js';
export type { VerificationStatus } from './recorder/threads/verification.js';
export type {
  Preallocation,
  RetentionOptions,
  SyncMode,
  SyncOptions,
  WalOptions,
} from './recorder/threads/wal-options.js';
export type {
  AcceptedLoss,
  RecoveryMode,
  RecoveryReport,
  RegionOutcome,
  VerifyMode,
} from './recovery/recover-log.js';
export { follow } from './replay/follow.js';
export { followBlocks } from './replay/follow-blocks.js';
export { logIdOf } from './replay/log-id-of.js';
export { openCursor } from './replay/open-cursor.js';
export { replay } from './replay/replay.js';
export type { UnfitReason, UnfitSnapshot } from './replay/snapshot-fitness.js';
export { type RestoreOptions, type RestoreReport, restore } from './restore/restore.js';
export { type SalvagedEvent, type SalvageItem, salvage } from './salvage/salvage.js';
export {
  type SalvagedRange,
  type SalvageReport,
  type SalvageToOptions,
  salvageTo,
} from './salvage/salvage-copy.js';
export type { SalvageGap } from './salvage/salvage-gap.js';
export type { ConsumerPolicy } from './segment/consumer-record.js';
export type { MissingTail, Verdict } from './segment/verdict.js';
export type { WalTelemetry } from './telemetry/log-telemetry.js';
export { type VerifyOptions, verify } from './verification/verify.js';
export type {
  SnapshotCheck,
  TornTail,
  VerifyProblem,
  VerifyReport,
} from './verification/verify-report.js';
