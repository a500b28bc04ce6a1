// Tests the web page in a real browser: sign-in, the address of a job, and downloads. The browser also sends the cookie
// of the page to another server on the same host, and that server must not be able to use it.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { adminToken, startTestServer, type TestServer } from '../support/test-server.ts';
import { openBrowser } from './open-browser.ts';

let browser: Browser;
let t: TestServer;
let url: string;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());
beforeEach(async () => {
  t = await startTestServer();
  url = `http://127.0.0.1:${await t.listen()}`;
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await t.close();
});

async function open(fragment = '', width = 1280): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, acceptDownloads: true });
  const page = await context.newPage();
  await page.goto(`${url}/${fragment}`);
  return page;
}

const signInLink = async (): Promise<string> => {
  const { code } = await t.server.signIn.newCode({ kind: 'admin' });
  return `#code=${code}`;
};

describe('signing in', () => {
  it('works by a link, lasts over a reload, and a new tab of the same page shares it', async () => {
    const job = await t.enqueue();
    const page = await open(await signInLink());
    await page.getByRole('link', { name: job.id }).waitFor();
    expect(page.url()).toBe(`${url}/`);
    await page.reload();
    await page.getByRole('link', { name: job.id }).waitFor();
    const tab = await page.context().newPage();
    await tab.goto(`${url}/#/jobs/${job.id}`);
    await tab.getByRole('heading', { name: `exec ${job.id}` }).waitFor();
  });

  it('works by the admin token, refuses a worker token clearly, and ends by the button', async () => {
    const page = await open();
    const worker = await t.worker();
    await page.getByLabel('Token of a user or of the admin').fill(worker.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page
      .getByText(`This is the token of the worker ${worker.id}; the page takes the admin token or the token of a user.`)
      .waitFor();
    await page.getByLabel('Token of a user or of the admin').fill(adminToken);
    await page.keyboard.press('Enter');
    await page.getByText('The queue is empty').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Signed out.').waitFor();
    expect(await page.getByLabel('Token of a user or of the admin').inputValue()).toBe('');
    await page.reload();
    await page.getByText('Sign in to see the queue.').waitFor();
  });

  it('by a used link says which command makes a new one, and offers the token field', async () => {
    const link = await signInLink();
    await (await open(link)).getByText('The queue is empty').waitFor();
    const page = await open(link);
    await page.getByText('`proofhouse sign-in-link` makes a new one').waitFor();
    await page.getByLabel('Token of a user or of the admin').waitFor();
  });
});

describe('a job', () => {
  it('is shown at the top at its own address, with its events as they come', async () => {
    const { job, worker, lease } = await t.running();
    const page = await open(await signInLink());
    await page.getByRole('link', { name: job.id }).click();
    expect(page.url()).toBe(`${url}/#/jobs/${job.id}`);
    await page.getByRole('heading', { name: `exec ${job.id}` }).waitFor();
    await page.getByText('Nobody').or(page.getByText(worker.id)).first().waitFor();
    const above = await page.evaluate(
      () =>
        (document.getElementById('job')?.getBoundingClientRect().top ?? 0) <
        (document.getElementById('jobs-block')?.getBoundingClientRect().top ?? 0),
    );
    expect(above).toBe(true);
    await t.post(`/api/queue/jobs/${job.id}/events`, { message: 'half way' }, worker, { 'proofhouse-lease': lease });
    await page.getByText('half way').waitFor();
    await t.post(`/api/queue/jobs/${job.id}/complete`, { resultSummary: 'all well' }, worker, {
      'proofhouse-lease': lease,
    });
    await page.locator('#job-fields').getByText('all well').waitFor();
    await page.reload();
    await page.locator('#job-fields').getByText('succeeded').waitFor();
    await page.getByRole('link', { name: 'All jobs' }).click();
    await page.locator('#job').waitFor({ state: 'hidden' });
  });

  it('gives its artifacts through tickets', async () => {
    const job = await t.enqueue();
    await t.put(job.id, { name: 'out/report.txt', file: 'the report' });
    const page = await open(await signInLink());
    await page.goto(`${url}/#/jobs/${job.id}`);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'out/report.txt' }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe('report.txt');
    expect(readFileSync(await file.path(), 'utf8')).toBe('the report');
    expect(file.url()).toMatch(/\/api\/tickets\/\w+$/);
  });

  it.each([390, 1280])('fits a window %d pixels wide, with no word broken and nothing beside it', async (width) => {
    const { job } = await t.running();
    await t.put(job.id, { name: 'a-rather-long-name/of-a-file/with-test-results-in-it.xml', file: 'x' });
    await t.enqueue({ type: 'codex_skill' });
    const page = await open(await signInLink(), width);
    await page.goto(`${url}/#/jobs/${job.id}`);
    await page.getByRole('button', { name: 'with-test-results' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
    const broken = await page.evaluate(() =>
      [...document.querySelectorAll('td, th, dt, .status, button')].flatMap((cell) => {
        const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        const found: string[] = [];
        for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
          if (node.parentElement?.closest('.id') !== null) continue;
          for (const word of node.textContent?.matchAll(/\S+/g) ?? []) {
            const range = document.createRange();
            range.setStart(node, word.index);
            range.setEnd(node, word.index + word[0].length);
            if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) found.push(word[0]);
          }
        }
        return found;
      }),
    );
    expect(broken).toEqual([]);
  });
});

describe('a server on another port of the host', () => {
  let hostile: HttpServer;
  let hostileUrl: string;
  let cookies: string[];
  beforeEach(async () => {
    cookies = [];
    hostile = createServer((request, response) => {
      cookies.push(request.headers.cookie ?? '');
      response.setHeader('content-type', 'text/html').end('<title>hostile</title>');
    }).listen(0, '127.0.0.1');
    await once(hostile, 'listening');
    hostileUrl = `http://127.0.0.1:${(hostile.address() as AddressInfo).port}/`;
  });
  afterEach(() => hostile.close());

  it('gets the cookie of a signed-in browser and can do nothing with it', async () => {
    const job = await t.enqueue();
    const artifact = await t.put(job.id, { name: 'a.txt', file: 'x' });
    const page = await open(await signInLink());
    await page.getByRole('link', { name: job.id }).waitFor();
    await page.goto(hostileUrl);
    const cookie = cookies.find((value) => value.includes('proofhouse_session=')) ?? '';
    expect(cookie).not.toBe('');
    const download = `/api/queue/jobs/${job.id}/artifacts/${artifact.json.id as string}/download`;
    for (const [method, path] of [
      ['GET', '/api/queue/jobs'],
      ['POST', '/api/queue/workers/tokens'],
      ['GET', '/api/queue/events/stream'],
      ['GET', download],
      ['POST', '/api/tickets'],
      ['POST', '/api/session/links'],
      ['POST', '/mcp'],
      ['GET', '/metrics'],
      ['DELETE', '/api/session'],
    ] as const) {
      const body = method === 'POST' ? '{"workerId":"x","path":"/"}' : undefined;
      const headers = { cookie, 'content-type': 'application/json' };
      const answer = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
      expect([path, answer.status]).toEqual([path, 401]);
    }
  });

  it('cannot make the browser call, nor read the secret, from a page of its own', async () => {
    const page = await open(await signInLink());
    await page.getByText('The queue is empty').waitFor();
    await page.goto(hostileUrl);
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    const outcome = await page.evaluate(async (target) => {
      const tries = [
        fetch(`${target}/api/queue/jobs`, { credentials: 'include' }),
        fetch(`${target}/api/queue/jobs`, { credentials: 'include', method: 'POST', body: '{"type":"exec"}' }),
        fetch(`${target}/api/queue/jobs`, { credentials: 'include', headers: { 'proofhouse-page-secret': 'x' } }),
      ];
      return (await Promise.allSettled(tries)).map(({ status }) => status);
    }, url);
    expect(outcome).toEqual(['rejected', 'rejected', 'rejected']);
    expect((await t.get('/api/queue/jobs')).json.items).toEqual([]);
    await page.goBack();
    await page.getByText('The queue is empty').waitFor();
  });
});
