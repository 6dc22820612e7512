// Flashstrike beyond one machine: a log on a replicated stream, whatever engine keeps that.
export {
  type AuditOptions,
  type AuditProblem,
  type AuditReport,
  audit,
} from './replication/audit.js';
export {
  type BlockStream,
  type StoredBlock,
  StreamFailure,
  type StreamFailureReason,
  type StreamPosition,
} from './replication/block-stream.js';
export type { Replica, ReplicaCounts, ReplicaState } from './replication/replica.js';
export { type ReplicateOptions, replicate } from './replication/replicate.js';
export {
  type RestoreFromOptions,
  type RestoreFromReport,
  restoreFrom,
} from './replication/restore-from.js';
