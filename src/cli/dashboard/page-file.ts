// The page, as the build has made it: one file, and the policy under which a browser runs nothing
// but what stands in it.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface PageFile {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function readPage(path: URL = new URL('./page.html', import.meta.url)): PageFile {
  const html = readFileSync(path, 'utf8');
  return {
    html,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': policyOf(html),
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
      'X-Frame-Options': 'DENY',
    },
  };
}

/** Scripts and styles by what they are, data from this server, and nothing else at all. */
function policyOf(html: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashesOf(html, 'script')}`,
    `style-src ${hashesOf(html, 'style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

function hashesOf(html: string, tag: 'script' | 'style'): string {
  const texts = [...html.matchAll(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, 'g'))];
  const hash = (text: string): string => createHash('sha256').update(text).digest('base64');
  return texts.length === 0
    ? "'none'"
    : texts.map(([, text = '']) => `'sha256-${hash(text)}'`).join(' ');
}
