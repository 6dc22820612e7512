// All rules in one list, and what they find.
import { diskRules } from './disk-rules.js';
import type { Examination, Finding, Level } from './finding.js';
import { folderRules } from './folder-rules.js';
import { memoryRules } from './memory-rules.js';
import { type Setting, settingsFor } from './settings.js';
import { systemRules } from './system-rules.js';

export const RULES = [...folderRules, ...diskRules, ...memoryRules, ...systemRules];

export interface Report extends Examination {
  readonly findings: readonly Finding[];
  readonly settings: readonly Setting[];
}

const WEIGHT: Readonly<Record<Level, number>> = { problem: 0, warning: 1, note: 2 };

/** The worst first; what weighs the same in the order of the rules. */
export function examine(examination: Examination): Report {
  const findings = RULES.flatMap(({ id, look }) => {
    const found = look(examination);
    return found === undefined ? [] : [{ id, ...found }];
  });
  findings.sort((one, other) => WEIGHT[one.level] - WEIGHT[other.level]);
  return { ...examination, findings, settings: settingsFor(examination) };
}
