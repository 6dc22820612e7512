// `replicate`: feeds a stream of NATS JetStream with a log, in a process of its own.
import type { CommandContext } from '../context.js';
import { feed } from '../replication/feeding.js';
import { type StreamOptions, streamToWrite } from '../replication/stream-options.js';

interface ReplicateOptions extends StreamOptions {
  readonly createReplicas?: number | undefined;
  readonly takeover: boolean;
  readonly json: boolean;
}

export const replicate = (
  dir: string,
  options: ReplicateOptions,
  context: CommandContext,
): Promise<number> => feed(dir, streamToWrite(options, options.createReplicas), options, context);
