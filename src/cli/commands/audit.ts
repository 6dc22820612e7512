// `audit`: compares every block of a stream with the log.
import type { CommandContext } from '../context.js';
import { tellAudit } from '../replication/auditing.js';
import { type StreamOptions, streamToRead } from '../replication/stream-options.js';

interface AuditOptions extends StreamOptions {
  readonly json: boolean;
}

export const audit = (
  dir: string,
  options: AuditOptions,
  context: CommandContext,
): Promise<number> => tellAudit(dir, streamToRead(options), options, context);
