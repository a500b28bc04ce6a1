import { spawnSync } from 'node:child_process';

/**
 * Returns true if a program that a test needs exits with 0. Otherwise prints which Debian package is missing and
 * returns false, and the caller must skip its tests. In CI it throws instead, because CI must not pass with skipped
 * tests.
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
