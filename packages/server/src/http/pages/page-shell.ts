import { createHash } from 'node:crypto';

export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

const style = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5c6b7a; --line: #d9e0e7; --paper: #fbfcfd; --mark: #0b6b57; --code: #eef2f5 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ee; --soft: #9aa8b6; --line: #2c3742; --paper: #12181e; --mark: #4cc3a5; --code: #1d262f }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 60rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif }
h1 { font-size: 1.9rem; margin: 0 0 .25rem; letter-spacing: -.01em }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem }
h2::first-letter { text-transform: uppercase }
p { margin: .5rem 0 } .soft { color: var(--soft) }
a { color: var(--mark) }
code { font: .875em ui-monospace, monospace; background: var(--code); border-radius: 4px; padding: .1em .35em }
pre { background: var(--code); border-radius: 8px; padding: .9rem 1rem; overflow-x: auto } pre code { padding: 0; background: none }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; background: var(--paper) }
summary { cursor: pointer; padding: .6rem .9rem; display: flex; gap: .75rem; align-items: baseline; flex-wrap: wrap }
summary:hover { background: var(--code) }
summary .soft { margin-left: auto; font-size: .9rem }
.method { font: 600 .78rem ui-monospace, monospace; color: var(--mark); min-width: 3rem }
.inside { padding: 0 .9rem .9rem; border-top: 1px solid var(--line) }
table { border-collapse: collapse; width: 100%; font-size: .93rem } td, th { text-align: left; padding: .35rem .75rem .35rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: break-word } th { font-weight: 600; color: var(--soft) }
.inside td, .id, dd, li { overflow-wrap: anywhere }
header { display: flex; gap: 1rem; align-items: baseline; justify-content: space-between }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem } [hidden] { display: none !important }
#job { border: 1px solid var(--line); border-radius: 8px; padding: .75rem 1rem 1rem; margin-top: 1rem } #job h2 { margin-top: .5rem }
#job h2::first-letter { text-transform: none } form code { white-space: nowrap }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .5rem 1rem; margin: 0 }
dt { color: var(--soft); font-size: .85rem } dd { margin: 0; white-space: pre-wrap }
ol { margin: 0; padding: 0; list-style: none } li { padding: .2rem 0; border-bottom: 1px solid var(--line) }
time { color: var(--soft); font-size: .85rem; white-space: nowrap }
label { display: block; font-weight: 600; margin-top: 1rem } .row { display: flex; gap: .5rem; margin-top: .25rem }
input { flex: 1; min-width: 0; font: inherit; color: inherit; background: var(--code); border: 1px solid var(--line);
  border-radius: 6px; padding: .45rem .6rem }
form button, #leave { font: inherit; border: 1px solid var(--mark); border-radius: 6px; padding: .45rem .9rem; text-decoration: none }
@media (max-width: 40rem) {
  body { padding: 1.25rem 1rem 3rem } thead { display: none } tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line) }
  td { display: flex; gap: .75rem; border: 0; padding: .1rem 0 }
  td::before { content: attr(data-label); color: var(--soft); flex: 0 0 4.5rem } .inside td::before { content: none }
}
button { font: .85rem ui-monospace, monospace; color: var(--mark); background: none; border: 0; padding: 0; cursor: pointer;
  text-align: left; text-decoration: underline }
button:focus-visible, a:focus-visible, summary:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px }
.status.succeeded { color: var(--mark) } .status.failed, .status.dead_letter { color: #c0392b }
`;

const hash = (text: string): string => createHash('sha256').update(text).digest('base64');
const styleHash = hash(style);

/**
 * Returns a complete HTML page with its headers. The Content-Security-Policy allows only the inline style and the inline
 * script, both by hash, and no framing. The page loads nothing from other hosts.
 */
export function pageShell(title: string, body: string, script = ''): Page {
  const scripts = script === '' ? '' : `<script type="module">${script}</script>`;
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    ...(script === '' ? [] : [`script-src 'sha256-${hash(script)}'`, "connect-src 'self'"]),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    html: `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${style}</style></head><body>${body}${scripts}</body></html>`,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy.join('; '),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    },
  };
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
