// What `follow` and `followBlocks` are asked for, checked before anything is opened.
import { checkFlag, checkOptions, checkSignal } from '../reading/event-range.js';
import type { FollowOptions } from '../reading/events.js';
import { checkTelemetry, type ReadingMeter } from '../reading/reading-meter.js';
import { checkStart, type Start } from './start.js';

export interface Following {
  readonly start: Start;
  readonly signal: AbortSignal | undefined;
  readonly meter: ReadingMeter;
  /** One object serves all that is handed out. */
  readonly reuse: boolean;
  /** What is written will do. */
  readonly undurable: boolean;
  readonly waitForLog: boolean;
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT */
export function checkFollowing(options: FollowOptions): Following {
  checkOptions(options);
  const start = checkStart(options);
  const undurable = checkFlag('undurable', options.undurable);
  const reuse = checkFlag('reuse', options.reuse);
  const waitForLog = checkFlag('waitForLog', options.waitForLog);
  checkSignal(options.signal);
  const meter = checkTelemetry(options.telemetry);
  return { start, signal: options.signal, meter, reuse, undurable, waitForLog };
}
