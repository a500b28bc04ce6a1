import type { StorageFinding } from '../artifacts/check-storage.ts';

/** Returns a text for operators that says what the storage finding means and what to do. */
export function findingText(finding: StorageFinding): string {
  switch (finding.kind) {
    case 'row-without-bytes':
      return 'The bytes are gone: downloads fail. Restore them from a backup of the blobs.';
    case 'row-with-wrong-bytes':
      return 'The bytes were changed, cut or replaced: downloads are refused. Restore them from a backup of the blobs.';
    case 'usage-drift': {
      const { kind, type, count, sizeBytes } = finding.drift;
      return `Usage of ${kind} ${type} is off by ${String(count)} and ${bytesText(sizeBytes)}; --repair corrects the counters.`;
    }
    case 'bytes-without-row':
      return `${bytesText(finding.sizeBytes)} without a record, left by an upload that was cut off: collection takes them.`;
    case 'planted':
      return 'Something that is no file lies where only blobs lie. Nothing of Proofhouse made it: look who did.';
    case 'staging-leftover':
      return `${bytesText(finding.sizeBytes)} half written by an upload that was cut off: collection takes them.`;
    case 'view-missing':
      return 'The job view lacks the newest bytes of this name; --repair links them.';
    case 'view-outdated':
      return 'The job view shows other bytes than the newest of this name; --repair links them.';
    case 'view-leftover':
      return 'A link to bytes that the job view should not show any more; --repair removes it.';
    case 'view-foreign':
      return 'Something in the job view that Proofhouse did not put there. Nothing removes it: look whose it is.';
  }
}

function bytesText(sizeBytes: number): string {
  return sizeBytes === 1 ? '1 byte' : `${String(sizeBytes)} bytes`;
}
