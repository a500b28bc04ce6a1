import { createServer } from 'node:http';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { openBrowser } from './open-browser.ts';

// Opens an empty page. If this test fails, the browser of the machine does not work, and all other end-to-end tests
// fail too.
it('the browser of this machine opens a page over HTTP', async () => {
  const server = createServer((_request, response) => response.end('<title>here</title>')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${address.port}/`);
    expect(await page.title()).toBe('here');
  } finally {
    await browser.close();
    server.close();
  }
});
