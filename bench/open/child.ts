// A fresh process that opens a log, and tells how long that took.
import { Wal } from '../../src/index.js';
import { logSizes } from '../harness/folder.js';

const [directory = '', count = '1'] = process.argv.slice(2);
const startMs = performance.now();
const wal = await Wal.open(directory, logSizes);
const openedMs = performance.now() - startMs;
for (let event = 0; event < Number(count); event++) wal.append(new Uint8Array(40));
await wal.close();
process.stdout.write(String(openedMs));
