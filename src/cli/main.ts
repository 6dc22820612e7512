#!/usr/bin/env node
// The command `flashstrike`: runs one verb and ends with its exit code.

import { endForeign } from './foreign-code.js';
import { runCommandLine } from './program.js';

// Set, not `process.exit`: what is still on its way to a pipe must arrive.
process.exitCode = await runCommandLine(process.argv.slice(2));
await endForeign([process.stdout, process.stderr]);
