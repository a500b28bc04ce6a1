import { describe, expect, it } from 'vitest';
import { deadLinks, headingAnchors } from './check-links.ts';

const there = new Set(['README.md', 'docs/api.md', 'docs/a b.png']);
const check = (text: string, path = 'README.md') =>
  deadLinks(
    [
      { path, text },
      { path: 'docs/api.md', text: '# The `GET` call\n## Errors\n## Errors\n<a id="Here"></a>' },
    ],
    (file) => there.has(file) || file === path,
  );

describe('the link checker', () => {
  it('accepts links to existing files, headings and pictures', () => {
    const text =
      '# Top\n[a](docs/api.md) [b](docs/api.md#errors-1) [c](#top) ![d](docs/a%20b.png "title")\n[e]: docs/api.md#here';
    expect(check(text)).toEqual([]);
  });

  it('reports the line of each dead link', () => {
    expect(check('[a](docs/none.md)\n\n[b](docs/api.md#none)\n[c]: ../outside.md\n<img src="/abs.png">')).toEqual([
      'README.md:1: docs/none.md names a file that is not there',
      'README.md:3: docs/api.md#none names a heading that is not there',
      'README.md:4: ../outside.md names a file that is not there',
      'README.md:5: /abs.png is absolute: link relative to the document, so that it works in a checkout',
    ]);
  });

  it('ignores code and links to other sites', () => {
    expect(
      check('`[a](none.md)`\n```sh\n[b](none.md)\n```\n[c](https://example.org/x) [d](mailto:a@example.org)'),
    ).toEqual([]);
  });

  it('makes anchors as GitHub does', () => {
    const anchors = headingAnchors('# What is *it*, and `why`?\n## [Link](x.md) text\n```\n# no heading\n```');
    expect([...anchors]).toEqual(['what-is-it-and-why', 'link-text']);
  });
});
