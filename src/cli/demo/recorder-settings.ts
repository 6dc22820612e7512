// What the recording process should do: one JSON argument.

import { assert } from '../../errors.js';

export interface RecorderSettings {
  readonly dir: string;
  readonly seed: number;
  /** Length of the stream; after it the process waits to be ended. */
  readonly events: number;
  /** Up to `pacedEvents`; from there on as fast as it can. */
  readonly eventsPerSecond: number;
  readonly pacedEvents: number;
}

export function parseRecorderSettings(text: string): RecorderSettings {
  const settings: unknown = JSON.parse(text);
  assert(typeof settings === 'object' && settings !== null, 'the settings are an object');
  const { dir, seed, events, eventsPerSecond, pacedEvents } = settings as Record<string, unknown>;
  assert(typeof dir === 'string', 'dir is a path');
  assert(typeof seed === 'number' && typeof events === 'number', 'seed and events are numbers');
  assert(typeof eventsPerSecond === 'number', 'eventsPerSecond is a number');
  assert(typeof pacedEvents === 'number', 'pacedEvents is a number');
  return { dir, seed, events, eventsPerSecond, pacedEvents };
}
