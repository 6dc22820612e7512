// `npm run soak -- NAME [--rounds N] [--seed N]`: one kind of harm, over and over, with sizes and
// modes drawn from the seed. Prints as it goes; ends with 1 at the first event that is missing.
import { parseArgs } from 'node:util';
import { soakKills } from './crash/crash-soak.js';
import { soakWeek } from './crash/week-soak.js';
import { soakOpenRounds } from './crew/open-rounds-soak.js';
import { soakRandomLogs } from './crew/random-logs-soak.js';
import { soakFuzz } from './fuzz/fuzz-soak.js';
import { soakCalls } from './kernel/call-soak.js';
import { soakPowerCuts } from './kernel/power-cut-soak.js';
import { soakTelemetry } from './litmus/telemetry-soak.js';
import { soakReplication } from './replication/chaos-soak.js';
import { soakSimulation } from './simulation/simulation-soak.js';

/** Prints what it survived; throws where it did not. */
type Soak = (rounds: number, seed: number) => Promise<void>;

const SOAKS: Readonly<Record<string, Soak>> = {
  calls: soakCalls,
  fuzz: soakFuzz,
  kills: soakKills,
  logs: soakRandomLogs,
  'power-cuts': soakPowerCuts,
  replication: soakReplication,
  rounds: soakOpenRounds,
  simulation: soakSimulation,
  telemetry: soakTelemetry,
  week: soakWeek,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const [name = 'kills'] = positionals;
const soak = SOAKS[name];
if (soak === undefined || positionals.length > 1) {
  console.error(`soak: name one of ${Object.keys(SOAKS).join(', ')}`);
  process.exitCode = 2;
} else {
  const { rounds, seed } = values;
  console.log(`soak ${name} --rounds ${rounds} --seed ${seed}`);
  await soak(Number(rounds), Number(seed));
}
