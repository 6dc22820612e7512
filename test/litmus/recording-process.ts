// The recording side as a process. Arguments: path of the region, offsets of its sections telemetry
// and control in bytes, what to record.
import { mapRegion } from './litmus-region.js';
import { type Recording, record } from './recording.js';

const [path, telemetryOffset, controlOffset, recording] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: path telemetryOffset controlOffset recording');
const buffer = mapRegion(path);
process.stdout.write('ready\n');
record(
  recording as Recording,
  new Uint32Array(buffer),
  Number(telemetryOffset),
  new Int32Array(buffer, Number(controlOffset), 64),
);
