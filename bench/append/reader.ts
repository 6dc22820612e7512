// A process that reads a log's telemetry from outside, a hundred times a second.
import { attachTelemetry } from '../../src/telemetry.js';

const INTERVAL_MS = 10;
const telemetry = attachTelemetry(process.argv[2] ?? '.');
process.send?.('reading');
setInterval(() => telemetry.refresh(), INTERVAL_MS);
