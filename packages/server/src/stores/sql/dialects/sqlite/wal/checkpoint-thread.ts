// A thread that checkpoints the WAL of a database and ends when all of the WAL is in the database file.
import { workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

const everyMs = 1000;
const { file } = workerData as { readonly file: string };
const database = new Database(file, { timeout: 0, fileMustExist: true });

function checkpoint(): void {
  // A passive checkpoint does not wait for readers or writers and does not delay them.
  const [found] = database.pragma('wal_checkpoint(passive)') as { busy: number; log: number; checkpointed: number }[];
  if (found === undefined || found.log === found.checkpointed) database.close();
  else setTimeout(checkpoint, everyMs);
}

checkpoint();
