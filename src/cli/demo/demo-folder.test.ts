import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DemoFolder } from './demo-folder.js';

const parent = (context: TestContext): string => {
  const path = mkdtempSync(join(tmpdir(), 'flashstrike-folder-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

describe('DemoFolder', () => {
  it('is a temporary one, and leaves nothing', () => {
    const folder = new DemoFolder(undefined);
    writeFileSync(join(folder.path, 'x'), '');
    folder.remove();
    assert.ok(!existsSync(folder.path));
  });

  it('makes and removes a folder that was not there', (context) => {
    const path = join(parent(context), 'a', 'b');
    const folder = new DemoFolder(path);
    mkdirSync(join(path, 'inner'));
    folder.remove();
    assert.ok(!existsSync(path));
  });

  it('empties a folder that was there, and leaves it', (context) => {
    const path = parent(context);
    const folder = new DemoFolder(path);
    mkdirSync(join(path, 'inner'));
    folder.remove();
    assert.deepEqual(readdirSync(path), []);
  });

  it('refuses a folder that holds something, and touches nothing in it', (context) => {
    const path = parent(context);
    writeFileSync(join(path, 'precious'), '');
    assert.throws(() => new DemoFolder(path), /not empty/);
    assert.deepEqual(readdirSync(path), ['precious']);
  });

  it('refuses a file', (context) => {
    const path = join(parent(context), 'file');
    writeFileSync(path, '');
    assert.throws(() => new DemoFolder(path), /ENOTDIR/);
  });
});
