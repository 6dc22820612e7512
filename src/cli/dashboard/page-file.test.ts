import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { readPage } from './page-file.js';

/** What all of it may weigh: document, styles, scripts and library together. */
const PAGE_BYTES_MAX = 150_000;

const { html, headers } = readPage();
const policy = headers['Content-Security-Policy'] ?? '';

describe('the page of the dashboard', () => {
  it('is one file of at most 150 kB', () => {
    assert.ok(Buffer.byteLength(html) <= PAGE_BYTES_MAX, `${Buffer.byteLength(html)} bytes`);
    assert.doesNotMatch(html, /<!-- (?:styles|script) -->/, 'all parts are in it');
  });

  it('asks for nothing elsewhere', () => {
    assert.doesNotMatch(html, /<(?:script|img|iframe|link)[^>]+(?:src|href)="(?!data:|#)/);
    assert.doesNotMatch(html, /@import|url\((?!["']?data:)/);
    assert.doesNotMatch(html, /\bstyle="/, 'styles in attributes, which the policy refuses');
  });

  it('keeps the notice of the library that it contains', () => {
    assert.match(html, /This page contains uPlot \d+\.\d+\.\d+/);
    assert.match(html, /Leon Sorokin/);
    assert.match(html, /The above copyright notice and this permission notice shall be included/);
  });

  it('has a policy that lets run what stands in it and nothing else', () => {
    const text = /<script>([\s\S]*)<\/script>/.exec(html)?.[1] ?? '';
    const hash = createHash('sha256').update(text).digest('base64');
    assert.ok(text.length > 1000);
    assert.ok(policy.includes(`script-src 'sha256-${hash}'`));
    assert.match(policy, /^default-src 'none';/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  });
});
