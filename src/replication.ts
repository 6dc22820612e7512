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
export { type ArchiveOptions, type ArchiveReport, archive } from './replication/objects/archive.js';
export { folderObjects } from './replication/objects/folder-objects.js';
export {
  type ObjectBody,
  ObjectFailure,
  type ObjectFailureReason,
  type ObjectStore,
} from './replication/objects/object-store.js';
export type { RestoreFromOptions, RestoreFromReport } from './replication/rebuilding.js';
export type { Replica, ReplicaCounts, ReplicaState } from './replication/replica.js';
export { type ReplicateOptions, replicate } from './replication/replicate.js';
export { restoreFrom } from './replication/restore-from.js';
