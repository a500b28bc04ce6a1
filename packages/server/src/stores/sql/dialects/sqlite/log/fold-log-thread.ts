// A thread that writes the log of a database back into its file, and ends when all of it is there.
import { workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

const everyMs = 1000;
const { file } = workerData as { readonly file: string };
const database = new Database(file, { timeout: 0, fileMustExist: true });

function fold(): void {
  // Passive: waits for nobody, and neither readers nor the writer wait for it.
  const [found] = database.pragma('wal_checkpoint(passive)') as { busy: number; log: number; checkpointed: number }[];
  if (found === undefined || found.log === found.checkpointed) database.close();
  else setTimeout(fold, everyMs);
}

fold();
