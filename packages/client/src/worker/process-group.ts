import type { ChildProcess } from 'node:child_process';

/**
 * The running child processes. The value of a child is a function that kills the processes of its run outside the child's
 * process group.
 */
const living = new Map<ChildProcess, () => void>();

// Kills the processes that this process started. Runs when this process exits, also after a second Ctrl-C or an unexpected
// error.
function killLiving(): void {
  for (const [child, endOthers] of living) {
    signalGroup(child, 'SIGKILL');
    endOthers();
  }
}

/**
 * Makes the process group of a child (started detached) end with this process: when this process exits, the group is
 * killed. After `release`, the group is not killed any more. A SIGKILL of this process cannot be handled, so the group
 * keeps running after a SIGKILL.
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
    // Windows has no process groups. There the signal reaches the child alone.
    return process.platform === 'win32' ? child.kill(signal) : process.kill(-child.pid, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
