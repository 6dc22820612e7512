// Flashstrike beyond one machine: finished segments in a bucket of S3, or of what speaks like it.

export { s3Objects } from './replication/s3/s3-objects.js';
export type { S3Options } from './replication/s3/s3-options.js';
export * from './replication.js';
