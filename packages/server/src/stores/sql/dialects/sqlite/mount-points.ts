import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Whether a file is a mount point of its own, such as a file that was bind-mounted into a container. `place` is absolute
 * and resolved. Linux lists mounts in /proc/self/mountinfo (proc(5)), also those of one file system onto itself. Only where there is no
 * such list does another device than that of the parent folder show a mount: on overlayfs and btrfs devices differ without one.
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

/** The fifth field of each line; blanks and backslashes in it are written as octal escapes. */
function mountPoints(mounts: string): Set<string> {
  const fields = mounts.split('\n').map((line) => line.split(' ')[4] ?? '');
  return new Set(fields.map(unescaped));
}

// Only blanks and backslashes are escaped (octal); everything else was decoded as UTF-8 before.
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
