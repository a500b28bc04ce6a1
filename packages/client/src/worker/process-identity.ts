import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Identifies one process permanently. A process id alone does not, because systems reuse process ids. */
export interface ProcessIdentity {
  /**
   * The scope in which the process id is valid. On Linux it is the boot and the pid namespace (container), else the
   * host name.
   */
  readonly place: string;
  readonly pid: number;
  /** Start time of the process, in the format of the system. Null if it is unknown. */
  readonly started: string | null;
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  const { pid } = process;
  return { place: await placeOfNumbers(), pid, started: (await statOf(pid))?.started ?? null };
}

/** Returns true only if the process has certainly ended. Returns false if its id belongs to another scope. */
export async function hasEnded({ place, pid, started }: ProcessIdentity): Promise<boolean> {
  if (place !== (await placeOfNumbers())) return false;
  if (process.platform !== 'linux') return !isRunning(pid);
  const present = await statOf(pid);
  if (present === undefined) return !isRunning(pid);
  // The states Z (zombie) and X mean that the process has ended.
  return present.state === 'Z' || present.state === 'X' || (started !== null && present.started !== started);
}

async function placeOfNumbers(): Promise<string> {
  if (process.platform !== 'linux') return hostname();
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    // Without /proc the scope is unknown. This value is unique to this process, so it never equals the scope of another
    // one.
    return `${hostname()} ${process.pid} without /proc`;
  }
}

async function statOf(pid: number): Promise<{ state: string; started: string } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name in parentheses may contain any character. The state of the process is the first field after it (proc(5)).
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || started === undefined ? undefined : { state, started };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
