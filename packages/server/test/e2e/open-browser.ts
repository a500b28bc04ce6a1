// Starts the installed chromium for end-to-end tests. Downloads nothing, and also works for root. If a required program
// is missing, the error message names it.
import { existsSync } from 'node:fs';
import process from 'node:process';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const quietFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(
      `there is no browser at ${executablePath}: install Debian's chromium, or name another in CHROMIUM.`,
    );
  }
  return chromium.launch({ executablePath, headless: true, args: quietFlags });
}
