import type { ChildProcess } from 'node:child_process';

/** Each with what else ends with it. */
const living = new Map<ChildProcess, () => void>();

// A process that ends at once, by a second Ctrl-C or a failure nobody foresaw, takes what it started along.
function killLiving(): void {
  for (const [child, endOthers] of living) {
    signalGroup(child, 'SIGKILL');
    endOthers();
  }
}

/** Until it is released, the group of this child (started detached) does not outlive this process, unless that is killed. */
export function endsWithProcess(child: ChildProcess, endOthers: () => void = () => undefined): { release(): void } {
  if (living.size === 0) process.on('exit', killLiving);
  living.set(child, endOthers);
  return {
    release: () => {
      living.delete(child);
      if (living.size === 0) process.off('exit', killLiving);
    },
  };
}

/** Whether there was anybody to hear it. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    // Windows has no process groups; there the command alone is ended.
    return process.platform === 'win32' ? child.kill(signal) : process.kill(-child.pid, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
