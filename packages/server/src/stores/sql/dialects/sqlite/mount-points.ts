import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Returns true if `place` is a mount point, such as a file that was bind-mounted into a container. `place` must be
 * absolute and resolved. Linux lists all mounts in /proc/self/mountinfo (proc(5)). If this list exists, only the list
 * counts, because on overlayfs and btrfs device numbers differ without a mount. Otherwise a file is a mount point if
 * its device number differs from that of its folder.
 */
export function isMountPoint(place: string, mounts: () => string | undefined = mountInfo): boolean {
  const listed = mounts();
  if (listed !== undefined) return mountPoints(listed).has(place);
  const found = statSync(place, { throwIfNoEntry: false });
  return found !== undefined && found.dev !== statSync(path.dirname(place)).dev;
}

function mountInfo(): string | undefined {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return undefined;
  }
}

/** Returns the fifth field (the mount point) of each line, unescaped. */
function mountPoints(mounts: string): Set<string> {
  const fields = mounts.split('\n').map((line) => line.split(' ')[4] ?? '');
  return new Set(fields.map(unescaped));
}

// The kernel writes white space and backslashes in this field as octal numbers.
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
