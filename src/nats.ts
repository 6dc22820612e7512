// Flashstrike beyond one machine, on NATS JetStream.
export type { NatsCreateOptions, NatsStreamOptions } from './replication/nats/nats-options.js';
export { natsStream } from './replication/nats/nats-stream.js';
export * from './replication.js';
