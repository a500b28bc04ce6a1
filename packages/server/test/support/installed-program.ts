import { spawnSync } from 'node:child_process';

/**
 * Returns true if a program that a test needs exits with 0. Otherwise prints the name of the missing Debian package and
 * returns false. The caller must then skip its tests. In CI, throws instead of returning false, because CI must not
 * pass by skipping tests.
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
