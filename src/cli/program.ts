// Verbs, options and help; turns what was typed into calls of `commands/`, and what these return
// into an exit code. Usage errors are 2 in every command. A verb is loaded when it is to run: with
// all of them each start took half as long again.

import { resolve } from 'node:path';
import { Argument, Command, CommanderError, Option } from 'commander';
import { printable } from '../errors.js';
import { buildInfo } from '../telemetry.js';
import {
  OLD_RING_CHOICES,
  parseConsumerName,
  parseCopies,
  parseDemoEvents,
  parseEndpoint,
  parseEventId,
  parseInterval,
  parseListenAddress,
  parseObjectsUrl,
  parsePath,
  parsePrefix,
  parseSeconds,
  parseSeed,
  parseServers,
  parseSince,
  parseStreamName,
  parseTime,
  SYNC_MODES,
} from './arguments.js';
import { SHELLS } from './completion/script.js';
import { type CommandContext, createContext } from './context.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { FORMAT_NAMES, PRINTED_FORMATS } from './formats/event-format.js';
import { fitted } from './help-text.js';
import { printableLines } from './output.js';
import { OutputClosed, reportError } from './report-error.js';
import { parseEventChoice } from './typed/event-choice.js';

const logFolder = (description: string): Argument =>
  new Argument('<dir>', description).argParser(parsePath);

const logFolders = (description: string): Argument =>
  new Argument('<dirs...>', description).argParser<string[]>((text, dirs = []) => [
    ...dirs,
    parsePath(text),
  ]);

const formatOption = (): Option =>
  new Option('--format <format>', 'how an event is written as a line')
    .choices(FORMAT_NAMES)
    .default('lines');

const jsonOption = (): Option => new Option('--json', 'print JSON').default(false);

const streamOption = (): Option =>
  new Option('--stream <name>', 'name of the stream').argParser(parseStreamName);

const credentialsOption = (): Option =>
  new Option('--credentials <file>', 'credentials file of NATS').argParser(parsePath);

const endpointOption = (): Option =>
  new Option(
    '--s3-endpoint <url>',
    "where s3:// is, if not Amazon's, like https://objects.example:9000",
  ).argParser(parseEndpoint);

/** For a verb that has nothing else to talk to. */
const natsOption = (): Option =>
  new Option('--nats <urls>', 'servers, like nats://a:4222,nats://b:4222')
    .argParser(parseServers)
    .makeOptionMandatory();

/** The words of the library's option. */
const lockOption = (whom: string): Option =>
  new Option('--lock <how>', `none: without a file lock, where you make sure that ${whom}`)
    .choices(['flock', 'none'] as const)
    .default('flock' as const);

const FORMATS = `
Formats:
  lines     the bytes of the line without its \\n; a \\r is kept
  ndjson    the bytes of the line, which must parse as JSON
  lobster   time,type,order id,size,price,direction as a typed event of 40 bytes`;

const PRINTED = `
Formats:
  lines     events as they were recorded; typed ones as their name and fields
  ndjson    the same; typed ones as {"name","eventId","timestampNs","value"}
  csv       typed events of one schema as a table with a header line
  lobster   what record made of LOBSTER rows, every field in its shortest form

Typed events (wal.appendEvent) are read by what the log says of them. Where it
does not say, or they are not as it says, their bytes are printed, and csv leaves
them out. In ndjson and csv, fields of u64 and i64 are decimal digits (text in
JSON), bytes are hexadecimal. csv is quoted as RFC 4180 says, with \\n at the ends.`;

const EXITS = 'Exit code: 0 success, 1 failure, 2 usage error, 130 after Ctrl-C';

/** What help is printed for where there is no terminal, or one that does not tell. */
const PRINTED_COLUMNS = 80;
const columnsOf = ({ columns }: { readonly columns?: number | undefined }): number =>
  columns === undefined || columns === 0 ? PRINTED_COLUMNS : columns;

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
    .configureOutput({
      writeOut: (text) => process.stdout.write(fitted(text, columnsOf(process.stdout))),
      writeErr: (text) => process.stderr.write(fitted(text, columnsOf(process.stderr))),
      outputError: (text) => process.stderr.write(printableLines(text)),
    })
    .showHelpAfterError('(see flashstrike --help)')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText(
      'after',
      `
Examples:
  $ flashstrike demo                           see it survive kill -9
  $ flashstrike record ./log --input app.log   one event per line
  $ tail -f app.log | flashstrike record ./log
  $ flashstrike replay ./log --from 1000       print them again
  $ flashstrike verify ./log                   check every byte of it
  $ flashstrike salvage ./log --output ./new   rescue what is still valid
  $ flashstrike backup ./log /mnt/backup/log   copy it, also while it is in use
  $ flashstrike top ./log                      what is it doing right now?
  $ flashstrike dashboard ./log                the same, in a browser
  $ flashstrike doctor ./log                   is this a good place for a log?
  $ flashstrike report ./log                   one file for a bug report`,
    );

  addRecord(program, run);
  addReplay(program, run);
  addVerify(program, run);
  addInspect(program, run);
  addConsumers(program, run);
  addTrim(program, run);
  addCheck(program, run);
  addSalvage(program, run);
  addBackup(program, run);
  addRestore(program, run);
  addArchive(program, run);
  addReplicate(program, run);
  addAudit(program, run);
  addTop(program, run);
  addStalls(program, run);
  addMetrics(program, run);
  addDashboard(program, run);
  addDoctor(program, run);
  addReport(program, run);
  addDemo(program, run);
  addBench(program, run);
  addCompletion(program, run);
  for (const command of program.commands) {
    const name = `flashstrike ${command.name()}`;
    command.showHelpAfterError(`Usage: ${name} ${command.usage()} (see ${name} --help)`);
  }
  return program;
}

function addRecord(program: Command, { context, finish }: Run): void {
  program
    .command('record')
    .summary('record lines as events')
    .description(
      'Appends one event per line of input. When the input ends it waits until everything is on ' +
        'disk, and prints a summary on stderr. It stops at a line that cannot be recorded; all ' +
        'lines before it are kept.',
    )
    .addArgument(logFolder('folder of the log; created if it does not exist'))
    .addOption(
      new Option('--input <file>', 'file to read, or - for stdin; gzip is decompressed')
        .default('-')
        .argParser(parsePath),
    )
    .addOption(formatOption())
    .addOption(new Option('--sync <mode>', 'when to sync').choices(SYNC_MODES).default('interval'))
    .addOption(
      new Option(
        '--old-ring <choice>',
        'what to do with shared memory that may hold events of this log',
      )
        .choices(OLD_RING_CHOICES)
        .default('refuse'),
    )
    .addOption(new Option('--json', 'print the summary as JSON on stdout').default(false))
    .addHelpText(
      'after',
      `${FORMATS}

Sync:
  interval      at most 10 to 20 ms after an event, and at the end
  every-block   after each write
  manual        only at the end

Old ring: what to do with events in shared memory that may belong to this log, where nothing
proves it (events that provably belong to it are always recovered):
  refuse        stop, and explain the choices
  take          append them if they continue the events in the files
  leave         continue without them; the shared region is not touched

${EXITS} (everything read is kept)

Examples:
  $ flashstrike record ./log --input access.log.gz
  $ journalctl -f -o json | flashstrike record ./log --format ndjson
  $ flashstrike record ./orders --input AAPL_message.csv --format lobster --json`,
    )
    .action(async (dir, options) => {
      const { record } = await import('./commands/record.js');
      finish(await record(dir, options, context));
    });
}

function addReplay(program: Command, { context, finish }: Run): void {
  program
    .command('replay')
    .summary('print events as lines')
    .description('Prints every event, followed by \\n. Takes no lock: the log may be in use.')
    .addArgument(logFolder('folder of the log'))
    .addOption(
      new Option('--from <id>', 'first event (default: the first in the log)').argParser(
        parseEventId,
      ),
    )
    .addOption(
      new Option('--from-time <time>', 'first event of this time or later, like 2026-11-30T08:00Z')
        .argParser(parseTime)
        .conflicts('from'),
    )
    .addOption(
      new Option('--to <id>', 'last event (default: the last in the log)').argParser(parseEventId),
    )
    .addOption(
      new Option('--format <format>', 'how an event is printed')
        .choices(PRINTED_FORMATS)
        .default('lines' as const),
    )
    .addOption(
      new Option('--event <name>', 'only these typed events; order@2: of version 2').argParser(
        parseEventChoice,
      ),
    )
    .option('--follow', 'keep running, and print new events once they are durable', false)
    .option('--raw', 'print the raw bytes, of typed events and on a terminal, too', false)
    .addHelpText(
      'after',
      `${PRINTED}

On a terminal, characters that could control it or hide text are escaped (\\u{1b}). A pipe or a
file gets the bytes as they were recorded.

${EXITS}

Examples:
  $ flashstrike replay ./log > app.log
  $ flashstrike replay ./log --from 1000 --to 1999
  $ flashstrike replay ./log --from-time 2026-11-30T08:00:00Z
  $ flashstrike replay ./log --follow | grep ERROR
  $ flashstrike replay ./orders --format csv --event order > orders.csv
  $ flashstrike replay ./orders --format ndjson | jq .value.price`,
    )
    .action(async (dir, options, command: Command) => {
      const { raw, format, event } = options;
      if (raw && format === 'csv') command.error('error: --raw cannot be used with --format csv');
      if (raw && event !== undefined) command.error('error: --raw cannot be used with --event');
      if (format === 'lobster' && event !== undefined)
        command.error('error: --event cannot be used with --format lobster');
      const { replay } = await import('./commands/replay.js');
      finish(await replay(dir, { event: undefined, ...options }, context));
    });
}

function addVerify(program: Command, { context, finish }: Run): void {
  program
    .command('verify')
    .summary('check every byte of a log')
    .description('Reads all segments and checks every checksum and every id. Changes nothing.')
    .addArgument(logFolder('folder of the log'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Exit code: 0 sound (a torn tail is reported, but is not damage), 1 corrupt, 2 usage error, 3 could
not be read

Examples:
  $ flashstrike verify ./log
  $ flashstrike verify ./log --json | jq .problems`,
    )
    .action(async (dir, options) => {
      const { verify } = await import('./commands/verify.js');
      finish(await verify(dir, options, context));
    });
}

function addInspect(program: Command, { context, finish }: Run): void {
  program
    .command('inspect')
    .summary('show what is in a log folder')
    .description('Shows segments, ids, sizes and times, and the shared memory of the log.')
    .addArgument(
      new Argument('[dir]', 'folder of the log; optional with --regions').argParser(parsePath),
    )
    .addOption(jsonOption())
    .option(
      '--regions',
      'show the shared regions of this log or, without a folder, of all logs',
      false,
    )
    .option(
      '--remove',
      'with --regions: remove those that are not in use and no longer needed',
      false,
    )
    .option('--force', 'with --remove: also those whose events may not be in any file', false)
    .addOption(
      new Option('--shared-memory-directory <dir>', 'folder of the shared regions')
        .default('/dev/shm')
        .argParser(parsePath),
    )
    .addHelpText(
      'after',
      `
Exit code: 0 success, 1 failure, 2 usage error

Examples:
  $ flashstrike inspect ./log
  $ flashstrike inspect ./log --json | jq '.segments[].events'
  $ flashstrike inspect ./log --regions --remove
  $ flashstrike inspect --regions               all regions of this user`,
    )
    .action(async (dir, options, command: Command) => {
      if (options.remove && !options.regions) command.error('error: --remove needs --regions');
      if (options.force && !options.remove) command.error('error: --force needs --remove');
      if (dir !== undefined && options.force)
        command.error('error: --force cannot be used with a folder');
      if (dir === undefined && !options.regions)
        command.error("error: missing required argument 'dir'");
      const { inspect } = await import('./commands/inspect.js');
      finish(await inspect(dir, options, context));
    });
}

function addConsumers(program: Command, { context, finish }: Run): void {
  program
    .command('consumers')
    .summary('show the consumers of a log, or remove one')
    .description(
      'Shows who reads the log by name, what each has acknowledged, and how far it is behind. ' +
        'The log keeps what a consumer has not acknowledged. It may be open.',
    )
    .addArgument(logFolder('folder of the log'))
    .addOption(jsonOption())
    .option('--remove <name>', 'remove a consumer that is not in use: nothing is kept for it then')
    .addOption(lockOption('nobody uses the consumer'))
    .addHelpText(
      'after',
      `
Exit code: 0 success, 1 failure, 2 usage error

Examples:
  $ flashstrike consumers ./log
  $ flashstrike consumers ./log --json | jq '.[] | {name, lag}'
  $ flashstrike consumers ./log --remove billing`,
    )
    .action(async (dir, options, command: Command) => {
      if (options.remove !== undefined && options.json)
        command.error('error: --json cannot be used with --remove');
      const { consumers } = await import('./commands/consumers.js');
      finish(await consumers(dir, { remove: undefined, ...options }, context));
    });
}

function addCheck(program: Command, { context, finish }: Run): void {
  program
    .command('check')
    .summary('apply the events of a state machine again, and compare')
    .description(
      'Applies all events of a state machine again, in two runs side by side, and names the ' +
        'first event at which they part, or at which they part from the hashes that the machine ' +
        'has recorded (option hash of openMachine; hashEvery says how closely that can be told). ' +
        'Where events were removed it begins with the oldest snapshot. Needs no lock.',
    )
    .addArgument(logFolder('folder of the log'))
    .addOption(
      new Option('--machine <file>', 'module that exports the machine, as machine or by default')
        .argParser(parsePath)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--every <events>', 'compare every so many events (default: 10,000)').argParser(
        parseEventId,
      ),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The module is JavaScript, or what your Node runs (TypeScript from 22.18 on), and
exports the object that openMachine is given: initial, apply, snapshot, restore,
and hash.

Exit code: 0 all states agree, 1 they part, or apply has failed, 2 usage error

Examples:
  $ flashstrike check ./orders --machine engine.mjs
  $ flashstrike check ./orders --machine engine.mjs --json | jq .parted`,
    )
    .action(async (dir, options) => {
      const { check } = await import('./commands/check.js');
      finish(await check(dir, options, context));
    });
}

function addTrim(program: Command, { context, finish }: Run): void {
  program
    .command('trim')
    .summary('remove the oldest segments of a closed log')
    .description(
      'Removes the oldest segments: those with nothing but events before an id. Whole segments ' +
        'go, each verified first, and never the last one, so earlier events may stay. What a ' +
        'consumer needs stays, and so does a damaged segment with all that follows it. The log ' +
        'must be closed; one that is open does this by itself (wal.deleteBefore, retention).',
    )
    .addArgument(logFolder('folder of the log'))
    .addOption(
      new Option('--before <id>', 'the first event to keep')
        .argParser(parseEventId)
        .makeOptionMandatory(),
    )
    .addOption(lockOption('nobody has the log open'))
    .addOption(new Option('--json', 'print what was removed as JSON on stdout').default(false))
    .addHelpText(
      'after',
      `
Exit code: 0 success, also where nothing was to be removed, 1 failure, 2 usage error

Examples:
  $ flashstrike trim ./log --before 1000000
  $ flashstrike trim ./log --before 1000000 --json | jq .firstEventId`,
    )
    .action(async (dir, options) => {
      const { trim } = await import('./commands/trim.js');
      finish(await trim(dir, options, context));
    });
}

function addSalvage(program: Command, { context, finish }: Run): void {
  program
    .command('salvage')
    .summary('copy what is still valid in a damaged log')
    .description(
      'Copies every event that provably belongs to the log into a new log, and reports each gap ' +
        'on stderr: file and offset, cause, and the missing ids. The source is not changed. ' +
        'Types, timestamps and payloads are kept, and ids up to the first gap; after it the ids ' +
        'continue without a gap, and salvage.json in the new log lists the original ones.',
    )
    .addArgument(logFolder('folder of the damaged log'))
    .addOption(
      new Option('--output <dir>', 'folder for the new log; must be new or empty')
        .argParser(parsePath)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--json', 'print the full report as JSON on stdout').default(false))
    .addHelpText(
      'after',
      `
Exit code: 0 success, with every gap reported, 1 failure, 2 usage error, 130 after Ctrl-C (the copy
is incomplete)

Examples:
  $ flashstrike salvage ./log --output ./rescued
  $ flashstrike salvage ./log --output ./rescued --json | jq '.gaps[] | {file, offset, lost}'`,
    )
    .action(async (dir, options) => {
      const { salvage } = await import('./commands/salvage.js');
      finish(await salvage(dir, options, context));
    });
}

function addBackup(program: Command, { context, finish }: Run): void {
  program
    .command('backup')
    .summary('copy a log, which may be in use')
    .description(
      'Copies a log into a folder, from which it can be restored or opened. The log may be in ' +
        'use: the copy has every event that was durable when it began. Into the folder of an ' +
        'earlier backup only what is new is copied. Everything that is copied is verified. ' +
        'Interrupted, it leaves the earlier backup as it was, and goes on the next time.',
    )
    .addArgument(logFolder('folder of the log'))
    .addArgument(
      new Argument(
        '<target>',
        'folder of the backup: new, empty, or that of an earlier backup',
      ).argParser(parsePath),
    )
    .option('--prune', 'remove from the backup what the log has removed', false)
    .addOption(lockOption('nobody else writes to the target'))
    .addOption(new Option('--json', 'print the report as JSON on stdout').default(false))
    .addHelpText(
      'after',
      `
Exit code: 0 success, 1 failure, 2 usage error, 130 after Ctrl-C (the next run goes on)

Examples:
  $ flashstrike backup ./log /mnt/backup/log
  $ flashstrike backup ./log /mnt/backup/log --prune --json | jq .lastEventId`,
    )
    .action(async (dir, target, options) => {
      const { backup } = await import('./commands/backup.js');
      finish(await backup(dir, target, options, context));
    });
}

function addRestore(program: Command, { context, finish }: Run): void {
  program
    .command('restore')
    .summary('make a log from a backup, a stream or objects, up to an event or a time')
    .usage(
      '[options] <backup> <target>\n' +
        '       flashstrike restore [options] --from <urls> --stream <name> <target>\n' +
        '       flashstrike restore [options] --objects <url> <target>',
    )
    .description(
      'Makes a new log from a backup, any other log, a replicated stream, archived segments or ' +
        'these two, that ends with an event or before a time. Everything is verified on the way. ' +
        'Ids, types, timestamps and payloads are kept; the new log has an id of its own and no ' +
        'consumers.',
    )
    .addArgument(
      new Argument('<backup>', 'folder of the backup; not with --from or --objects').argParser(
        parsePath,
      ),
    )
    .addArgument(
      new Argument('[target]', 'folder for the new log; must be new or empty').argParser(parsePath),
    )
    .addOption(
      new Option('--to-id <id>', 'last event (default: the last that there is)')
        .argParser(parseEventId)
        .conflicts('toTime'),
    )
    .addOption(
      new Option(
        '--to-time <time>',
        'end before the first event after this time, like 2026-11-30T08:00Z',
      ).argParser(parseTime),
    )
    .addOption(
      new Option(
        '--from <urls>',
        'from a stream instead: its servers, like nats://a:4222,nats://b:4222',
      ).argParser(parseServers),
    )
    .addOption(streamOption())
    .addOption(credentialsOption())
    .addOption(
      new Option(
        '--objects <url>',
        'what archive has kept, like file:///mnt/archive/orders or s3://bucket/orders; with ' +
          '--from it is read first, and the stream gives the rest',
      ).argParser(parseObjectsUrl),
    )
    .addOption(endpointOption())
    .option('--follow', 'with --from: a warm standby, which takes what comes until Ctrl-C', false)
    .addOption(new Option('--json', 'print the report as JSON on stdout').default(false))
    .addHelpText(
      'after',
      `
A stream needs the packages @nats-io/jetstream and @nats-io/transport-node. A
standby that is stopped by Ctrl-C or SIGTERM takes what the stream has by then,
and is a complete log: open it and replicate it with --takeover.

Objects and stream together must have all events from the first one in the objects on: those
that neither has are named (exit 1). Where both have an event, they must be the same (exit 11).
s3:// needs the package @aws-sdk/client-s3; it finds credentials and region as AWS programs do.

Exit code: 0 success, 1 failure, 2 usage error, 11 diverged: objects and stream have different
events, 130 after Ctrl-C (remove the target then; not with --follow)

Examples:
  $ flashstrike restore /mnt/backup/log ./log
  $ flashstrike restore /mnt/backup/log ./log --to-id 1000000
  $ flashstrike restore /mnt/backup/log ./log --to-time 2026-11-30T08:00:00Z
  $ flashstrike restore --from nats://a:4222 --stream orders ./log
  $ flashstrike restore --from nats://a:4222 --stream orders ./standby --follow
  $ flashstrike restore --objects file:///mnt/archive/orders ./log
  $ flashstrike restore --objects file:///mnt/archive/orders --from nats://a:4222 \\
      --stream orders ./log`,
    )
    .action(async (first, second, options, command: Command) => {
      const { from, stream, credentials, objects: url, s3Endpoint, follow, ...end } = options;
      const { restore, restoreFrom } = await import('./commands/restore.js');
      const complain = (what: string): never => command.error(`error: ${what}`);
      if (from === undefined) {
        for (const name of ['stream', 'credentials', 'follow']) {
          if (command.getOptionValueSource(name) === 'cli') complain(`--${name} needs --from`);
        }
      } else if (stream === undefined) complain('--from needs --stream');
      if (s3Endpoint !== undefined && url?.protocol !== 's3:') {
        complain('--s3-endpoint needs --objects s3://…');
      }
      if (from === undefined && url === undefined) {
        if (second === undefined) complain("missing required argument 'target'");
        else finish(await restore(first, second, end, context));
        return;
      }
      const given = url === undefined ? '--from' : '--objects';
      if (second !== undefined) complain(`with ${given} there is no folder of a backup`);
      const isNamed = from !== undefined && stream !== undefined;
      const sources = {
        stream: isNamed ? { nats: from, stream, credentials } : undefined,
        objects: url && { url, s3Endpoint },
      };
      finish(await restoreFrom(sources, first, { ...end, follow }, context));
    });
}

function addArchive(program: Command, { context, finish }: Run): void {
  program
    .command('archive')
    .summary('keep the finished segments of a log as objects')
    .description(
      'Puts each finished segment of a log to a place from which restore --objects reads them: ' +
        'verified before, read back and compared after. The log may be open in any process, ' +
        'which does not notice; until a segment is there the log keeps it (consumer archive). ' +
        'The segment that is written to is not there. Run again, it goes on where it was.',
    )
    .addArgument(logFolder('folder of the log'))
    .addOption(
      new Option('--to <url>', 'where to, like file:///mnt/archive/orders or s3://bucket/orders')
        .argParser(parseObjectsUrl)
        .makeOptionMandatory(),
    )
    .addOption(endpointOption())
    .option('--follow', 'go on with segments as they are finished, until Ctrl-C', false)
    .addOption(
      new Option(
        '--consumer <name>',
        'consumer that holds the log; another one for each place (default: archive)',
      ).argParser(parseConsumerName),
    )
    .addOption(new Option('--json', 'at the end, print a summary as JSON on stdout').default(false))
    .addHelpText(
      'after',
      `
Each log needs a place of its own. With --follow a place that is not there, or full, is waited for.
s3:// needs the package @aws-sdk/client-s3; it finds credentials and region as AWS programs do.

Exit code: 0 all finished segments are there, 1 failure, 2 usage error, 11 diverged: another copy of
this log, which went on differently, is there, 130 after Ctrl-C and 143 after SIGTERM (the next run
goes on)

Examples:
  $ flashstrike archive ./log --to file:///mnt/archive/orders
  $ flashstrike archive ./log --to file:///mnt/archive/orders --follow
  $ flashstrike archive ./log --to s3://archive/orders --follow
  $ flashstrike archive ./log --to file:///mnt/archive/orders --json | jq .lastEventId`,
    )
    .action(async (dir, { to: url, s3Endpoint, ...options }, command: Command) => {
      if (s3Endpoint !== undefined && url.protocol !== 's3:') {
        command.error('error: --s3-endpoint needs --to s3://…');
      }
      const { archive } = await import('./commands/archive.js');
      finish(await archive(dir, { url, s3Endpoint }, options, context));
    });
}

function addReplicate(program: Command, { context, finish }: Run): void {
  program
    .command('replicate')
    .summary('feed a stream on NATS JetStream with a log')
    .description(
      'Sends all durable events of a log to a stream, each once and in order, and goes on with ' +
        'what comes, until Ctrl-C or SIGTERM. The log may be open in any process, which does not ' +
        'notice; the log keeps what the stream may still lose (consumer replica-NAME). Servers ' +
        'that are not there, have no quorum or are full are waited for.',
    )
    .addArgument(logFolder('folder of the log'))
    .addOption(natsOption())
    .addOption(streamOption().makeOptionMandatory())
    .addOption(
      new Option(
        '--create-replicas <n>',
        'make the stream if there is none; on so many servers it must be kept: 1, 3 or 5 ' +
          '(default: it must be there, on 3)',
      ).argParser(parseCopies),
    )
    .option('--takeover', 'take over a stream that another log has written', false)
    .addOption(credentialsOption())
    .addOption(new Option('--json', 'at the end, print a summary as JSON on stdout').default(false))
    .addHelpText(
      'after',
      `
Takeover: the log must end exactly where the stream ends, with the same events,
as restore --from leaves it. Whoever wrote the stream before is fenced by that.

It needs the packages @nats-io/jetstream and @nats-io/transport-node.

Exit code: 0 does not occur, 1 failure, 2 usage error, 10 fenced: another log has the stream, 11
diverged: log and stream have different events, 130 after Ctrl-C and 143 after SIGTERM (what was in
flight was waited for)

Examples:
  $ flashstrike replicate ./log --nats nats://a:4222,nats://b:4222 --stream orders
  $ flashstrike replicate ./log --nats a:4222 --stream orders --create-replicas 3
  $ flashstrike replicate ./standby --nats a:4222 --stream orders --takeover`,
    )
    .action(async (dir, options) => {
      const { replicate } = await import('./commands/replicate.js');
      finish(await replicate(dir, options, context));
    });
}

function addAudit(program: Command, { context, finish }: Run): void {
  program
    .command('audit')
    .summary('compare a stream on NATS JetStream with a log')
    .description(
      'Reads a whole stream, verifies every block, and compares every event with that of the ' +
        'log. Nothing is locked or changed; both may be in use. Events that the log has removed ' +
        'are told, not compared.',
    )
    .addArgument(logFolder('folder of the log'))
    .addOption(natsOption())
    .addOption(streamOption().makeOptionMandatory())
    .addOption(credentialsOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
It needs the packages @nats-io/jetstream and @nats-io/transport-node.

Exit code: 0 no difference, 1 the stream is damaged, or failure, 2 usage error, 11 diverged: log and
stream have different events, 130 after Ctrl-C

Examples:
  $ flashstrike audit ./log --nats nats://a:4222 --stream orders
  $ flashstrike audit ./log --nats nats://a:4222 --stream orders --json | jq .problems`,
    )
    .action(async (dir, options) => {
      const { audit } = await import('./commands/audit.js');
      finish(await audit(dir, options, context));
    });
}

function addTop(program: Command, { context, finish }: Run): void {
  program
    .command('top')
    .summary('watch a running log')
    .description(
      'Shows live what a log is doing: rates, latencies, the ring, segments, threads, and any ' +
        'problems. Works on a log that any process has open, and on what a killed process left ' +
        'behind; it only reads shared memory, and changes nothing. Without a terminal it prints ' +
        'one screen, as with --once.',
    )
    .addArgument(logFolder('folder of the log'))
    .option('--once', 'print one complete screen as plain text', false)
    .addOption(
      new Option(
        '--json',
        'print JSON: one document with --once, otherwise one line per interval',
      ).default(false),
    )
    .addOption(
      new Option('--interval <ms>', 'time between two refreshes')
        .default(1000)
        .argParser(parseInterval),
    )
    .addHelpText(
      'after',
      `
Keys:
  q   quits
  a   switches latencies between the last interval and all since the log was opened

Exit code: 0 success, 1 failure, 2 usage error, 130 after Ctrl-C

Examples:
  $ flashstrike top ./log
  $ flashstrike top ./log --once --interval 5000
  $ flashstrike top ./log --json | jq .interval.eventsPerSecond`,
    )
    .action(async (dir, options) => {
      const { top } = await import('./commands/top.js');
      finish(await top(dir, options, context));
    });
}

function addStalls(program: Command, { context, finish }: Run): void {
  program
    .command('stalls')
    .summary('what kept a log waiting, and when')
    .description(
      'Shows the waits that took the option stallThresholdMs (100 ms) or longer, of append, of ' +
        'durable(), or for the next segment: when, how long, who waited, and what it was, with ' +
        'the times that tell it. Of a log that is open, or whose process was killed with it open.',
    )
    .addArgument(logFolder('folder of the log'))
    .addOption(
      new Option(
        '--since <time>',
        'only those of this time or later, like 2026-11-30T08:00Z, or 10m for ten minutes ago ' +
          '(s, m, h, d)',
      ).argParser(parseSince),
    )
    .addOption(
      new Option('--json', 'print JSON, with the intervals around each stall').default(false),
    )
    .addHelpText(
      'after',
      `
Causes:
  preparer      the next segment was not ready: making one took the disk this long
  write, sync   a call of the writer thread took this long
  ring          more was appended than the disk took, and no call of it was long
  scheduler     a thread was ready to run, and got no processor
  collector     the garbage collector held the thread that appends
  neighbour     a thread of the log was at another log that it serves as well
  application   the application's own code kept its thread busy
  stopped       no thread of the process ran: SIGSTOP, a debugger, a frozen container
  space         the disk was full
  unknown       nothing that was recorded explains most of it

Exit code: 0 success, also where there was none, 1 failure, 2 usage error

Examples:
  $ flashstrike stalls ./log
  $ flashstrike stalls ./log --since 2h
  $ flashstrike stalls ./log --json | jq '.[] | {startMs, durationMs, cause, sharesUs}'`,
    )
    .action(async (dir, options) => {
      const { stalls } = await import('./commands/stalls.js');
      finish(await stalls(dir, options, context));
    });
}

function addMetrics(program: Command, { context, finish }: Run): void {
  program
    .command('metrics')
    .summary('export the metrics of logs to Prometheus')
    .description(
      "Prints all metrics of one or more logs in Prometheus' text format, or serves them. Like " +
        'top, it reads shared memory, from outside; of a closed log it reads the id, in its ' +
        'folder. Each log has the labels log, the name of its folder (the path as given if two ' +
        'have the same name), and log_id. A log that is closed or was killed is <prefix>_up 0; ' +
        'the others, and the log itself once it is opened again, go on.',
    )
    .addArgument(logFolders('folders of the logs'))
    .addOption(
      new Option(
        '--listen <address>',
        'serve GET /metrics on a port of 127.0.0.1, or of another loopback address',
      ).argParser(parseListenAddress),
    )
    .addOption(
      new Option('--prefix <name>', 'prefix of all names')
        .default('flashstrike_wal')
        .argParser(parsePrefix),
    )
    .option(
      '--reference-names',
      'also export under the names of the FlashStrike engine: …_ns, labels system, subsystem',
      false,
    )
    .addHelpText(
      'after',
      `
Exit code: 0 success, 1 failure, 2 usage error, 130 after Ctrl-C

Examples:
  $ flashstrike metrics ./log | grep get_next_segment
  $ flashstrike metrics ./log --listen 9464
  $ flashstrike metrics ./orders ./trades --listen 9464
  $ flashstrike metrics ./log --listen [::1]:9464 --prefix orders_wal`,
    )
    .action(async (dirs: readonly string[], options, command: Command) => {
      refuseTwins(dirs, command);
      const { metrics } = await import('./commands/metrics.js');
      finish(await metrics(dirs, options, context));
    });
}

function addDashboard(program: Command, { context, finish }: Run): void {
  program
    .command('dashboard')
    .summary('watch logs in a browser')
    .description(
      'Serves a page that shows live what one or more logs are doing, and the last hour of it: ' +
        'rates, latencies, the wait for prepared segments, the ring, segments, consumers, and ' +
        'what is wrong and what to do. Like top, it reads shared memory, from outside; a log may ' +
        'be closed, killed and opened again meanwhile. Up to 16 pages can be open, of which one ' +
        'browser shows six at a time (HTTP/1.1). The page needs nothing from the network.',
    )
    .addArgument(logFolders('folders of the logs'))
    .addOption(
      new Option(
        '--listen <address>',
        'a port of 127.0.0.1, or of another loopback address; 0: any that is free',
      )
        .default({ host: '127.0.0.1', port: 9466 }, '127.0.0.1:9466')
        .argParser(parseListenAddress),
    )
    .addHelpText(
      'after',
      `
Exit code: 0 success, 1 failure, 2 usage error, 130 after Ctrl-C

Examples:
  $ flashstrike dashboard ./log
  $ flashstrike dashboard ./orders ./trades --listen 8080
  $ ssh -L 9466:127.0.0.1:9466 server        then http://127.0.0.1:9466/ here`,
    )
    .action(async (dirs: readonly string[], options, command: Command) => {
      refuseTwins(dirs, command);
      const { dashboard } = await import('./commands/dashboard.js');
      finish(await dashboard(dirs, options, context));
    });
}

function refuseTwins(dirs: readonly string[], command: Command): void {
  const isTwice = (dir: string): boolean => dirs.filter((at) => isSame(at, dir)).length > 1;
  const twice = dirs.find(isTwice);
  if (twice !== undefined) command.error(`error: folder '${twice}' is given twice`);
}

const isSame = (dir: string, other: string): boolean => resolve(dir) === resolve(other);

function addDoctor(program: Command, { context, finish }: Run): void {
  program
    .command('doctor')
    .summary('what this disk and machine do for a log')
    .description(
      'Measures ways of committing to the disk in turns, looks up what file system, disk, shared ' +
        'memory, quotas, limits and clocks are like, and says what is wrong, why that matters, ' +
        'what to do, and with which options to open a log there. It writes a few MB to a folder ' +
        'of its own in the one that is named, and removes it. A log may be in that folder.',
    )
    .addArgument(logFolder('folder of a log, or where one is to be'))
    .addOption(
      new Option('--seconds <n>', 'how long to measure').default(8).argParser(parseSeconds),
    )
    .addOption(
      new Option('--shared-memory-directory <dir>', 'folder of the shared regions')
        .default('/dev/shm')
        .argParser(parsePath),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Exit code: 0 no problem (there may be warnings), 1 a problem was found, 2 usage error, 130 after
Ctrl-C (nothing is left behind)

Examples:
  $ flashstrike doctor ./log
  $ flashstrike doctor /mnt/new-disk --seconds 60
  $ flashstrike doctor ./log --json | jq '.findings[] | {id, level, remedy}'`,
    )
    .action(async (dir, options) => {
      const { doctor } = await import('./commands/doctor.js');
      finish(await doctor(dir, options, context));
    });
}

function addReport(program: Command, { context, finish }: Run): void {
  program
    .command('report')
    .summary('write one file for a bug report')
    .description(
      'Writes what there is to know about a log into one file: versions, machine, segments, the ' +
        'verdict of verify, telemetry and what top says is wrong. The log may be open, closed, ' +
        'broken, or left by a kill; nothing is changed. No events are in the file, and no values ' +
        'of environment variables; names of users, hosts, folders and consumers are replaced.',
    )
    .addArgument(logFolder('folder of the log'))
    .addOption(
      new Option(
        '--output <file>',
        'where to write (default: a name with log id and time, in the current folder); an ' +
          'existing file is not overwritten',
      ).argParser(parsePath),
    )
    .addOption(new Option('--json', 'write JSON instead of text').default(false))
    .addOption(
      new Option('--skip-verify', 'do not read all segments: without a verdict').default(false),
    )
    .addOption(
      new Option('--shared-memory-directory <dir>', 'folder of the shared regions')
        .default('/dev/shm')
        .argParser(parsePath),
    )
    .addHelpText(
      'after',
      `
Exit code: 0 written, whatever the log is like, 1 failure, 2 usage error

Examples:
  $ flashstrike report ./log
  $ flashstrike report ./log --output report.txt
  $ flashstrike report ./log --json --output report.json`,
    )
    .action(async (dir, { skipVerify, output, ...options }) => {
      const { report } = await import('./commands/report.js');
      const all = { ...options, output: output ?? undefined, verify: !skipVerify };
      finish(await report(dir, all, context));
    });
}

function addDemo(program: Command, { context, finish }: Run): void {
  program
    .command('demo')
    .summary('record, kill -9, recover, prove')
    .description(
      'Records a stream of orders in a second process, shows its telemetry from outside, kills ' +
        'the process with SIGKILL while it records, shows the telemetry that it left behind, ' +
        'recovers the log, proves that no event is missing, and continues recording.',
    )
    .addOption(
      new Option('--events <count>', 'number of orders in the stream')
        .default(5_000_000)
        .argParser(parseDemoEvents),
    )
    .addOption(
      new Option('--seed <number>', 'seed of the stream of orders')
        .default(42)
        .argParser(parseSeed),
    )
    .addOption(
      new Option(
        '--dir <dir>',
        'a new or empty folder for the log (default: a temporary one)',
      ).argParser(parsePath),
    )
    .option('--keep', 'keep the log at the end', false)
    .addHelpText(
      'after',
      `
Exit code: 0 everything was proven, 1 it was not, 2 usage error, 130 after Ctrl-C

Examples:
  $ flashstrike demo
  $ flashstrike demo --events 20000000 --seed 7
  $ flashstrike demo --dir ./orders --keep && flashstrike replay ./orders --format lobster | head`,
    )
    .action(async (options) => {
      const { demo } = await import('./commands/demo.js');
      finish(await demo(options, context));
    });
}

function addBench(program: Command, { finish }: Run): void {
  program
    .command('bench')
    .summary('run the benchmarks')
    .description('Runs benchmarks, each in its own process: those named, or all short ones.')
    .argument('[args...]', 'names of benchmarks, and options')
    .allowUnknownOption()
    .addHelpText(
      'after',
      `
Exit code: 0 success, 1 a benchmark failed, 2 usage error

Examples:
  $ flashstrike bench --list          all benchmarks, with their goals
  $ flashstrike bench append durable
  $ flashstrike bench -- --help       all options`,
    )
    .action(async (args: string[]) => {
      const { bench } = await import('./commands/bench.js');
      finish(await bench(args));
    });
}

function addCompletion(program: Command, { context, finish }: Run): void {
  program
    .command('completion')
    .summary('print the completion for a shell')
    .description(
      'Prints a script with which a shell completes commands, options, their values and folders.',
    )
    .addArgument(new Argument('<shell>', 'the shell that is to read it').choices(SHELLS))
    .addHelpText(
      'after',
      `
Exit code: 0 success, 2 usage error

Examples:
  $ flashstrike completion bash > ~/.local/share/bash-completion/completions/flashstrike
  $ source <(flashstrike completion zsh)     in ~/.zshrc, behind compinit
  $ flashstrike completion fish > ~/.config/fish/completions/flashstrike.fish`,
    )
    .action(async (shell) => {
      const { completion } = await import('./commands/completion.js');
      finish(await completion(program, shell, context));
    });
}

/** `help nonsense` is the same mistake as `nonsense`, and is told in the same words. */
function withoutHelpOfUnknown(program: Command, args: readonly string[]): readonly string[] {
  const [first, verb] = args;
  const isKnown = program.commands.some((command) => command.name() === verb);
  return first === 'help' && verb !== undefined && verb !== 'help' && !isKnown ? [verb] : args;
}

/** Runs `args` (without node and script) and resolves to the exit code; never rejects. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done;
  const context = createContext();
  // `replay | head`: the failed write is reported to whoever wrote; without a listener the same
  // error would also be an uncaught exception.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  // Warnings of the library look like all other messages, instead of in Node's own form.
  process.removeAllListeners('warning');
  process.on('warning', ({ message }) => context.terminal.line(`warning: ${printable(message)}`));
  try {
    const finish = (code: number): void => {
      exitCode = code;
    };
    const program = createProgram({ context, finish });
    await program.parseAsync(withoutHelpOfUnknown(program, args), { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version are answers; everything else that commander stops for is usage.
      return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    }
    if (error instanceof OutputClosed) return EXIT.done;
    reportError(context.terminal, error);
    return exitCodeOf(error);
  }
  return exitCode;
}
