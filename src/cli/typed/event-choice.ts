// Which typed events are meant by `--event`: a name, or a name and a version.
import { InvalidArgumentError } from 'commander';
import type { AnyDefinition } from '../../index.js';

const CHOICE = /^([A-Za-z_][A-Za-z0-9_]{0,63})(?:@(\d{1,5}))?$/;

export interface EventChoice {
  readonly name: string;
  /** Undefined: all. */
  readonly version: number | undefined;
}

/** `order`, `order@2`. */
export function parseEventChoice(text: string): EventChoice {
  const [, name, version] = CHOICE.exec(text) ?? [];
  if (name !== undefined) {
    return { name, version: version === undefined ? undefined : Number(version) };
  }
  throw new InvalidArgumentError('An event is its name, like order, or order@2 for version 2.');
}

export const isChosen = (definition: AnyDefinition, choice: EventChoice | undefined): boolean =>
  choice === undefined ||
  (definition.name === choice.name &&
    (choice.version === undefined || definition.version === choice.version));

export const choiceText = ({ name, version }: Pick<AnyDefinition, 'name' | 'version'>): string =>
  `${name}@${version}`;
