// Flashstrike: the write-ahead log whose `append` never waits for a disk.
export { ERROR_CODES, type ErrorCode, WalError } from './errors.js';
export { Wal, type WalState } from './recorder/manager.js';
export type { Capabilities } from './recorder/open-log-handles.js';
export {
  type SalvagedRange,
  type SalvageReport,
  type SalvageToOptions,
  salvageTo,
} from './recorder/salvage-copy.js';
export type { VerificationStatus } from './recorder/verification.js';
export type { SyncMode, SyncOptions, WalOptions } from './recorder/wal-options.js';
export type {
  CursorOptions,
  EventCursor,
  EventOptions,
  FollowOptions,
  LoggedEvent,
  ReadingOptions,
  ReplayOptions,
  ReusedEvent,
  Reusing,
} from './recovery/events.js';
export { follow } from './recovery/follow.js';
export type {
  AcceptedLoss,
  RecoveryMode,
  RecoveryReport,
  RegionOutcome,
  VerifyMode,
} from './recovery/manager.js';
export { openCursor } from './recovery/open-cursor.js';
export { replay } from './recovery/replay.js';
export { type SalvagedEvent, type SalvageItem, salvage } from './recovery/salvage.js';
export type { SalvageGap } from './recovery/salvage-gap.js';
export { type VerifyOptions, verify } from './recovery/verify.js';
export type { VerifyProblem, VerifyReport } from './recovery/verify-report.js';
