// Reads the file of alert rules, as it is written: one scalar or block a key, in a fixed order.
// Anything else in it is an error here; Prometheus' own reading is promtool's.
import { join } from 'node:path';
import { projectRoot } from '../project-root.js';

export const RULES_FILE = join(projectRoot(), 'contrib', 'prometheus', 'flashstrike.rules.yml');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly severity: string;
  readonly summary: string;
  readonly action: string;
  readonly runbook: string;
}

/** Each line of a rule, in its order. */
const RULE = new RegExp(
  [
    / {6}- alert: (\w+)\n/,
    / {8}expr: \|\n((?: {10}.*\n)+)/,
    /(?: {8}for: \w+\n)?/,
    / {8}labels:\n {10}severity: (\w+)\n/,
    / {8}annotations:\n {10}summary: '(.*)'\n {10}action: '(.*)'\n/,
    / {10}runbook_url: (\S+)\n/,
  ]
    .map(({ source }) => source)
    .join(''),
  'g',
);

export function alertsIn(text: string): Alert[] {
  const alerts = [...text.matchAll(RULE)].map(
    ([, alert = '', expr = '', severity = '', summary = '', action = '', runbook = '']) => ({
      alert,
      expr,
      severity,
      summary: summary.replaceAll("''", "'"),
      action: action.replaceAll("''", "'"),
      runbook,
    }),
  );
  const left = text
    .replace(RULE, '')
    .replace(/^(?:#.*|groups:| {2}- name: [\w-]+| {4}rules:)?\n/gm, '');
  if (left !== '') throw new Error(`this is no alert: ${left}`);
  return alerts;
}
