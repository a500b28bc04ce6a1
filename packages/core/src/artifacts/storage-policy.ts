import { AppError, type FieldError } from '../app-error.ts';
import type { ArtifactRecord, ArtifactType, DataClass, StorageProvider } from './artifact.ts';

/** Storage providers whose content must have a checksum, because their bytes may change without notice. */
const checkedProviders: readonly StorageProvider[] = ['s3', 'gcs', 'filesystem', 'local-dev'];

/** Data classes and artifact types that must not be stored at GitHub, which is only for reviewed process assets. */
const notAtGithub: { readonly dataClasses: readonly DataClass[]; readonly types: readonly ArtifactType[] } = {
  dataClasses: ['private', 'sensitive'],
  types: ['recording', 'invoice', 'transcript'],
};

/**
 * Returns the violations of the storage policy in the record of a pointer, with the fields that cause them.
 * `judgeStorageUri` checks the URI itself. Owned content has no violations, because its bytes and its checksum are
 * those of the server.
 */
export function pointerViolations(
  record: Pick<ArtifactRecord, 'type' | 'dataClass' | 'storageProvider' | 'content'>,
): FieldError[] {
  const { type, dataClass, storageProvider, content } = record;
  if (content.kind === 'owned') return [];
  const violations: FieldError[] = [];
  if (checkedProviders.includes(storageProvider) && content.checksum === null) {
    violations.push({ path: 'checksum', message: `is required for content at ${storageProvider}` });
  }
  if (storageProvider !== 'github') return violations;
  if (notAtGithub.dataClasses.includes(dataClass)) {
    violations.push({ path: 'dataClass', message: `is ${dataClass}, and such content must not be at GitHub` });
  }
  if (notAtGithub.types.includes(type)) {
    violations.push({ path: 'type', message: `is ${type}, and such content must not be at GitHub` });
  }
  return violations;
}

/** Returns the error for violations of the storage policy, which names their fields. */
export function storagePolicyError(violations: readonly FieldError[]): AppError {
  const sentence = violations.map(({ path, message }) => `${path} ${message}`).join('; ');
  return new AppError('storage_policy', `The storage policy does not allow this: ${sentence}.`, { errors: violations });
}
