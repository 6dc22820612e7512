// The soak of system calls: each round draws two or three faults, one a recorder, on one log.
import { pick, randomOf } from '../crash/random.js';
import { type CallFault, CHANGES, ERRORS, spoken, survive } from './call-faults.js';

const MOST_CALLS = 20;

function randomFault(random: () => number): CallFault {
  const nth = 1 + Math.floor(random() * MOST_CALLS);
  if (random() < 0.5) {
    return { call: pick(random, Object.keys(CHANGES)), fault: 'kill', when: String(nth) };
  }
  const [call, errors] = pick(random, Object.entries(ERRORS));
  const fault = pick(random, errors);
  const forGood = fault !== 'EINTR' && random() < 0.3;
  return { call, fault, when: forGood ? `${nth}+` : String(nth) };
}

export async function soakCalls(rounds: number, seed: number): Promise<void> {
  const random = randomOf(seed);
  const total = { rounds: 0, runsHit: 0, faults: 0, eventsChecked: 0 };
  while (total.rounds < rounds) {
    const faults = Array.from({ length: 2 + Math.floor(random() * 2) }, () => randomFault(random));
    const names = faults.map(spoken).join(', ');
    try {
      const survival = await survive(faults);
      total.rounds++;
      total.runsHit += survival.runsHit;
      total.faults += survival.faults;
      total.eventsChecked += survival.events;
      console.log(`${total.rounds}: ${names}: ${survival.ends}; ${survival.events} events`);
    } catch (error) {
      console.error(`failed: ${names}`);
      throw error;
    }
  }
  console.log(JSON.stringify(total));
}
