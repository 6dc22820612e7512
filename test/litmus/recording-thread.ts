// The recording side as a thread.
import { parentPort, workerData } from 'node:worker_threads';
import { attachRegion } from '../../src/region/region-factories.js';
import type { RegionHandle } from '../../src/region/shared-region.js';
import { controlOf, telemetryOf } from './litmus-region.js';
import { type Recording, record } from './recording.js';

export interface RecordingData {
  readonly handle: RegionHandle;
  readonly recording: Recording;
}

const { handle, recording } = workerData as RecordingData;
const region = attachRegion(handle);
const { words, byteOffset } = telemetryOf(region);
parentPort?.postMessage('ready');
record(recording, words, byteOffset, controlOf(region));
