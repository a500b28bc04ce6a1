import type { ChildProcess } from 'node:child_process';

/** Running children, each with a function that ends its further processes. */
const living = new Map<ChildProcess, () => void>();

// When this process exits suddenly (a second Ctrl-C or an unexpected error), the processes that it started are killed.
function killLiving(): void {
  for (const [child, endOthers] of living) {
    signalGroup(child, 'SIGKILL');
    endOthers();
  }
}

/**
 * Until it is released, the process group of this child (started detached) is killed when this process exits. SIGKILL
 * of this process cannot be handled.
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

/** Sends a signal to the group; returns false when no process received it. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    // Windows has no process groups; only the command itself is ended there.
    return process.platform === 'win32' ? child.kill(signal) : process.kill(-child.pid, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
