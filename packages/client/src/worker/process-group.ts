import type { ChildProcess } from 'node:child_process';

/**
 * The running child processes. The function of a child kills those processes of its run that are outside its process
 * group.
 */
const living = new Map<ChildProcess, () => void>();

// Kills the processes that this process started. Called when this process exits, even after a second Ctrl-C or an
// unexpected error.
function killLiving(): void {
  for (const [child, endOthers] of living) {
    signalGroup(child, 'SIGKILL');
    endOthers();
  }
}

/**
 * Ties the process group of a child (started detached) to this process: when this process exits, the group is killed.
 * After `release`, it is not killed any more. A SIGKILL of this process cannot be handled, so the group then continues
 * to run.
 */
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

/** Sends a signal to the process group of a child. Returns false if no process received it. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    // Windows has no process groups, so only the child receives the signal there.
    return process.platform === 'win32' ? child.kill(signal) : process.kill(-child.pid, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
