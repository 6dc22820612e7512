// Writes the golden files anew: `node dist/test/golden/generate.js --write`. A released version's
// bytes never change: run it for what is not released yet, or for a new version beside the old one.
import { goldenFolder, writeGoldenFiles } from './golden-files.js';

if (process.argv[2] === '--write') {
  process.stderr.write(`${writeGoldenFiles()} files written to ${goldenFolder()}\n`);
} else {
  process.stderr.write('usage: node dist/test/golden/generate.js --write\n');
  process.exitCode = 2;
}
