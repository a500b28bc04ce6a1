import { spawnSync } from 'node:child_process';

/**
 * Returns true if a program that a test needs exits with 0. Otherwise one line names the missing package, and the tests
 * must be skipped; in CI it throws, because CI must not pass by skipping.
 */
export function isInstalled(command: string, args: readonly string[], debianPackage: string): boolean {
  const { status } = spawnSync(command, args, { stdio: 'ignore' });
  if (status === 0) return true;
  const message = `${command} ${args.join(' ')} does not run: install Debian's ${debianPackage}.`;
  const ci = process.env['CI'] ?? '';
  if (!['', '0', 'false'].includes(ci)) throw new Error(message);
  process.stderr.write(`\nMISSING CLIENT: the tests that need it are SKIPPED. ${message}\n\n`);
  return false;
}
