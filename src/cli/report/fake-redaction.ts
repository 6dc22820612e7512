// A machine on which alice works.
import type { Machine } from '../doctor/machine.js';

export const fakeMachine: Pick<Machine, 'environment' | 'realPath' | 'userName'> = {
  userName: 'alice',
  environment: (name) => (name === 'HOME' ? '/home/alice' : undefined),
  realPath: (path) => (path === './orders' ? '/real/place' : undefined),
};
