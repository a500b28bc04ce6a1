// Opens and thereby migrates an SQLite store. Prints a line for each part of the migration. Usage: `node open-store.ts
// <file>`.
import process from 'node:process';
import { openMetadataStore } from '../../open-metadata-store.ts';

const [file = ''] = process.argv.slice(2);
const onProgress = (text: string): void => void process.stdout.write(`${text}\n`);
const store = await openMetadataStore(`sqlite:${file}`, { onProgress });
await store.close();
process.stdout.write('closed\n');
