/**
 * Returns a signal that aborts with the first of the given ones, with its reason. Listeners are removed on release,
 * since a worker's own signal outlives its jobs.
 */
export function firstAbort(signals: readonly AbortSignal[]): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const abort = (event: Event): void => controller.abort((event.target as AbortSignal).reason);
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    signal.addEventListener('abort', abort);
  }
  return {
    signal: controller.signal,
    release: () => signals.forEach((one) => one.removeEventListener('abort', abort)),
  };
}
