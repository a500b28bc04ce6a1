import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Rounds after which a process that cannot be ended, or processes that multiply faster, are given up. */
const mostRounds = 200;
/** The kernel takes a moment to end what was killed: no matter of a clock that a test moves. */
const roundMs = 2;

/** Two cgroups as folders: of one run, and of this process. */
interface RunCgroup {
  readonly run: string;
  readonly own: string;
}

/**
 * Finds the processes of one run that have left its process group: by `setsid`, by a double fork, as a daemon. Linux
 * only. Where this process may make a cgroup (v2), all of them are in it. Elsewhere the mark in their environment
 * tells them; a process that clears its environment is not found by that.
 */
export class RunProcesses {
  readonly #mark: string;
  readonly #cgroup: RunCgroup | undefined;

  private constructor(mark: string, cgroup: RunCgroup | undefined) {
    this.#mark = mark;
    this.#cgroup = cgroup;
  }

  /** `mark`: unguessable, and part of the environment of every process of the run. */
  static open(mark: string): RunProcesses {
    return new RunProcesses(mark, process.platform === 'linux' ? makeCgroup(mark) : undefined);
  }

  /** The folder of the cgroup; undefined where none can be made. */
  get cgroup(): string | undefined {
    return this.#cgroup?.run;
  }

  /**
   * Runs `start`, which must start the command before it returns. This process is in the cgroup meanwhile, so that the
   * command is born there: moved afterwards, it could have children by then that are not.
   */
  within<T>(start: () => T): T {
    if (this.#cgroup === undefined) return start();
    const { run, own } = this.#cgroup;
    enter(run);
    try {
      return start();
    } finally {
      enter(own);
    }
  }

  /** Ids of the processes that run now. */
  living(): number[] {
    return [...new Set([...this.#inCgroup(), ...this.#marked()])].filter((pid) => pid !== process.pid);
  }

  /** How many there were to signal. */
  signal(signal: NodeJS.Signals, { exceptGroup }: { readonly exceptGroup?: number | undefined } = {}): number {
    const pids = this.living().filter((pid) => exceptGroup === undefined || groupOf(pid) !== exceptGroup);
    for (const pid of pids) attempt(() => process.kill(pid, signal));
    return pids.length;
  }

  /** Kills them until there are none, and removes the cgroup. */
  async end(): Promise<void> {
    for (let round = 0; round < mostRounds && this.signal('SIGKILL') > 0; round += 1) await nextRound();
    if (this.#cgroup === undefined) return;
    const { run } = this.#cgroup;
    const remove = (): void => cgroupsFrom(run).forEach((folder) => rmdirSync(folder));
    for (let round = 0; round < mostRounds && !attempt(remove); round += 1) await nextRound();
  }

  #inCgroup(): number[] {
    if (this.#cgroup === undefined || !existsSync(this.#cgroup.run)) return [];
    const texts = cgroupsFrom(this.#cgroup.run).map((folder) => textOf(`${folder}/cgroup.procs`)?.toString() ?? '');
    return texts.flatMap((text) => text.split('\n').filter((line) => line !== '')).map(Number);
  }

  #marked(): number[] {
    // Also on Linux there may be none, as in a root of the worker's own.
    if (!existsSync('/proc/self')) return [];
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.filter((pid) => textOf(`/proc/${pid}/environ`)?.includes(this.#mark) === true).map(Number);
  }
}

// Below the cgroup that this process is in, so that limits that were set for the worker hold for its commands.
function makeCgroup(mark: string): RunCgroup | undefined {
  const mounts = textOf('/proc/self/mountinfo')?.toString() ?? '';
  const mount = mounts.includes(' - cgroup2 ')
    ? mounts.split('\n').find((line) => line.includes(' - cgroup2 '))
    : undefined;
  const own = /^0::(\/.*)$/m.exec(textOf('/proc/self/cgroup')?.toString() ?? '')?.[1];
  const place = mount?.split(' ')[4];
  if (place === undefined || own === undefined) return undefined;
  const folder = path.join(place, own);
  removeEmptyCgroups(folder);
  const cgroup = { run: path.join(folder, `proofhouse-${process.pid}-${mark}`), own: folder };
  if (!attempt(() => mkdirSync(cgroup.run))) return undefined;
  // Where processes may be moved in but not out, none is.
  if (enter(cgroup.run) && enter(cgroup.own)) return cgroup;
  attempt(() => rmdirSync(cgroup.run));
  return undefined;
}

/** Those of workers that were killed. One that still has processes stays: their job may be somebody else's by now. */
function removeEmptyCgroups(folder: string): void {
  attempt(() => {
    for (const name of readdirSync(folder)) {
      const pid = Number(/^proofhouse-(\d+)-/.exec(name)?.[1] ?? process.pid);
      if (pid !== process.pid && !existsSync(`/proc/${pid}`)) {
        attempt(() => cgroupsFrom(path.join(folder, name)).forEach((one) => rmdirSync(one)));
      }
    }
  });
}

/** A cgroup after all that the command made below it. */
function cgroupsFrom(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...below.flatMap((entry) => cgroupsFrom(path.join(folder, entry.name))), folder];
}

function enter(cgroup: string): boolean {
  return attempt(() => writeFileSync(path.join(cgroup, 'cgroup.procs'), String(process.pid)));
}

// The name in parentheses may hold any character; the group is the third field after it (proc(5)).
function groupOf(pid: number): number | undefined {
  const text = textOf(`/proc/${pid}/stat`)?.toString();
  return text === undefined ? undefined : Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[2]);
}

function textOf(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function attempt(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

function nextRound(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, roundMs));
}
