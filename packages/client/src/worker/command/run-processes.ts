import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * SIGKILL is sent at most this number of times to all remaining processes. More would not help: a process may be
 * unkillable, or may fork faster than it is killed.
 */
const mostRounds = 200;
/**
 * Pause in milliseconds before SIGKILL is sent again. The kernel needs this time to end the killed processes. It is
 * real time, also in tests.
 */
const roundMs = 2;

/** Paths of two cgroup folders: the cgroup of one run, and the cgroup of this process. */
interface RunCgroup {
  readonly run: string;
  readonly own: string;
}

/**
 * Finds the processes of one run, including those that left its process group by `setsid`, by a double fork or as a
 * daemon. Works on Linux only. If this process may create a cgroup (v2), all processes of the run are in that cgroup.
 * Otherwise they are found by the mark in their environment. A process that clears its environment is then not found.
 */
export class RunProcesses {
  readonly #mark: string;
  readonly #cgroup: RunCgroup | undefined;

  private constructor(mark: string, cgroup: RunCgroup | undefined) {
    this.#mark = mark;
    this.#cgroup = cgroup;
  }

  /** Creates the cgroup of a run, if possible. `mark` must be unguessable and in the environment of the command. */
  static open(mark: string): RunProcesses {
    return new RunProcesses(mark, process.platform === 'linux' ? makeCgroup(mark) : undefined);
  }

  /** The folder of the run's cgroup. Undefined if no cgroup can be created. */
  get cgroup(): string | undefined {
    return this.#cgroup?.run;
  }

  /**
   * Runs `start`, which must start the command before it returns. Meanwhile this process is in the cgroup of the run,
   * so the command starts in it. If the command were moved there later, it could already have children outside of the
   * cgroup.
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

  /** Returns the ids of the processes of the run that are running now. */
  living(): number[] {
    return [...new Set([...this.#inCgroup(), ...this.#marked()])].filter((pid) => pid !== process.pid);
  }

  /** Sends a signal to the processes of the run. Returns the number of processes that it was sent to. */
  signal(signal: NodeJS.Signals, { exceptGroup }: { readonly exceptGroup?: number | undefined } = {}): number {
    const pids = this.living().filter((pid) => exceptGroup === undefined || groupOf(pid) !== exceptGroup);
    for (const pid of pids) attempt(() => process.kill(pid, signal));
    return pids.length;
  }

  /** Kills the processes of the run until none is left, and removes the cgroup. */
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
    // /proc can be missing on Linux too, for example if the worker runs in its own root file system.
    if (!existsSync('/proc/self')) return [];
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.filter((pid) => textOf(`/proc/${pid}/environ`)?.includes(this.#mark) === true).map(Number);
  }
}

// Creates the cgroup of a run inside the cgroup of this process, so that limits of the worker also apply to its
// commands.
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

/**
 * Removes the cgroups of workers that no longer run. If a cgroup still contains a process, it stays and the process is
 * not killed.
 */
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

/** Returns a cgroup and all cgroups that the command created below it, children first. */
function cgroupsFrom(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...below.flatMap((entry) => cgroupsFrom(path.join(folder, entry.name))), folder];
}

function enter(cgroup: string): boolean {
  return attempt(() => writeFileSync(path.join(cgroup, 'cgroup.procs'), String(process.pid)));
}

// Returns the process group of a process. In /proc/<pid>/stat it is the third field after the name in parentheses, which may
// contain any character (proc(5)).
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
