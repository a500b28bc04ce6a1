/**
 * Returns a signal that aborts when the first of the given signals aborts, with the same reason. The caller must call
 * `release`, which removes the listeners. Otherwise they would remain, because the signal of the worker outlives its
 * jobs.
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
