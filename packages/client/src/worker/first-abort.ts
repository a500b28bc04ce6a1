/**
 * Returns a signal that is aborted when the first of the given signals is aborted, with the same reason. The caller must call
 * `release`, which removes the listeners: the signal of the worker outlives the signals of its jobs.
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
