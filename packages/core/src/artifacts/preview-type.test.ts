import { expect, it } from 'vitest';
import { previewTypeOf } from './preview-type.ts';

const plain = 'text/plain; charset=utf-8';

it.each([
  ['text/plain', plain],
  ['text/html', plain],
  ['TEXT/HTML; charset=utf-16', plain],
  ['image/svg+xml', plain],
  ['application/xhtml+xml', plain],
  ['application/xml', plain],
  ['text/xml', plain],
  ['text/javascript', plain],
  ['application/ld+json', plain],
  ['application/json', plain],
  ['image/png', 'image/png'],
  ['Image/PNG; x=text/html', 'image/png'],
  ['application/pdf', 'application/pdf'],
  ['video/mp4', 'video/mp4'],
  ['application/octet-stream', undefined],
  ['application/zip', undefined],
  ['multipart/mixed', undefined],
  ['image/*', undefined],
  ['image/x-icon, text/html', undefined],
  ['text', undefined],
  ['', undefined],
  [null, undefined],
])('content of the type %s is shown as %s', (type, shown) => {
  expect(previewTypeOf(type)).toBe(shown);
});
