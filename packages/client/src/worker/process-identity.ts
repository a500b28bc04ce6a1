import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** One run of one process: a number alone is given to others later. */
export interface ProcessIdentity {
  /** Where the number means something: this start of this machine, and on Linux this space of numbers (containers). */
  readonly place: string;
  readonly pid: number;
  /** When it was started, in the system's own words; null where that cannot be told. */
  readonly started: string | null;
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  const { pid } = process;
  return { place: await placeOfNumbers(), pid, started: (await statOf(pid))?.started ?? null };
}

/** Whether the process has certainly ended. False when it was started where its number means nothing here. */
export async function hasEnded({ place, pid, started }: ProcessIdentity): Promise<boolean> {
  if (place !== (await placeOfNumbers())) return false;
  if (process.platform !== 'linux') return !isRunning(pid);
  const present = await statOf(pid);
  if (present === undefined) return !isRunning(pid);
  // A zombie has ended and waits to be noticed.
  return present.state === 'Z' || present.state === 'X' || (started !== null && present.started !== started);
}

async function placeOfNumbers(): Promise<string> {
  if (process.platform !== 'linux') return hostname();
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    // Unlike any other, so that nothing is concluded from it.
    return `${hostname()} ${process.pid} without /proc`;
  }
}

async function statOf(pid: number): Promise<{ state: string; started: string } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name stands in parentheses and may hold any character; the state is the first field after it (proc(5)).
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
