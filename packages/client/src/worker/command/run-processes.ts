import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Number of rounds before the kill is given up: a process may be unkillable, or processes may fork faster. */
const mostRounds = 200;
/** Time that the kernel gets to end killed processes. A real time, also under a test clock. */
const roundMs = 2;

/** Folders of two cgroups: of one run, and of this process. */
interface RunCgroup {
  readonly run: string;
  readonly own: string;
}

/**
 * Finds the processes of one run that left its process group, by `setsid`, by a double fork or as a daemon. Linux only.
 * Where this process may create a cgroup (v2), all of them are in it. Elsewhere they are identified by the mark in
 * their environment; a process that clears its environment is not found that way.
 */
export class RunProcesses {
  readonly #mark: string;
  readonly #cgroup: RunCgroup | undefined;

  private constructor(mark: string, cgroup: RunCgroup | undefined) {
    this.#mark = mark;
    this.#cgroup = cgroup;
  }

  /** Opens the set of processes. `mark` is unguessable and in the environment of every process of the run. */
  static open(mark: string): RunProcesses {
    return new RunProcesses(mark, process.platform === 'linux' ? makeCgroup(mark) : undefined);
  }

  /** The folder of the cgroup; undefined where none can be created. */
  get cgroup(): string | undefined {
    return this.#cgroup?.run;
  }

  /**
   * Runs `start`, which must start the command before it returns. Meanwhile this process is in the cgroup, so that the
   * command starts inside it. A command that is moved later may already have children outside.
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

  /** Returns the ids of the processes that are running. */
  living(): number[] {
    return [...new Set([...this.#inCgroup(), ...this.#marked()])].filter((pid) => pid !== process.pid);
  }

  /** Sends the signal; returns the number of processes that it was sent to. */
  signal(signal: NodeJS.Signals, { exceptGroup }: { readonly exceptGroup?: number | undefined } = {}): number {
    const pids = this.living().filter((pid) => exceptGroup === undefined || groupOf(pid) !== exceptGroup);
    for (const pid of pids) attempt(() => process.kill(pid, signal));
    return pids.length;
  }

  /** Kills the processes until none is left, and removes the cgroup. */
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
    // /proc can be missing on Linux too, for example in a root file system of the worker's own.
    if (!existsSync('/proc/self')) return [];
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.filter((pid) => textOf(`/proc/${pid}/environ`)?.includes(this.#mark) === true).map(Number);
  }
}

// The new cgroup is below the cgroup of this process, so limits of the worker also hold for its commands.
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
  // The cgroup is used only if processes can be moved in and out.
  if (enter(cgroup.run) && enter(cgroup.own)) return cgroup;
  attempt(() => rmdirSync(cgroup.run));
  return undefined;
}

/** Removes the cgroups of killed workers. A cgroup with processes stays: its job may now be held by another worker. */
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

/** Returns the cgroup after all that the command created below it (children first). */
function cgroupsFrom(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...below.flatMap((entry) => cgroupsFrom(path.join(folder, entry.name))), folder];
}

function enter(cgroup: string): boolean {
  return attempt(() => writeFileSync(path.join(cgroup, 'cgroup.procs'), String(process.pid)));
}

// The name in parentheses may contain any character. The process group is the third field after it (proc(5)).
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
