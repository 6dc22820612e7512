// Where regions stand and what they are called: the name carries the log's id.
import { type Random64, random64 } from '../random.js';
import { hexOf64 } from '../units.js';

/** Where regions are made unless an option says otherwise. */
export const DEFAULT_REGION_FOLDER = '/dev/shm';

const PREFIX = 'flashstrike-';
const NAME = /^flashstrike-[0-9a-f]{16}-[0-9a-f]{16}$/;

export const isRegionName = (name: string): boolean => NAME.test(name);

/** Whether a region's name says that it was made for the log with this id. */
export const isRegionNameOf = (logId: bigint, name: string): boolean =>
  isRegionName(name) && name.startsWith(`${PREFIX}${hexOf64(logId)}-`);

/** The id of the log that a region was made for, as its name tells; undefined for another name. */
export const logIdOfRegionName = (name: string): bigint | undefined =>
  isRegionName(name) ? BigInt(`0x${name.slice(PREFIX.length, PREFIX.length + 16)}`) : undefined;

/** A name that no other region has. */
export function newRegionName(logId: bigint, random: Random64 = random64): string {
  return `${PREFIX}${hexOf64(logId)}-${hexOf64(random())}`;
}
