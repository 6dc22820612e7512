// The writing side of a litmus test as a thread.
import { parentPort, workerData } from 'node:worker_threads';
import { attachRegion } from '../../src/region/region-factories.js';
import type { RegionHandle } from '../../src/region/shared-region.js';
import { type Experiment, produce } from './hand-off.js';
import { areaOf } from './litmus-region.js';

export interface ProducerData {
  readonly handle: RegionHandle;
  readonly experiment: Experiment;
  readonly count: number;
}

const { handle, experiment, count } = workerData as ProducerData;
const words = areaOf(attachRegion(handle));
parentPort?.postMessage('ready');
produce(words, experiment, count);
