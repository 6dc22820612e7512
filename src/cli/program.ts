// Verbs, options and help; turns what was typed into calls of `commands/` and what they come back
// with into an exit code. Usage errors are 2 in every command.

import { Argument, Command, CommanderError, Option } from 'commander';
import { printable } from '../errors.js';
import { buildInfo } from '../telemetry.js';
import {
  parseDemoEvents,
  parseEventId,
  parseInterval,
  parseListenAddress,
  parsePath,
  parsePrefix,
  parseSeed,
} from './arguments.js';
import { bench, listBenches } from './commands/bench.js';
import { demo } from './commands/demo.js';
import { inspect } from './commands/inspect.js';
import { metrics } from './commands/metrics.js';
import { OLD_RING_CHOICES, record, SYNC_MODES } from './commands/record.js';
import { replay } from './commands/replay.js';
import { salvage } from './commands/salvage.js';
import { top } from './commands/top.js';
import { verify } from './commands/verify.js';
import { type CommandContext, createContext } from './context.js';
import { EXIT } from './exit-codes.js';
import { FORMAT_NAMES } from './formats/event-format.js';
import { printableLines } from './output.js';
import { OutputClosed, reportError } from './report-error.js';

const logFolder = (description: string): Argument =>
  new Argument('<dir>', description).argParser(parsePath);

const formatOption = (): Option =>
  new Option('--format <format>', 'what a line is').choices(FORMAT_NAMES).default('lines');

const jsonOption = (): Option => new Option('--json', 'print JSON').default(false);

const FORMATS = `
Formats:
  lines     the bytes of the line without its \\n; a \\r is kept
  ndjson    the bytes of the line, which must parse as JSON
  lobster   time,type,order id,size,price,direction as 40 bytes; comes back with
            every field in its shortest form`;

const EXITS = 'Exit: 0 done, 1 failed, 2 usage, 130 after Ctrl-C (everything read is kept)';

/** What the verbs are run with. */
interface Run {
  readonly context: CommandContext;
  /** Receives the exit code. */
  readonly finish: (exitCode: number) => void;
}

function createProgram(run: Run): Command {
  const program = new Command('flashstrike')
    .description('A write-ahead log: records events, survives crashes, replays them.')
    .version(buildInfo.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    // What was typed comes back in usage errors, and may come from a script or a file name.
    .configureOutput({ outputError: (text, write) => write(printableLines(text)) })
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText(
      'after',
      `
Examples:
  $ flashstrike demo                           see it survive kill -9
  $ flashstrike record ./log --input app.log   one event a line
  $ tail -f app.log | flashstrike record ./log
  $ flashstrike replay ./log --from 1000       and back again
  $ flashstrike verify ./log                   is every byte of it sound?
  $ flashstrike salvage ./log --output ./new   save what is left of it
  $ flashstrike top ./log                      what is it doing right now?`,
    );

  addRecord(program, run);
  addReplay(program, run);
  addVerify(program, run);
  addInspect(program, run);
  addSalvage(program, run);
  addTop(program, run);
  addMetrics(program, run);
  addDemo(program, run);
  addBench(program, run);
  return program;
}

function addRecord(program: Command, { context, finish }: Run): void {
  program
    .command('record')
    .summary('record lines as events')
    .description(
      'Appends one event for each line of the input. Ends when the input ends, with everything ' +
        'on disk; what it did is printed on stderr. A line that cannot be taken stops it: all ' +
        'lines before are kept.',
    )
    .addArgument(logFolder('folder of the log; made if there is none'))
    .addOption(
      new Option('--input <file>', 'what to read; - is stdin; gzip is unpacked')
        .default('-')
        .argParser(parsePath),
    )
    .addOption(formatOption())
    .addOption(new Option('--sync <mode>', 'when to sync').choices(SYNC_MODES).default('interval'))
    .addOption(
      new Option('--old-ring <choice>', 'what a crashed process left and may be of this log')
        .choices(OLD_RING_CHOICES)
        .default('refuse'),
    )
    .addOption(new Option('--json', 'print what was done as JSON on stdout').default(false))
    .addHelpText(
      'after',
      `${FORMATS}

Sync:
  interval      10 to 20 ms after an event at the latest, and at the end
  every-block   after each write
  manual        at the end only

Old ring, where nothing proves whose events these are (those of this log are always taken):
  refuse        stop, and say what there is to choose from
  take          add its events where they go on behind those of the files
  leave         go on without them; the shared region stays where it is

${EXITS}

Examples:
  $ flashstrike record ./log --input access.log.gz
  $ journalctl -f -o json | flashstrike record ./log --format ndjson
  $ flashstrike record ./orders --input AAPL_message.csv --format lobster --json`,
    )
    .action(async (dir, options) => finish(await record(dir, options, context)));
}

function addReplay(program: Command, { context, finish }: Run): void {
  program
    .command('replay')
    .summary('print events as lines')
    .description('Prints every event, each ended by \\n. Needs no lock: the log may be in use.')
    .addArgument(logFolder('folder of the log'))
    .addOption(
      new Option('--from <id>', 'first event (default: the first there is)').argParser(
        parseEventId,
      ),
    )
    .addOption(
      new Option('--to <id>', 'last event (default: the last there is)').argParser(parseEventId),
    )
    .addOption(formatOption())
    .option('--follow', 'stay, and print what is recorded from now on, once it is durable', false)
    .option('--raw', 'the bytes as they are on a terminal, too', false)
    .addHelpText(
      'after',
      `${FORMATS}

On a terminal, control characters and others that could steer it or hide text are spelt
\\u{1b}. A pipe or a file gets the bytes as they were recorded.

${EXITS}

Examples:
  $ flashstrike replay ./log > app.log
  $ flashstrike replay ./log --from 1000 --to 1999
  $ flashstrike replay ./log --follow | grep ERROR
  $ flashstrike replay ./orders --format lobster | head`,
    )
    .action(async (dir, options) => finish(await replay(dir, options, context)));
}

function addVerify(program: Command, { context, finish }: Run): void {
  program
    .command('verify')
    .summary('check every byte of a log')
    .description('Walks all segments, checks every checksum and every id. Changes nothing.')
    .addArgument(logFolder('folder of the log'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Exit: 0 sound (a torn tail is told, and is no damage), 1 corrupt, 2 usage, 3 could not be read

Examples:
  $ flashstrike verify ./log
  $ flashstrike verify ./log --json | jq .problems`,
    )
    .action(async (dir, options) => finish(await verify(dir, options, context)));
}

function addInspect(program: Command, { context, finish }: Run): void {
  program
    .command('inspect')
    .summary('show what lies in a log folder')
    .description('Shows segments, ids, sizes and times, and the shared memory of the log.')
    .addArgument(
      new Argument('[dir]', 'folder of the log; with --regions: none for all').argParser(parsePath),
    )
    .addOption(jsonOption())
    .option(
      '--regions',
      'show the shared regions of this log, or without a folder all of them',
      false,
    )
    .option('--remove', 'with --regions: remove those that nobody holds or needs', false)
    .option('--force', 'with --remove: also those with events that may be in no file', false)
    .addOption(
      new Option('--shared-memory-directory <dir>', 'where shared regions lie')
        .default('/dev/shm')
        .argParser(parsePath),
    )
    .addHelpText(
      'after',
      `
Exit: 0 done, 1 failed, 2 usage

Examples:
  $ flashstrike inspect ./log
  $ flashstrike inspect ./log --json | jq '.segments[].events'
  $ flashstrike inspect ./log --regions --remove
  $ flashstrike inspect --regions               all of this user, whatever the log`,
    )
    .action(async (dir, options, command: Command) => {
      if (options.remove && !options.regions) command.error('error: --remove needs --regions');
      if (options.force && !options.remove) command.error('error: --force needs --remove');
      if (dir !== undefined && options.force)
        command.error('error: --force is for all regions, without a folder');
      if (dir === undefined && !options.regions)
        command.error("error: missing required argument 'dir'");
      finish(await inspect(dir, options, context));
    });
}

function addSalvage(program: Command, { context, finish }: Run): void {
  program
    .command('salvage')
    .summary('copy what is left of a damaged log')
    .description(
      'Copies every event that can be proven to be of the log into a new log, and names each gap ' +
        'on stderr: place, cause, and the ids that are missing. The source is not changed. ' +
        'Types, times and payloads are kept, ids up to the first gap between events; behind it ' +
        'they go on without one, and salvage.json in the new log tells which they were.',
    )
    .addArgument(logFolder('folder of the damaged log'))
    .addOption(
      new Option('--output <dir>', 'folder for the new log: a new or an empty one')
        .argParser(parsePath)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--json', 'print the whole report as JSON on stdout').default(false))
    .addHelpText(
      'after',
      `
Exit: 0 done, with every gap told, 1 failed, 2 usage, 130 after Ctrl-C (the copy ends there)

Examples:
  $ flashstrike salvage ./log --output ./rescued
  $ flashstrike salvage ./log --output ./rescued --json | jq '.gaps[] | {file, offset, lost}'`,
    )
    .action(async (dir, options) => finish(await salvage(dir, options, context)));
}

function addTop(program: Command, { context, finish }: Run): void {
  program
    .command('top')
    .summary('watch a running log')
    .description(
      'Shows what a log does, live: rates, latencies, the ring, segments, threads, and what is ' +
        'wrong if anything is. Works on a log that any process has open, and on what a killed ' +
        'one left behind; reads shared memory only, and changes nothing. Without a terminal it ' +
        'prints one screen, as with --once.',
    )
    .addArgument(logFolder('folder of the log'))
    .option('--once', 'print one screen as plain text, everything in it', false)
    .addOption(
      new Option(
        '--json',
        'print JSON: with --once one document, without it a line each interval',
      ).default(false),
    )
    .addOption(
      new Option('--interval <ms>', 'from one look to the next')
        .default(1000)
        .argParser(parseInterval),
    )
    .addHelpText(
      'after',
      `
Keys:
  q   quits
  a   shows latencies since the log was opened, or of the last interval

Exit: 0 done, 1 failed, 2 usage, 130 after Ctrl-C

Examples:
  $ flashstrike top ./log
  $ flashstrike top ./log --once --interval 5000
  $ flashstrike top ./log --json | jq .interval.eventsPerSecond`,
    )
    .action(async (dir, options) => finish(await top(dir, options, context)));
}

function addMetrics(program: Command, { context, finish }: Run): void {
  program
    .command('metrics')
    .summary('show the metrics of a log to Prometheus')
    .description(
      "Prints all metrics of a log in Prometheus' text format, or serves them. Works like top: " +
        'from outside, on shared memory only. Served, a log that is closed or killed is a metric ' +
        'as well (<prefix>_up 0), and its next opening is picked up.',
    )
    .addArgument(logFolder('folder of the log'))
    .addOption(
      new Option(
        '--listen <address>',
        'serve GET /metrics on a port of 127.0.0.1, or of another loopback address',
      ).argParser(parseListenAddress),
    )
    .addOption(
      new Option('--prefix <name>', 'what all names begin with')
        .default('flashstrike_wal')
        .argParser(parsePrefix),
    )
    .addHelpText(
      'after',
      `
Exit: 0 done, 1 failed, 2 usage, 130 after Ctrl-C

Examples:
  $ flashstrike metrics ./log | grep get_next_segment
  $ flashstrike metrics ./log --listen 9464
  $ flashstrike metrics ./log --listen [::1]:9464 --prefix orders_wal`,
    )
    .action(async (dir, options) => finish(await metrics(dir, options, context)));
}

function addDemo(program: Command, { context, finish }: Run): void {
  program
    .command('demo')
    .summary('record, kill -9, recover, prove')
    .description(
      'Records an order stream in a second process, shows its telemetry from outside, kills it ' +
        'with SIGKILL in the middle of it, shows the telemetry that it left, recovers the log, ' +
        'proves that not one event is missing, and goes on recording.',
    )
    .addOption(
      new Option('--events <count>', 'orders in the whole stream')
        .default(5_000_000)
        .argParser(parseDemoEvents),
    )
    .addOption(
      new Option('--seed <number>', 'another seed, another stream')
        .default(42)
        .argParser(parseSeed),
    )
    .addOption(
      new Option(
        '--dir <dir>',
        'an empty or new folder for the log (default: a temporary one)',
      ).argParser(parsePath),
    )
    .option('--keep', 'leave the log there at the end', false)
    .addHelpText(
      'after',
      `
Exit: 0 everything was proven, 1 it was not, 2 usage, 130 after Ctrl-C

Examples:
  $ flashstrike demo
  $ flashstrike demo --events 20000000 --seed 7
  $ flashstrike demo --dir ./orders --keep && flashstrike replay ./orders --format lobster | head`,
    )
    .action(async (options) => finish(await demo(options, context)));
}

function addBench(program: Command, { context, finish }: Run): void {
  program
    .command('bench')
    .summary('run the benchmarks')
    .description('Runs the named benchmark, or all of them, each in a process of its own.')
    .argument('[name]', 'a benchmark (default: all)')
    .argument('[args...]', 'passed on to it')
    .option('--list', 'print the names', false)
    .addHelpText(
      'after',
      `
Exit: 0 done, 1 a benchmark failed, 2 usage

Examples:
  $ flashstrike bench --list
  $ flashstrike bench append
  $ flashstrike bench append -- --events 1000000`,
    )
    .action(async (name: string | undefined, args: string[], options, command: Command) => {
      const names = name === undefined ? [] : [name];
      const known = listBenches();
      if (name !== undefined && !known.includes(name)) {
        const list = known.length === 0 ? 'there are none' : `there are ${known.join(', ')}`;
        command.error(`error: no benchmark is called '${name}'; ${list}`);
      }
      finish(await bench(names, args, options, context));
    });
}

/** Runs `args` (without node and script) and resolves to the exit code; never rejects. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done;
  const context = createContext();
  // `replay | head`: the failed write itself is told to its writer; without a listener the
  // same error would be an uncaught exception.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  // What the library warns of is told like everything else, in place of Node's own form of it.
  process.removeAllListeners('warning');
  process.on('warning', ({ message }) => context.terminal.line(`warning: ${printable(message)}`));
  try {
    const finish = (code: number): void => {
      exitCode = code;
    };
    const program = createProgram({ context, finish });
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version are answers; everything else that commander stops for is usage.
      return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    }
    if (error instanceof OutputClosed) return EXIT.done;
    reportError(context.terminal, error);
    return EXIT.failed;
  }
  return exitCode;
}
