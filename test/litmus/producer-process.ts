// The writing side of a litmus test as a process. Arguments: path of the region, offset of the area
// in bytes, experiment, count.
import { type Experiment, produce } from './hand-off.js';
import { mapArea } from './litmus-region.js';

const [path, byteOffset, experiment, count] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: path offset experiment count');
const words = mapArea(path, Number(byteOffset));
process.stdout.write('ready\n');
produce(words, experiment as Experiment, Number(count));
