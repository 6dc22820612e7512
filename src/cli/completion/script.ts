// What a shell completes behind `flashstrike`, made of the same definitions as the help: verbs,
// their options, the values that an option may have, files and folders.
import type { Argument, Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What may stand in a place: one of some words, a file, a folder, or nothing that is known. */
type Values = readonly string[] | 'file' | 'folder' | 'anything';

interface Choice {
  /** `--format`, and `-h` where there is one. */
  readonly names: readonly string[];
  readonly description: string;
  /** Undefined: it takes no value. */
  readonly values: Values | undefined;
}

interface Verb {
  readonly name: string;
  readonly description: string;
  readonly choices: readonly Choice[];
  /** What its arguments may be. */
  readonly values: Values;
}

const FOLDERS = new Set(['dir', 'dirs', 'target', 'backup']);

/** `<file>` of an option, `dir` of an argument. */
function valuesOf(name: string, words: readonly string[] | undefined): Values {
  if (words !== undefined) return words;
  if (name === 'file') return 'file';
  return FOLDERS.has(name) ? 'folder' : 'anything';
}

const choiceOf = ({ long, short, description, flags, argChoices }: Option): Choice => {
  const name = /[<[]([a-z-]+)/.exec(flags)?.[1];
  return {
    names: [long, short].filter((each) => typeof each === 'string'),
    description,
    values: name === undefined ? undefined : valuesOf(name, argChoices),
  };
};

function verbOf(command: Command): Verb {
  const [argument]: readonly Argument[] = command.registeredArguments;
  const options = command.createHelp().visibleOptions(command);
  return {
    name: command.name(),
    description: command.summary() || command.description(),
    choices: options.map(choiceOf),
    values: argument === undefined ? [] : valuesOf(argument.name(), argument.argChoices),
  };
}

/** The script that the shell is to read. */
export function completionScript(program: Command, shell: Shell): string {
  const verbs = program.commands.map(verbOf);
  const own = program.createHelp().visibleOptions(program).map(choiceOf);
  const values = verbs.map(({ name }) => name);
  const help = { name: 'help', description: 'print the help of a command', choices: [], values };
  const all = [...verbs, help];
  const lines = { bash: bashLines, zsh: zshLines, fish: fishLines }[shell](all, own);
  return `${lines.join('\n')}\n`;
}

const namesOf = (choices: readonly Choice[]): string[] => choices.flatMap(({ names }) => names);

/** Between single quotes: nothing in it means anything to the shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bashValues(values: Values): string {
  if (values === 'file') return 'compgen -f -- "$current"';
  if (values === 'folder') return 'compgen -d -- "$current"';
  return `compgen -W ${quoted(values === 'anything' ? '' : values.join(' '))} -- "$current"`;
}

function bashLines(verbs: readonly Verb[], own: readonly Choice[]): string[] {
  const reply = (command: string): string => `mapfile -t COMPREPLY < <(${command})`;
  const cases = verbs.flatMap(({ name, choices, values }) => [
    `    ${name})`,
    '      case "$before" in',
    ...choices.map(({ names, values: given }) =>
      given === undefined
        ? `        ${names.join('|')}) ;;`
        : `        ${names.join('|')}) ${reply(bashValues(given))}; return ;;`,
    ),
    '      esac',
    `      if [[ $current == -* ]]; then ${reply(bashValues(namesOf(choices)))}`,
    `      else ${reply(bashValues(values))}; fi ;;`,
  ]);
  const first = [...verbs.map(({ name }) => name), ...namesOf(own)];
  return [
    '# Completion of flashstrike for bash:  source <(flashstrike completion bash)',
    '_flashstrike() {',
    `  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}`,
    '  COMPREPLY=()',
    `  if (( COMP_CWORD == 1 )); then ${reply(bashValues(first))}; return; fi`,
    `  case "\${COMP_WORDS[1]}" in`,
    ...cases,
    '  esac',
    '}',
    'complete -o filenames -F _flashstrike flashstrike',
  ];
}

function zshValues(values: Values): string {
  if (values === 'file') return '_files';
  if (values === 'folder') return '_files -/';
  return values === 'anything' ? ' ' : `(${values.join(' ')})`;
}

/** In a description brackets and colons have a meaning of their own. */
const zshText = (text: string): string => text.replaceAll(/[[\]:\\]/g, '\\$&');

function zshLines(verbs: readonly Verb[], own: readonly Choice[]): string[] {
  const spec = ({ names, description, values }: Choice): string[] =>
    names.map((name) => {
      const value = values === undefined ? '' : `:value:${zshValues(values)}`;
      return quoted(`${name}[${zshText(description)}]${value}`);
    });
  return [
    '#compdef flashstrike',
    '# Completion of flashstrike for zsh:  source <(flashstrike completion zsh)',
    '_flashstrike() {',
    '  local -a verbs',
    '  verbs=(',
    ...verbs.map(({ name, description }) => `    ${quoted(`${name}:${zshText(description)}`)}`),
    '  )',
    '  if (( CURRENT == 2 )); then',
    `    _describe command verbs; compadd -- ${namesOf(own).join(' ')}; return`,
    '  fi',
    '  case $words[2] in',
    ...verbs.map(({ name, choices, values }) => {
      const specs = [...choices.flatMap(spec), quoted(`*:argument:${zshValues(values)}`)];
      return `    ${name}) shift words; (( CURRENT-- )); _arguments ${specs.join(' ')} ;;`;
    }),
    '  esac',
    '}',
    'compdef _flashstrike flashstrike',
  ];
}

function fishValues(values: Values): string {
  if (values === 'file') return '-r -F';
  if (values === 'folder') return `-x -a ${quoted('(__fish_complete_directories)')}`;
  return values === 'anything' ? '-x' : `-x -a ${quoted(values.join(' '))}`;
}

function fishLines(verbs: readonly Verb[], own: readonly Choice[]): string[] {
  const begin = 'complete -c flashstrike';
  const option = (where: string, { names, description, values }: Choice): string => {
    const flags = names.map((name) =>
      name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
    );
    const value = values === undefined ? '' : ` ${fishValues(values)}`;
    return `${begin} -n ${quoted(where)} ${flags.join(' ')}${value} -d ${quoted(description)}`;
  };
  const isFirst = '__fish_use_subcommand';
  return [
    '# Completion of flashstrike for fish:  flashstrike completion fish | source',
    `${begin} -f`,
    ...own.map((choice) => option(isFirst, choice)),
    ...verbs.flatMap(({ name, description, choices, values }) => {
      const where = `__fish_seen_subcommand_from ${name}`;
      const argument = values === 'anything' ? '' : fishValues(values);
      return [
        `${begin} -n ${quoted(isFirst)} -a ${name} -d ${quoted(description)}`,
        ...choices.map((choice) => option(where, choice)),
        ...(argument === '' ? [] : [`${begin} -n ${quoted(where)} ${argument}`]),
      ];
    }),
  ];
}
