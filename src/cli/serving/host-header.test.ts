import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { namesServer } from './host-header.js';

const here = { address: '127.0.0.1', port: 9464 };

describe('a Host header', () => {
  test('names this server by its address or localhost, with its port or none', () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      assert.ok(namesServer([host], here), host);
      assert.ok(namesServer([`${host}:9464`], here), host);
    }
  });

  test('may be written in upper case', () => {
    assert.ok(namesServer(['LocalHost:9464'], here));
  });

  test('may name the loopback address that is listened on', () => {
    assert.ok(namesServer(['127.0.0.2:1'], { address: '127.0.0.2', port: 1 }));
    assert.ok(namesServer(['[::1]:1'], { address: '::1', port: 1 }));
    assert.ok(!namesServer(['127.0.0.2'], here));
  });

  test('of another name or port is refused, however close', () => {
    const foreign = [
      'attacker.example',
      'attacker.example:9464',
      'localhost.attacker.example',
      '127.0.0.1.attacker.example',
      'localhost:9465',
      'localhost:09464',
      'localhost:',
      'localhost.',
      'localhost.:9464',
      ' localhost',
      'user@localhost',
      '::1',
      '[::1',
      '[::ffff:127.0.0.1]',
      '[0:0:0:0:0:0:0:1]',
      '0.0.0.0',
      '127.1',
      '2130706433',
      'localhost, localhost',
      '',
    ];
    for (const host of foreign) assert.ok(!namesServer([host], here), host);
  });

  test('that is missing, or stands there twice, is refused', () => {
    assert.ok(!namesServer([], here));
    assert.ok(!namesServer(['localhost', 'localhost'], here));
  });
});
