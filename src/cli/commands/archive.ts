// `archive`: keeps the finished segments of a log as objects.
import type { CommandContext } from '../context.js';
import { keepArchiving } from '../replication/archiving.js';
import { type ObjectOptions, storeAt } from '../replication/object-place.js';

interface ArchiveOptions {
  readonly follow: boolean;
  readonly consumer?: string | undefined;
  readonly json: boolean;
}

export const archive = async (
  dir: string,
  place: ObjectOptions,
  options: ArchiveOptions,
  context: CommandContext,
): Promise<number> => keepArchiving(dir, await storeAt(place), options, context);
