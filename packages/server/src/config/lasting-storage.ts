import { AppError, type LocalFiles } from '@proofhouse/core';

/** The settings that decide where records and bytes are stored, and whether they survive a restart. */
export interface StorageChoice {
  readonly host: string;
  readonly databaseUrl: string;
  readonly blobUrl: string;
  readonly mode: 'local' | 'test' | 'production';
  readonly durableFilesystem: boolean;
  /** Name of the AWS Lambda function in which the server runs. Undefined outside Lambda. */
  readonly lambdaFunction: string | undefined;
}

/** Returns the scheme of a URL in lower case, without the colon. Returns undefined if the URL has none. */
export function schemeOf(url: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
}

/** Returns true if blobs are stored as files of this machine. */
export function blobsAreFiles({ blobUrl }: Pick<StorageChoice, 'blobUrl'>): boolean {
  return schemeOf(blobUrl) === 'file';
}

/** Returns true if records are stored only in the memory of this process. */
export function databaseIsInMemory({ databaseUrl }: Pick<StorageChoice, 'databaseUrl'>): boolean {
  return /^sqlite:(\/\/)?:memory:$/i.test(databaseUrl);
}

/**
 * Refuses storage that does not survive a restart, unless a setting allows it. Errors: `invalid_request`, which names
 * the settings.
 */
export function requireLastingStorage(config: StorageChoice): void {
  refuseFoldersOnLambda(config);
  if (config.mode !== 'production') return;
  if (schemeOf(config.blobUrl) === 'memory' || databaseIsInMemory(config)) {
    throw wrong('Memory stores lose everything at a restart and are refused when PROOFHOUSE_MODE is production.');
  }
  if (blobsAreFiles(config) && !config.durableFilesystem) {
    throw wrong(
      `PROOFHOUSE_MODE is production (PROOFHOUSE_HOST is ${config.host}) and PROOFHOUSE_BLOB_URL is a folder: ` +
        'set PROOFHOUSE_DURABLE_FILESYSTEM=true if its disk survives the machine, or PROOFHOUSE_MODE=local.',
    );
  }
}

// Refuses storage in folders on AWS Lambda, because the folders of a Lambda function are lost when the function ends.
// No mode allows it, and PROOFHOUSE_DURABLE_FILESYSTEM does not allow it either.
function refuseFoldersOnLambda(config: StorageChoice): void {
  if (config.lambdaFunction === undefined) return;
  const [setting] = [
    ...(blobsAreFiles(config) ? ['PROOFHOUSE_BLOB_URL'] : []),
    ...(schemeOf(config.databaseUrl) === 'sqlite' && !databaseIsInMemory(config) ? ['PROOFHOUSE_DATABASE_URL'] : []),
  ];
  if (setting === undefined) return;
  throw wrong(
    `${setting} is a place on this machine's disk, which is lost when the Lambda function ends ` +
      '(AWS_LAMBDA_FUNCTION_NAME is set): use storage outside of it.',
  );
}

/**
 * Returns messages that say what a restart deletes and what remains. Returns an empty list if a restart deletes
 * nothing.
 */
export function lossesAtRestart(lasting: { readonly database: boolean; readonly blobs: boolean }): string[] {
  const { database, blobs } = lasting;
  if (database && blobs) return [];
  if (!database && !blobs) {
    return ['NOTHING HERE IS DURABLE: a restart loses every job, every record and every byte.'];
  }
  return blobs
    ? [
        'THE DATABASE IS NOT DURABLE: a restart loses every job, every record and every token. ' +
          'Bytes stay and can no longer be reached.',
      ]
    : [
        'BYTES ARE NOT DURABLE: a restart loses the bytes of every artifact. ' +
          'Jobs and records stay, and their downloads fail.',
      ];
}

function wrong(message: string): AppError {
  return new AppError('invalid_request', message);
}

/**
 * Returns which files of the caller's machine the storage policy accepts as content. In production and on AWS Lambda it
 * accepts none, because such files are not durable.
 */
export function acceptedLocalFiles({
  mode,
  lambdaFunction,
}: Pick<StorageChoice, 'mode' | 'lambdaFunction'>): LocalFiles {
  if (mode === 'production' || lambdaFunction !== undefined) return 'none';
  return mode === 'local' ? 'path' : 'uri';
}
